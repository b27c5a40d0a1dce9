"""What is told of an answer: classes or numbers, and how they change as the picture turns."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from constructors import LoadedRun, load_run
from datasets.spec import DataSpec
from measures.angles import turned
from predict import predict
from tests.predict.test_as_in_training import run_of

TWO = DataSpec(1, 2, (8, 8), (0.0,), (1.0,), class_names=("above", "below"))


@pytest.fixture(scope="module")
def exact(p4_run: Path) -> LoadedRun:
    """A p4 net, which is exactly invariant to quarter turns."""
    return load_run(p4_run)


@pytest.fixture
def bright_above(tmp_path: Path) -> Path:
    """A picture of which the upper half is white."""
    pixels = np.zeros((8, 8), np.uint8)
    pixels[:4] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def halves(images: Tensor) -> Tensor:
    """How bright images [B, 1, H, W] are above and below: [B, 2]."""
    return images.unflatten(2, (2, -1)).mean((1, 3, 4)) * 4


def test_a_test_image_in_a_file_gets_the_answer_of_the_test(
    exact: LoadedRun, tmp_path: Path
) -> None:
    images, _ = next(exact.build.splits.test.batches(5))
    levels = (exact.spec.denormalised(images) * 255).round().to(torch.uint8)
    for place, image in enumerate(levels):
        Image.fromarray(image[0].numpy()).save(tmp_path / f"{place}.png")
    found = predict(exact, sorted(tmp_path.glob("*.png")), top=99, angles=8)
    probabilities = {
        (record["file"], record["degrees"], record["class"]): record["probability"]
        for record in found.records
    }
    assert len(found.records) == len(probabilities) == 5 * 8 * 10
    for degrees in (0.0, 45.0, 90.0):
        expected = exact.model(turned(images, exact.spec, degrees)).softmax(1)
        for (file, angle, name), value in probabilities.items():
            row, column = int(Path(file).stem), exact.spec.class_names.index(name)
            if angle == degrees:
                assert value == pytest.approx(expected[row, column].item(), abs=1e-4)
    for (file, angle, name), value in probabilities.items():
        assert value == pytest.approx(probabilities[file, angle % 90, name], abs=1e-4)
    for record in found.records:
        assert record["kept"] >= 3 / 7 - 1e-5, "at three quarter turns of the seven other angles"


def test_kept_is_the_share_of_the_other_angles(bright_above: Path) -> None:
    run = run_of(TWO, halves)
    half, third = (predict(run, [bright_above], top=1, angles=angles) for angles in (2, 3))
    said = [(record["degrees"], record["class"], record["kept"]) for record in half.records]
    assert said == [(0.0, "above", 0.0), (180.0, "below", 0.0)]
    assert half.records[0]["probability"] == pytest.approx(1 / (1 + np.exp(-4)), rel=1e-5)
    assert {record["class"] for record in third.records[1:]} == {"below"}
    (plain,) = predict(run, [bright_above], top=1).records
    assert list(plain) == ["file", "rank", "class", "probability"]


def test_numbers_are_told_by_their_names(bright_above: Path) -> None:
    spec = DataSpec(1, None, (8, 8), (0.0,), (1.0,), target_size=2, target_names=("up", "down"))
    found = predict(run_of(spec, halves), [bright_above], angles=2).records
    assert [list(record.values())[1:] for record in found] == [
        [0.0, 4.0, 0.0, 0.0],
        [180.0, 0.0, 4.0, pytest.approx(2**0.5, rel=1e-5)],
    ]
    assert list(found[0]) == ["file", "degrees", "up", "down", "change"]


def test_classes_without_names_are_numbers_and_nothing_else_is_nan(bright_above: Path) -> None:
    spec = DataSpec(1, 2, (8, 8), (0.0,), (1.0,))
    found = predict(run_of(spec, lambda images: halves(images) * torch.nan), [bright_above])
    assert {record["class"] for record in found.records} == {0, 1}
    assert {record["probability"] for record in found.records} == {None}
    assert json.loads(json.dumps(found.records, allow_nan=False)) == found.records


def test_pictures_that_break_in_the_middle_leave_the_others_alone(
    bright_above: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Also within one batch; a log is told how far it is."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 60), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.png")
    (tmp_path / "torn.png").write_bytes((tmp_path / "whole.png").read_bytes()[:600])
    (tmp_path / "text.png").write_text("no picture")
    names = [str(path) for path in sorted(tmp_path.glob("*.png"))]
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.INFO):
        patch.setattr("predict.progress.NEWS", 0.0)
        found = predict(run_of(TWO, halves), names, top=1)
    assert set(found.unreadable) == {str(tmp_path / "torn.png"), str(tmp_path / "text.png")}
    (alone,) = predict(run_of(TWO, halves), [bright_above], top=1).records
    assert found.records[0] == alone
    assert [Path(record["file"]).name for record in found.records] == ["a.png", "whole.png"]
    assert "3 of 3 pictures" in caplog.text
