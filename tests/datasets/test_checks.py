"""Data that cannot be what they should be are refused in one line, wherever they come from."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from datasets.checks import check
from datasets.dataset import DataSet
from datasets.spec import DataSpec, MissingData, Splits
from datasets.tensors import TensorSplit

SPEC = DataSpec(1, 3, (2, 2), (0.5,), (0.25,), class_names=("cat", "dog", "owl"))
CELLS = replace(SPEC, num_classes=None, class_names=(), target_size=2)
IMAGES = torch.linspace(0, 1, 36).view(9, 1, 2, 2)
LABELS = torch.arange(9) % 3


def splits(images: Tensor = IMAGES, labels: Tensor = LABELS, spec: DataSpec = SPEC) -> Splits:
    """Return splits, the same in all parts."""
    part = TensorSplit(images, labels, spec)
    return Splits(spec, part, part, part)


def put(values: Tensor, place: int, value: float) -> Tensor:
    """Return values with one of them changed."""
    changed = values.clone()
    changed.view(-1)[place] = value
    return changed


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (lambda: splits(labels=put(LABELS, 4, 200)), "label 200 of sample 4, where 0 to 2 are"),
        (lambda: splits(labels=put(LABELS, 4, -1)), "label -1 of sample 4"),
        (lambda: splits(labels=LABELS + 0.7), "labels of type torch.float32, not whole numbers"),
        (lambda: splits(labels=LABELS.clamp(max=1)), "^no training image of class owl; looked in"),
        (lambda: splits(labels=0 * LABELS), "^no training image of classes dog, owl; looked in"),
        (lambda: splits(IMAGES[:0], LABELS[:0]), "no sample in the training data"),
        (lambda: splits(put(IMAGES, 7, torch.nan)), "pixels that are not finite"),
        (lambda: splits(put(IMAGES, 7, torch.inf)), "pixels that are not finite"),
        (lambda: splits(put(IMAGES, 7, 200)), "pixels from 0 to 200, where 0 to 1 is expected"),
        (lambda: splits(put(IMAGES, 7, -0.5)), "pixels from -0.5 to 1"),
        (lambda: splits(IMAGES.round().to(torch.uint8)), "no pixel above 1, where white is 255"),
        (
            lambda: splits(labels=put(torch.zeros(9, 2), 7, torch.nan), spec=CELLS),
            "the target of sample 3 is not finite in the training data",
        ),
        (lambda: splits(labels=torch.zeros(9, 5), spec=CELLS), r"targets of shape \(9, 5\), not"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(wrong: Callable[[], Splits], line: str) -> None:
    with pytest.raises(MissingData, match=line) as caught:
        check(wrong(), "data/here")
    assert "\n" not in str(caught.value)
    assert "looked in data/here; " in str(caught.value)


def test_every_part_is_looked_at() -> None:
    good, bad = splits(), splits(put(IMAGES, 0, 3))
    for name, part in (("train", "training"), ("val", "validation"), ("test", "test")):
        with pytest.raises(MissingData, match=f"expected, in the {part} data; looked"):
            check(replace(good, **{name: getattr(bad, name)}), "")


def test_what_may_be_meant_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    check(splits(), "here")
    check(splits(labels=torch.zeros(9, 2), spec=CELLS), "here")
    assert not caplog.records
    few = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 2])
    check(splits(labels=few), "here")
    check(replace(splits(), val=TensorSplit(IMAGES[:2], LABELS[:2], SPEC)), "here")
    assert [record.message for record in caplog.records] == [
        "only one training image of class owl; looked in here",
        "no image of class owl in the validation data; looked in here",
    ]


def test_every_data_set_is_checked() -> None:
    class Wrong(DataSet):
        spec = SPEC

        def read(self) -> Splits:
            return splits(labels=LABELS + 1)

    with pytest.raises(MissingData, match=r"label 3 of sample 2 \(and 2 more\), where 0 to 2 are"):
        Wrong().splits()


def test_normalisation_has_an_inverse() -> None:
    spec = DataSpec(2, 3, (2, 2), (0.5, 0.1), (0.25, 3.0))
    images = torch.rand(5, 7, 2, 4, 4, dtype=torch.float64)
    normalised = spec.normalised(images)
    assert normalised.dtype == torch.float64
    torch.testing.assert_close(normalised[..., 1, :, :], (images[..., 1, :, :] - 0.1) / 3)
    torch.testing.assert_close(spec.denormalised(normalised), images)
