"""What the data cost: a batch, augmented and normalised, against the training step it feeds.

python -m benchmarks.input_pipeline [--repeats 10]
"""

import argparse
import sys
from itertools import islice

import torch

from benchmarks.pairing import interleaved, ratio
from benchmarks.step import training_step
from constructors import compose, construct_model
from datasets.augment import augmentation
from datasets.spec import DataSpec
from datasets.tensors import TensorSplit

BATCH_SIZE, BATCHES, SIZE = 64, 4, 28
AUGMENTATIONS = {
    "none": augmentation(flip=False, crop=0, rotation=0.0),
    "flip, crop": augmentation(flip=True, crop=4, rotation=0.0),
    "flip, crop, rotation": augmentation(flip=True, crop=4, rotation=180.0),
}


def main(words: list[str] | None = None) -> None:
    """Print a line for each augmentation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args(words).repeats
    images = torch.randint(256, (BATCH_SIZE * BATCHES, 1, SIZE, SIZE), dtype=torch.uint8)
    spec = DataSpec(in_channels=1, num_classes=10, size=(SIZE, SIZE), mean=(0.5,), std=(0.5,))
    model = construct_model(compose(["dataset=mnist"]))
    step = training_step(model, torch.randn(BATCH_SIZE, 1, SIZE, SIZE))
    for name, augment in AUGMENTATIONS.items():
        split = TensorSplit(images, torch.zeros(len(images), dtype=torch.long), spec, augment)

        def read(split: TensorSplit = split) -> None:
            for _ in islice(split.batches(BATCH_SIZE, seed=0), BATCHES):
                pass

        seconds = interleaved({"read": read, "step": step}, repeats)
        share = ratio([s / BATCHES for s in seconds["read"]], seconds["step"])
        sys.stdout.write(f"{name:24} {share} of a training step of the default net\n")


if __name__ == "__main__":
    main()
