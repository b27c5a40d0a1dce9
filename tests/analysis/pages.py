"""Folders that nobody ran, some of them a stranger's, for tests of their pages."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from run_folder import write_config, write_result

__all__ = ["ABOUT", "CONFIG", "EVIL", "RESULT", "WORDS", "hostile", "made_up", "svg"]

CONFIG: dict[str, Any] = {"seed": 3, "dataset": {"size": 28}, "train": {"epochs": 4}, "net": {}}
WORDS = ["dataset=rotmnist", "dataset.size=28", "train.epochs=4", "seed=3", "net.names=[a b]"]
ABOUT: dict[str, Any] = {
    "chosen": {"net": "gcnn", "base_group": "SE2", "dataset": "rotmnist"},
    "commit": "0123456789abcdef",
    "uncommitted_changes": True,
    "processor": "A processor",
}
RESULT: dict[str, Any] = {
    "test/accuracy": 0.9543,
    "test/loss": None,
    "val/accuracy": 0.96,
    "range/lifting": 0.5,
    "defect/lifting": 0.25,
    "defect": 0.25,
    "parameters": 20166,
    "seconds/train": 40.0,
    "angles/unseen": 0.875,
}
EVIL = '"><script>document.title="caught"</script><img src=x onerror=alert(1)>\u202e'


def svg(inside: str = "", title: str = "") -> str:
    """A picture of 200 × 100 points: a bar, and whatever else."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="200pt" height="100pt" viewBox="0 0 200 100"><title>{title}</title>'
        f'<rect id="same" width="90" height="90"/>{inside}</svg>'
    )


def made_up(
    folder: Path,
    *,
    config: Mapping[str, Any] = CONFIG,
    words: list[str] = WORDS,
    about: Mapping[str, Any] = ABOUT,
    result: Mapping[str, Any] | None = RESULT,
) -> Path:
    """A run folder with records, tables and figures."""
    (folder / "figures").mkdir(parents=True)
    (folder / "tables" / "angles").mkdir(parents=True)
    write_config(folder, config, words, about)
    if result is not None:
        write_result(folder, result)
    records = [
        {
            **{"epoch": e, "step": 5 * e, "train/loss": 2 / e, "val/loss": 3 / e},
            **{"range/lifting": 1 / e, "defect/lifting": 0.1, "defect": 0.1, "lr": 0.1},
        }
        for e in range(1, 5)
    ]
    lines = [*map(json.dumps, records), json.dumps({"epoch": 4, "a": {"counts": []}})]
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    with (folder / "tables" / "angles" / "curve.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["angle", "accuracy"], *([i, 0.5] for i in range(70))])
    (folder / "figures" / "learned_ranges.svg").write_text(svg(title="How much is kept"))
    Image.new("L", (220, 110)).save(folder / "figures" / "learned_ranges.png")
    Image.new("L", (220, 110)).save(folder / "figures" / "kernels.png")
    return folder


def hostile(folder: Path) -> Path:
    """A run folder of a stranger who would like to run something, or to be told of readers."""
    made_up(
        folder,
        config={"seed": 0, EVIL: {"x": EVIL}, "net": {"name": EVIL}},
        words=[f"net.name={EVIL}", "seed='; rm -rf ~ #"],
        about={"chosen": {"net": EVIL, EVIL: "x"}, "commit": "x; rm -rf ~", EVIL: EVIL},
        result={**RESULT, f"{EVIL}/x": 1.0, "angles/said": EVIL, f"range/{EVIL}": 0.5},
    )
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"epoch": 5, f"train/{EVIL}": 1.0, "val/\ud800": 2.0}) + "\n")
    name = EVIL.replace("/", "_")
    with (folder / "tables" / f"{name}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[EVIL, "b"], ["x", EVIL]])
    far = "http://127.0.0.1:9/seen.png"
    run = "<script>document.title='caught'</script><foreignObject><iframe/></foreignObject>"
    run += f"<image xlink:href='{far}' onload='alert(1)' width='9' height='9'/>"
    run += f"<style>@import url({far}); rect {{ fill: url({far}) }}</style>"
    (folder / "figures" / f"{name}.svg").write_text(svg(run, "&lt;script&gt;alert(2)"))
    entities = '<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + svg("&a;")
    (folder / "figures" / "entities.svg").write_text(entities)
    (folder / "figures" / "linked.svg").symlink_to("/etc/hostname")
    return folder
