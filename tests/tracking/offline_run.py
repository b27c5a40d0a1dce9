"""Two W&B trackers in one folder, one after the other, as a run and its resumption; a script."""

import logging
import math
import sys
from pathlib import Path

import torch

from tracking import WandbTracker

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


def main(folder: Path) -> None:
    """Log one of everything."""
    config = {"net": {"hidden_channels": 16}, "seed": 3}
    for epoch in (1, 2):
        tracker = WandbTracker(folder, name="seed=3", group="sweep", config=config, tags=["test"])
        values = {"train/loss": 1 / epoch, "val/accuracy": epoch / 2, "range/layers.conv1": 0.75}
        tracker.scalars(values, epoch=epoch, step=10 * epoch)
    tracker.histogram("grad", torch.randn(100), epoch=2, step=20)
    tracker.table("angles", ["angle", "accuracy"], [[0, 0.5], [90, 0.25]])
    (folder / "learned_ranges.png").write_bytes(PIXEL)
    tracker.image("learned_ranges", folder / "learned_ranges.png")
    (folder / "best.pt").write_bytes(b"weights")
    tracker.artifact("model", folder / "best.pt", "model")
    columns = ["number", "is rotation", "mixed", "truth", "empty", "place"]
    rows = [[1, 0.5, "a", True, None, Path("here")], [2.5, True, 3, None, None, None]]
    tracker.table(
        "generators", columns, [*rows, [math.nan, None, False, False, None, Path("here")]]
    )
    tracker.image("lost", folder / "lost.png")  # what does not work costs itself alone
    tracker.artifact("gone", folder / "gone.pt", "model")
    tracker.scalars({"train/loss": math.nan, "after": 1.0}, epoch=3, step=30)
    tracker.finish({"test/accuracy": 0.875, "dataset": "digits", "exact": True})


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main(Path(sys.argv[1]))
