"""A picture is made ready as the test images of the run were, whatever its mode and size."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn

from constructors import LoadedRun
from datasets.framing import resized
from datasets.image_folder import ImageFolder
from datasets.spec import DataSpec
from predict import predict

MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"]
SUFFIX = {"CMYK": "tiff", "YCbCr": "jpg", "PA": "tiff"}
QUARTER_TURN = 6  # of the orientations that a camera notes


class Seeing(nn.Module):
    """Keeps the images that it is shown; answers as it is told."""

    def __init__(self, answer: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.answer, self.seen = answer, list[Tensor]()

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(images)
        return self.answer(images)


def run_of(spec: DataSpec, answer: Callable[[Tensor], Tensor] | None = None) -> LoadedRun:
    """A run of such data, whose net answers zeros if it is not told otherwise."""
    model = Seeing(answer or (lambda images: torch.zeros(len(images), spec.num_outputs)))
    build: Any = SimpleNamespace(spec=spec, shown=spec)
    config: Any = None
    return LoadedRun(model.eval(), config, build, Path("run"))


def write(path: Path, mode: str, pixels: np.ndarray, turned: bool) -> Path:
    """Write a picture [H, W, 3] of 8 bits in some mode, perhaps with a turned camera."""
    if mode == "I;16":
        picture = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    else:
        picture = Image.fromarray(pixels).convert(mode)
        if mode in ("LA", "PA", "RGBA"):
            picture.putalpha(Image.fromarray(pixels[..., 1]))
    exif = Image.Exif()
    if turned:
        exif[0x0112] = QUARTER_TURN
    path = path.with_suffix(f".{SUFFIX.get(mode, 'png')}")
    picture.save(path, exif=exif)
    return path


@settings(max_examples=20)
@given(data=st.data())
def test_any_picture_is_shown_to_the_net_as_a_test_image_was(data: st.DataObject) -> None:
    """Bit for bit what the data set makes of the same file."""
    mode, turned = data.draw(st.sampled_from(MODES)), data.draw(st.booleans())
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    with TemporaryDirectory() as place:
        root = Path(place)
        for part in ("train", "val", "test"):
            for name in ("a", "b"):
                (root / part / name).mkdir(parents=True)
                picture = write(root / part / name / "x", mode, pixels, turned)
        settings = {
            "size": data.draw(st.integers(1, 12).filter(lambda size: size > 1)),
            "fit": data.draw(st.sampled_from(["crop", "pad", "stretch"])),
            "grey": data.draw(st.booleans()),
            "circle_crop": data.draw(st.booleans()),
            "bits": 16,
        }
        folder = ImageFolder(str(root), **settings)
        shown, _ = next(folder.splits().test.batches(2))
        run = run_of(folder.spec)
        found = predict(run, [picture])
    assert not found.unreadable
    assert torch.equal(run.model.seen[-1][0], shown[1])


def test_of_16_bits_count_as_many_as_in_the_training(tmp_path: Path) -> None:
    """12, where the data set says so; if nobody does, pictures that use 12 are refused."""
    Image.fromarray(np.full((4, 4), 4080, np.uint16)).save(tmp_path / "a.png")
    spec = DataSpec(1, 2, (4, 4), (0.0,), (1.0,), bits=12)
    for known, said in ((spec, None), (replace(spec, bits=None), 12), (replace(spec, bits=16), 12)):
        run = run_of(known)
        predict(run, [tmp_path / "a.png"], bits=said)
        assert (run.model.seen[-1] == 1).all()
    with pytest.raises(ValueError, match=r"use 12 bits or fewer, .* set --bits to the bits"):
        predict(run_of(replace(spec, bits=None)), [tmp_path / "a.png"])


@pytest.mark.parametrize("size", [14, 28, 29, 56])
def test_files_are_resized_as_images_in_memory_are(tmp_path: Path, size: int) -> None:
    """But for the last of 255 levels, which Pillow and torch round differently."""
    images = torch.randint(256, (1, 1, 28, 28), generator=torch.Generator().manual_seed(0))
    images = images.to(torch.uint8)
    Image.fromarray(images[0, 0].numpy()).save(tmp_path / "a.png")
    run = run_of(DataSpec(1, 10, (size, size), (0.0,), (1.0,)))
    predict(run, [tmp_path / "a.png"])
    assert (run.model.seen[-1] * 255 - resized(images, size)).abs().max() < 1.001


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (DataSpec(4, 2, (1, 1), (0.0,) * 4, (1.0,) * 4), "a latent, does not turn"),
        (DataSpec(1, 2, (8, 8), (0.0,), (1.0,), whole_orbits=True), "whole orbits"),
        (DataSpec(2, 2, (8, 8), (0.0,) * 2, (1.0,) * 2), "no sample of the data set"),
        (DataSpec(1, 2, (8, 9), (0.0,), (1.0,)), "these are 1 x 8 x 9 numbers"),
    ],
)
def test_nets_that_see_no_pictures_are_refused(spec: DataSpec, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        predict(run_of(spec), ["a.png"])
    assert len(str(caught.value).splitlines()) == 1


def test_answers_that_are_no_vector_are_refused() -> None:
    spec = DataSpec(1, 3, (8, 8), (0.0,), (1.0,))
    with pytest.raises(ValueError, match="neither classes nor numbers"):
        predict(run_of(spec, lambda images: images), ["a.png"])
