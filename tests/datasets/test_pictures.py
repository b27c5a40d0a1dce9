"""Picture files of every kind become images of one shape; damaged ones are named."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from datasets.files import UnreadableFiles
from datasets.pictures import Pictures, is_picture
from datasets.spec import MissingData

NOISE = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)


def read(folder: Path, name: str, size: int, **arguments: object) -> torch.Tensor:
    """Return one picture [C, size, size]."""
    return Pictures(folder, [name], size, **arguments).read(0)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp"])
def test_pictures_of_the_right_size_are_left_alone(tmp_path: Path, suffix: str, fit: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(NOISE).save(tmp_path / f"a.{suffix}", **options)
    image = read(tmp_path, f"a.{suffix}", 6, fit=fit)
    assert image.dtype == torch.uint8
    assert torch.equal(image, torch.from_numpy(NOISE).permute(2, 0, 1))


def test_each_fit_does_what_it_says(tmp_path: Path) -> None:
    wide = np.zeros((20, 60, 3), dtype=np.uint8)
    wide[:, :20, 0] = wide[:, 20:40, 1] = wide[:, 40:, 2] = 200  # red, green, blue
    Image.fromarray(wide).save(tmp_path / "wide.png")
    crop, pad, stretch = (
        read(tmp_path, "wide.png", 12, fit=fit).float() for fit in ("crop", "pad", "stretch")
    )
    assert (crop[1, :, 1:-1] == 200).all()
    assert crop[[0, 2], :, 2:-2].max() == 0
    assert pad[:, :3].max() == pad[:, 9:].max() == 0
    assert (pad[:, 5:7, [1, 6, 10]].amax(1) == 200 * torch.eye(3)).all()
    assert (stretch[:, 6, [1, 6, 10]] == 200 * torch.eye(3)).all()
    assert stretch.amax(0).min() > 100


def test_the_camera_is_obeyed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter turn clockwise
    Image.fromarray(NOISE).save(tmp_path / "a.png", exif=exif)
    turned = torch.from_numpy(NOISE).permute(2, 0, 1).rot90(-1, (1, 2))
    assert torch.equal(read(tmp_path, "a.png", 6), turned)


def test_modes_become_colours_or_grey(tmp_path: Path) -> None:
    rgba = np.dstack([NOISE, np.zeros((6, 6), np.uint8)])
    rgba[0, 0, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "clear.png")
    image = read(tmp_path, "clear.png", 6)
    assert image[:, 0, 0].tolist() == NOISE[0, 0].tolist()
    assert (image.flatten(1)[:, 1:] == 255).all(), "what is transparent is white"
    Image.fromarray(NOISE).quantize(4).save(tmp_path / "palette.gif")
    assert read(tmp_path, "palette.gif", 6).shape == (3, 6, 6)
    deep = np.arange(36, dtype=np.uint16).reshape(6, 6) * 1800
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert torch.equal(
        read(tmp_path, "deep.png", 6, grey=True)[0], torch.from_numpy((deep >> 8).astype(np.uint8))
    )
    Image.fromarray(deep.astype(np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(
        UnreadableFiles, match=r"float.tiff \(its pixels are floats of no known range: save"
    ):
        read(tmp_path, "float.tiff", 6)


def test_large_photographs_are_reduced_without_aliasing(tmp_path: Path) -> None:
    rows = np.arange(512)[:, None] + np.arange(640)
    pixels = (127.5 + 100 * np.sin(rows / 80)).astype(np.uint8)
    pixels[::2, ::2] //= 2  # a fine pattern, which must vanish in its average
    Image.fromarray(pixels).convert("RGB").save(tmp_path / "a.jpg", quality=95)
    image = read(tmp_path, "a.jpg", 32, grey=True)[0].float()
    expected = torch.from_numpy(pixels).float()[:, 64:-64].unflatten(0, (32, 16)).mean(1)
    expected = expected.unflatten(1, (32, 16)).mean(2)
    assert (image - expected).abs().mean() < 2


def test_all_damaged_files_are_named_at_once(tmp_path: Path) -> None:
    names = ["good.png", "torn.png", "text.jpg", "empty.jpg", "gone.png"]
    Image.fromarray(NOISE).resize((60, 60)).save(tmp_path / "good.png")
    (tmp_path / "torn.png").write_bytes((tmp_path / "good.png").read_bytes()[:200])
    (tmp_path / "text.jpg").write_text("<html>not found</html>")
    (tmp_path / "empty.jpg").touch()
    pictures = Pictures(tmp_path, names, 6)
    with pytest.raises(UnreadableFiles) as caught:
        pictures.load(torch.arange(5))
    assert set(caught.value.reasons) == set(names[1:])
    line = str(caught.value)
    assert "\n" not in line
    assert "cannot read empty.jpg (empty), gone.png (No such file or directory), text" in line
    assert f"; looked in {tmp_path}; replace, convert or delete" in line
    with pytest.raises(UnreadableFiles) as quick:
        pictures.check(torch.arange(5))
    assert set(quick.value.reasons) == {"text.jpg", "empty.jpg", "gone.png"}
    good = pictures.load(torch.tensor([0, 0]))
    assert torch.equal(good[0], pictures.read(0))


def test_names_tell_pictures(tmp_path: Path) -> None:
    assert all(is_picture(Path(name)) for name in ("a.jpg", "a.JPEG", "a.b.png", "a.tif"))
    assert not any(is_picture(Path(name)) for name in ("a.txt", "jpg", "._a.jpg", "Thumbs.db"))


def test_what_pillow_can_only_write_is_no_picture() -> None:
    assert not any(is_picture(Path(name)) for name in ("a.pdf", "a.ps", "a.h5", "a.mpg", "a.wmf"))
    assert is_picture(Path("a.webp"))


def test_formats_of_no_known_range_get_advice_that_helps(tmp_path: Path) -> None:
    for kind, word in ((np.float32, "floats"), (np.int32, "integers of 32 bits")):
        Image.fromarray(np.full((6, 6), 70_000, kind)).save(tmp_path / "a.tiff")
        advice = rf"its pixels are {word} of no known range: save it with 8 or 16 bits\)"
        with pytest.raises(UnreadableFiles, match=advice):
            read(tmp_path, "a.tiff", 6)


def test_large_pictures_are_taken_and_too_large_ones_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """144 million pixels are taken without a warning, which is an error here."""
    Image.new("1", (12_000, 12_000)).save(tmp_path / "large.png")
    pictures = Pictures(tmp_path, ["large.png"], 6)
    pictures.check(torch.arange(1))
    monkeypatch.setattr("datasets.pictures.LARGEST", 10**8)
    for look in (pictures.check, pictures.load):
        reason = r"large.png \(12000 x 12000 pixels are too many: make it smaller\)"
        with pytest.raises(UnreadableFiles, match=reason):
            look(torch.arange(1))


def test_deep_colours_are_refused_if_they_would_be_black(tmp_path: Path) -> None:
    """Pillow reads the upper 8 of 16 bits a channel, and says so nowhere."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    for name, level in (("dark.png", 4000), ("full.png", 64_000)):
        row = b"\0" + struct.pack(">H", level) * 12
        header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
        content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * 4))
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b""))
    assert (read(tmp_path, "full.png", 4) == 250).all()
    for look in ("check", "load"):
        with pytest.raises(MissingData, match="convert those in colour to 8 bits a channel"):
            getattr(Pictures(tmp_path, ["dark.png"], 4), look)(torch.arange(1))
        getattr(Pictures(tmp_path, ["dark.png", "full.png"], 4), look)(torch.arange(2))
