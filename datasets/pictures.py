"""Picture files of any kind and size, as images of one shape."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import IO, Annotated, ClassVar, Literal

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from tqdm import tqdm

from datasets.files import UnreadableFiles
from datasets.spec import Fit, MissingData
from partial_equiv.intervals import Interval
from partial_equiv.refusal import Refusal

__all__ = ["Bits", "Pictures", "is_picture"]

Bits = Annotated[int, Interval(9, 16)]
"""How many bits of a pixel of 16 count."""

BLOCK = 32  # pictures that a thread takes at once: handing over one costs as much as a small one
LOOKS = 20_000  # pictures to look at, at most, before a training that reads them as it goes
DEEP_LOOKS = 256  # of them to decode, should they have 16 bits
TWELVE_BITS = 2 ** (12 - 8)  # what is below, of 256 levels, fits in 12 of 16 bits
LARGEST = 2**28  # pixels of a picture: some 800 MB in colour
UNREADABLE = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}  # by Pillow alone, that is
# Pillow's own limit would warn of 90 million pixels, from a thread; ours is checked in `_open`.
Image.MAX_IMAGE_PIXELS = None
BILINEAR = Image.Resampling.BILINEAR  # Pillow's widens with the reduction, so that none aliases
FITS: dict[Fit, Callable[[Image.Image, tuple[int, int]], Image.Image]] = {
    "crop": partial(ImageOps.fit, method=BILINEAR),
    "pad": partial(ImageOps.pad, method=BILINEAR),
    "stretch": partial(Image.Image.resize, resample=BILINEAR),
}


@cache
def _suffixes() -> frozenset[str]:
    """The suffixes of files that Pillow can decode (it can write a PDF, say, but not read it)."""
    known = Image.registered_extensions().items()
    return frozenset(
        suffix for suffix, kind in known if kind in Image.OPEN and kind not in UNREADABLE
    )


def is_picture(path: Path) -> bool:
    """Return whether a file's name is that of a picture; hidden files are none."""
    return path.suffix.lower() in _suffixes() and not path.name.startswith(".")


class Pictures:
    """The picture files `names`, relative to a root, as uint8 [C, size, size].

    The camera's orientation is obeyed, what is transparent becomes white, 16 bits become 8: the
    upper 8 of those that count.

    Attributes:
        bits_setting: what a user calls `bits`.
    """

    bits_setting: ClassVar[str] = "dataset.bits"

    def __init__(
        self,
        root: Path,
        names: Sequence[str],
        size: int,
        fit: Fit = "crop",
        grey: bool = False,
        bits: Bits | None = None,
    ) -> None:
        self.root = root
        self.names = names
        self.size = size
        self.fit: Fit = fit
        self.grey = grey
        self.bits = bits

    def read(self, index: int) -> Tensor:
        """Return one picture, uint8 [C, size, size].

        Raises:
            UnreadableFiles: if it cannot be read.
        """
        return self._decoded(index)[0]

    def load(self, indices: Tensor) -> Tensor:
        """Return pictures, uint8 [N, C, size, size].

        Raises:
            UnreadableFiles: naming all of them.
            MissingData: if all pictures of 16 bits use 12 or fewer, and `bits` does not say so.
        """
        channels = 1 if self.grey else 3
        images = torch.empty(len(indices), channels, self.size, self.size, dtype=torch.uint8)
        deep = torch.zeros(len(indices), dtype=torch.bool)
        wanted = indices.tolist()

        def fill(place: int) -> None:
            images[place], deep[place] = self._decoded(wanted[place])

        self._visit(fill, len(wanted), "reading pictures")
        if deep.any():
            self._check_depth(int(images[deep].max()))
        return images

    def check(self, indices: Tensor) -> None:
        """Look at the beginnings of the files; of very many, at some, evenly spread.

        Raises:
            UnreadableFiles: naming those that do not begin like a picture.
            MissingData: as `load` does.
        """
        wanted = indices[:: max(1, len(indices) // LOOKS)].tolist()
        step = max(1, len(wanted) // DEEP_LOOKS)
        levels: list[int] = []  # of pictures of 16 bits

        def look(place: int) -> None:
            try:
                with self._opened(wanted[place]) as source, _open(source) as file:
                    deep = _is_deep(file)
            except Exception as error:
                raise self._unreadable(wanted[place], error) from None
            if deep and place % step == 0:
                levels.append(int(self.read(wanted[place]).max()))

        self._visit(look, len(wanted), "looking at pictures")
        if levels:
            self._check_depth(max(levels))

    def _decoded(self, index: int) -> tuple[Tensor, bool]:
        """Return one picture, and whether its file has 16 bits a pixel.

        Raises:
            UnreadableFiles: if it cannot be read.
        """
        try:
            with self._opened(index) as source, _open(source) as file:
                deep = _is_deep(file)
                # A large JPEG is decoded at a fraction of its size, still at least `size`.
                file.draft(None, (self.size, self.size))
                image = ImageOps.exif_transpose(file)
                image = _plain(image, "L" if self.grey else "RGB", self.bits or 16)
            pixels = np.array(FITS[self.fit](image, (self.size, self.size)))
        except Exception as error:  # decoders raise whatever a damaged file makes them
            raise self._unreadable(index, error) from None
        images = torch.from_numpy(pixels)
        return images.unsqueeze(0) if self.grey else images.permute(2, 0, 1), deep

    def _check_depth(self, brightest: int) -> None:
        """Refuse pictures of 16 bits the brightest of which is almost black."""
        if self.bits is None and brightest < TWELVE_BITS:
            raise MissingData(
                "the pictures of 16 bits a pixel use 12 bits or fewer, and would be almost black",
                self.root,
                f"set {self.bits_setting} to the bits that count (12, say; 16 if they are that "
                "dark); convert those in colour to 8 bits a channel",
            )

    def _name(self, index: int) -> str:
        """Return what a picture is called in a complaint."""
        return self.names[index]

    def _opened(self, index: int) -> IO[bytes]:
        """Open a picture's file."""
        return (self.root / self.names[index]).open("rb")

    def _visit(self, visit: Callable[[int], None], num: int, label: str) -> None:
        """Call `visit` with 0, …, num - 1, and raise UnreadableFiles for all that it raised."""
        reasons: dict[str, str] = {}

        def attempt(start: int) -> int:
            block = range(start, min(start + BLOCK, num))
            for place in block:
                try:
                    visit(place)
                except UnreadableFiles as error:
                    reasons.update(error.reasons)
            return len(block)

        pool = ThreadPoolExecutor()
        try:
            with tqdm(total=num, desc=label, unit="file", disable=None, leave=False) as bar:
                for done in pool.map(attempt, range(0, num, BLOCK)):
                    bar.update(done)
        finally:  # an interrupted user need not wait
            pool.shutdown(cancel_futures=True)
        if reasons:
            raise UnreadableFiles(dict(sorted(reasons.items())), self.root)

    def _unreadable(self, index: int, error: Exception) -> UnreadableFiles:
        name = self._name(index)
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if isinstance(error, UnidentifiedImageError):
            file = self.root / name
            reason = "empty" if file.is_file() and not file.stat().st_size else "not a picture"
        elif isinstance(error, OSError) and error.strerror:
            reason = error.strerror
        return UnreadableFiles({name: reason}, self.root)


def _open(source: IO[bytes]) -> Image.Image:
    """Open a picture, unless it is too large; it is not decoded yet."""
    file = Image.open(source)
    width, height = file.size
    if width * height > LARGEST:
        file.close()
        raise Refusal(f"{width} x {height} pixels are too many: make it smaller")
    return file


def _is_deep(file: Image.Image) -> bool:
    """Whether a file that is open, and not decoded yet, has 16 bits a channel."""
    tiles = getattr(file, "tile", ())
    return file.mode.startswith("I;16") or any(";16" in str(tile[3]) for tile in tiles)


def _plain(image: Image.Image, mode: Literal["L", "RGB"], bits: int) -> Image.Image:
    """Return an image of any mode in an 8-bit mode without transparency."""
    if image.mode.startswith("I;16"):  # Pillow would clip the values
        values = np.asarray(image)
        if values.max(initial=0) >= 2**bits:
            raise Refusal(f"it has a pixel of {values.max()}, more than bits={bits} can hold")
        image = Image.fromarray((values >> (bits - 8)).astype(np.uint8))
    elif image.mode in ("I", "F"):
        kind = "floats" if image.mode == "F" else "integers of 32 bits"
        raise Refusal(f"its pixels are {kind} of no known range: save it with 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)
