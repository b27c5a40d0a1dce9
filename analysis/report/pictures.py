"""The figures of a folder, for a page that has nothing beside it.

Each becomes an address that holds the picture itself (`data:`), which is shown as an image: no
browser runs a script of such a picture, follows a link in it or loads anything for it, and its
names do not meet those of another one. So a stranger's SVG needs no cleaning.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import unpack
from xml.etree import ElementTree

from analysis.names import plain
from partial_equiv.refusal import Refusal
from plain_files import read_bytes

__all__ = ["MOST_BYTES", "Picture", "figures", "load_pictures"]

MOST_BYTES = 2_600_000  # of all pictures of a page, written as text
MOST_VECTOR = 400_000  # of an SVG; larger ones hold many images, which a PNG holds better
MOST_FIGURES = 80
REMEDY = "measuring or reporting again draws it anew"
POINTS = re.compile(r"([0-9.]{1,9})(pt|px)?")


@dataclass(frozen=True)
class Picture:
    """A picture: its file's name, its address, what it shows, and its size in points."""

    name: str
    source: str
    alt: str
    width: int
    height: int


def figures(folder: Path) -> list[Path]:
    """The figures of a folder without their endings, in the order of their names."""
    place = folder / "figures"
    found = (path for ending in ("png", "svg") for path in place.glob(f"*.{ending}"))
    return sorted({path.with_name(path.name[:-4]) for path in found if not path.is_symlink()})


def load_pictures(places: Sequence[Path], room: int) -> Iterator[Picture | str]:
    """Each figure as a picture while there is room (letters), else why it is not shown.

    Args:
        places: of figures, without their endings.
        room: for all of them.
    """
    for number, place in enumerate(places):
        if number >= MOST_FIGURES:
            yield f"figures/: {len(places) - number} more are not shown"
            return
        try:
            picture = _picture(place, room)
        except (OSError, ValueError) as error:
            yield str(error)
            continue
        room -= len(picture.source)
        yield picture


def _picture(place: Path, room: int) -> Picture:
    """The SVG of a figure if it can be used, else its PNG.

    Raises:
        Refusal: if both are damaged, or too large.
        OSError: if they cannot be read.
    """
    reasons = []
    for ending, kind in ((".svg", "svg+xml"), (".png", "png")):
        path = place.with_name(place.name + ending)
        if not path.is_file() or path.is_symlink():
            continue
        try:
            most = min(room * 3 // 4, MOST_VECTOR) if ending == ".svg" else room * 3 // 4
            if path.stat().st_size > most:
                raise Refusal("there is no room for it on this page")
            content = read_bytes(path, REMEDY)
            width, height, title = _vector(content) if ending == ".svg" else _pixels(content)
        except ValueError as error:
            reasons.append(f"figures/{path.name} is not shown: {error}")
            continue
        name = plain(place.name)
        source = f"data:image/{kind};base64,{b64encode(content).decode()}"
        return Picture(
            place.name, source, f"{name}: {title}" if title else f"figure: {name}", width, height
        )
    raise Refusal("; ".join(dict.fromkeys(reasons)) or f"figures/{place.name} is not shown")


def _vector(content: bytes) -> tuple[int, int, str]:
    """Width and height (points) and title of an SVG.

    Raises:
        Refusal: if it is none, or not whole.
    """
    if b"<!ENTITY" in content:
        raise Refusal("it defines words of its own")
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise Refusal(f"it is no whole SVG ({error})") from None
    if root.tag != "{http://www.w3.org/2000/svg}svg":
        raise Refusal("it is no SVG")
    sizes = [POINTS.fullmatch(root.get(name, "")) for name in ("width", "height")]
    try:
        width, height = (max(1, min(4000, round(float(size[1])))) for size in sizes if size)
    except ValueError:
        raise Refusal("it does not say its size") from None
    title = root.findtext("{http://www.w3.org/2000/svg}title") or ""
    return width, height, " ".join(title.split())[:300]


def _pixels(content: bytes) -> tuple[int, int, str]:
    """Width and height (points; it has 220 pixels an inch) of a PNG, which has no title.

    Raises:
        Refusal: if it is none, or not whole.
    """
    if content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR":
        raise Refusal("it is no PNG")
    if content[-8:-4] != b"IEND":
        raise Refusal("it is no whole PNG")
    width, height = unpack(">II", content[16:24])
    if not 0 < width * height <= 10**8:
        raise Refusal("its size cannot be")
    return max(1, round(width * 72 / 220)), max(1, round(height * 72 / 220)), ""
