"""Picture files of any kind and size, as images of one shape."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from tqdm import tqdm

from datasets.files import UnreadableFiles
from partial_equiv.refusal import Refusal

__all__ = ["Fit", "Pictures", "is_picture"]

Fit = Literal["crop", "pad", "stretch"]
"""How a picture becomes a square: its middle, all of it with black bars, or out of proportion."""

BLOCK = 32  # pictures that a thread takes at once: handing over one costs as much as a small one
LOOKS = 20_000  # pictures to look at, at most, before a training that reads them as it goes
BILINEAR = Image.Resampling.BILINEAR  # Pillow's widens with the reduction, so that none aliases
FITS: dict[Fit, Callable[[Image.Image, tuple[int, int]], Image.Image]] = {
    "crop": lambda image, size: ImageOps.fit(image, size, BILINEAR),
    "pad": lambda image, size: ImageOps.pad(image, size, BILINEAR),
    "stretch": lambda image, size: image.resize(size, BILINEAR),
}


def is_picture(path: Path) -> bool:
    """Return whether a file's name is that of a picture; hidden files are none."""
    known = Image.registered_extensions()
    return path.suffix.lower() in known and not path.name.startswith(".")


class Pictures:
    """The picture files `names`, relative to a root, as uint8 [C, size, size].

    The camera's orientation is obeyed, what is transparent becomes white, 16 bits become 8.
    """

    def __init__(
        self, root: Path, names: Sequence[str], size: int, fit: Fit = "crop", grey: bool = False
    ) -> None:
        self.root = root
        self.names = names
        self.size = size
        self.fit: Fit = fit
        self.grey = grey

    def read(self, index: int) -> Tensor:
        """Return one picture, uint8 [C, size, size]; raises UnreadableFiles."""
        try:
            with Image.open(self._opened(index)) as file:
                # A large JPEG is decoded at a fraction of its size, still at least `size`.
                file.draft(None, (self.size, self.size))
                image = _plain(ImageOps.exif_transpose(file), "L" if self.grey else "RGB")
            pixels = np.array(FITS[self.fit](image, (self.size, self.size)))
        except Exception as error:  # decoders raise whatever a damaged file makes them
            raise self._unreadable(index, error) from None
        images = torch.from_numpy(pixels)
        return images.unsqueeze(0) if self.grey else images.permute(2, 0, 1)

    def load(self, indices: Tensor, num_workers: int) -> Tensor:
        """Return pictures, uint8 [N, C, size, size]; raises UnreadableFiles naming them all."""
        channels = 1 if self.grey else 3
        images = torch.empty(len(indices), channels, self.size, self.size, dtype=torch.uint8)
        wanted = indices.tolist()

        def fill(place: int) -> None:
            images[place] = self.read(wanted[place])

        self._visit(fill, len(wanted), num_workers, "reading pictures")
        return images

    def check(self, indices: Tensor, num_workers: int) -> None:
        """Raise UnreadableFiles naming the files that do not begin like a picture.

        Of very many, some are looked at, evenly spread.
        """
        wanted = indices[:: max(1, len(indices) // LOOKS)].tolist()

        def look(place: int) -> None:
            try:
                Image.open(self._opened(wanted[place])).close()
            except Exception as error:
                raise self._unreadable(wanted[place], error) from None

        self._visit(look, len(wanted), num_workers, "looking at pictures")

    def _name(self, index: int) -> str:
        """Return what a picture is called in a complaint."""
        return self.names[index]

    def _opened(self, index: int) -> Path | BytesIO:
        """Return a picture's file."""
        return self.root / self.names[index]

    def _visit(self, visit: Callable[[int], None], num: int, num_workers: int, label: str) -> None:
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

        pool = ThreadPoolExecutor(max(1, num_workers))
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


def _plain(image: Image.Image, mode: Literal["L", "RGB"]) -> Image.Image:
    """Return an image of any mode in an 8-bit mode without transparency."""
    if image.mode.startswith("I;16"):  # Pillow would clip the values
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise Refusal(f"pixels of mode {image.mode} have no known range")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)
