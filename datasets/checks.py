"""What no data set may be: unlabelled, empty, out of range. Looked at once, after reading."""

import logging
from collections.abc import Iterator

import torch
from torch import Tensor

from datasets.batching import BatchedSplit
from datasets.spec import DataSpec, MissingData, Split, Splits
from datasets.tensors import TensorSplit

__all__ = ["check"]

SLACK = 1e-3  # beyond 0..1: what rounding may do to a pixel
SHOWN = 5  # names in a message

logger = logging.getLogger(__name__)


def check(splits: Splits, place: str) -> None:
    """Refuse splits that nobody can want to train on, all problems in one line.

    Classes are whole numbers from 0 to num_classes − 1, and each one has a training image; target
    vectors are finite; pixels lie in 0..1, or are bytes that use more than their lowest bit. What
    may be meant is said as a warning: classes with a single training image, or with none in the
    validation or test data.

    Args:
        splits: as read, before any batch is made.
        place: where the data come from.

    Raises:
        MissingData: naming the place.
    """
    parts = {"training": splits.train, "validation": splits.val, "test": splits.test}
    problems = [
        f"{reason} in the {name} data"
        for name, split in parts.items()
        for reason in _problems(split, splits.spec)
    ]
    if not problems and splits.spec.num_classes is not None:
        problems = list(_few(splits.train, splits.spec))
    if problems:
        remedy = "mend the data, or the settings of `dataset` that choose them"
        raise MissingData("; ".join(problems), place, remedy)
    for name, split in parts.items():
        if lacking := _classes(split, splits.spec, 0):
            logger.warning("no image of %s in the %s data; looked in %s", lacking, name, place)
    if single := _classes(splits.train, splits.spec, 1):
        logger.warning("only one training image of %s; looked in %s", single, place)


def _problems(split: Split, spec: DataSpec) -> Iterator[str]:
    """Say what is wrong with one split, whatever the others hold."""
    if len(split) == 0:
        yield "no sample"
        return
    if isinstance(split, BatchedSplit):
        wrong = _wrong_targets(split.targets, spec)
        if wrong:
            yield wrong
    if isinstance(split, TensorSplit) and split.images.numel():
        yield from _wrong_pixels(split.images)


def _wrong_targets(targets: Tensor, spec: DataSpec) -> str | None:
    if spec.num_classes is None:
        if targets.shape[1:] != (spec.target_size,):
            return f"targets of shape {tuple(targets.shape)}, not [N, {spec.target_size}]"
        bad = (~targets.isfinite()).any(1).nonzero().flatten()
        return f"the target of sample {int(bad[0])} is not finite" if len(bad) else None
    if targets.is_floating_point() or targets.is_complex():
        return f"labels of type {targets.dtype}, not whole numbers"
    bad = ((targets < 0) | (targets >= spec.num_classes)).nonzero().flatten()
    if not len(bad):
        return None
    first, many = int(bad[0]), f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
    label, last = int(targets[first]), spec.num_classes - 1
    return f"label {label} of sample {first}{many}, where 0 to {last} are classes,"


def _wrong_pixels(images: Tensor) -> Iterator[str]:
    low, high = (float(each) for each in images.aminmax())  # NaN wins
    if images.dtype == torch.uint8:
        if high == 1:
            yield "no pixel above 1, where white is 255,"
    elif not (low >= -SLACK and high <= 1 + SLACK):
        if not (images.isfinite()).all():
            yield "pixels that are not finite"
        else:
            yield f"pixels from {low:g} to {high:g}, where 0 to 1 is expected,"


def _few(train: Split, spec: DataSpec) -> Iterator[str]:
    """Say which classes cannot be learned."""
    if lacking := _classes(train, spec, 0):
        yield f"no training image of {lacking}"


def _classes(split: Split, spec: DataSpec, num: int) -> str:
    """Name the classes that have `num` samples in a split; empty if there are none."""
    if spec.num_classes is None or not isinstance(split, BatchedSplit):
        return ""
    counts = torch.bincount(split.targets, minlength=spec.num_classes)
    numbers = (counts == num).nonzero().flatten().tolist()
    names = [spec.class_names[number] if spec.class_names else str(number) for number in numbers]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    plural = "es" if len(names) > 1 else ""
    return f"class{plural} {', '.join(names[:SHOWN])}{more}" if names else ""
