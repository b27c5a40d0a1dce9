"""The style sheet of all figures: sizes, colours by role, legends, saving.

    with drawing(path, "What it shows", height=2.6) as figure:
        panel = figure.subplots()
        ...
        legend(figure)

Sizes are those of print: a figure is one column of a paper wide, or a page, and its smallest text
is 7 points high there. Every figure is saved as PNG and as SVG.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

__all__ = [
    *("ANSWERS", "BLACK", "BLUE", "COLUMN", "GREEN", "GREY", "PAGE", "PICTURE", "SIGNED"),
    *("VERMILLION", "Style", "angle_colours", "chance_line", "class_colours", "drawing"),
    *("legend", "save", "shades", "styles", "wrapped"),
]

COLUMN, PAGE, DPI = 3.5, 7.2, 220  # inches, pixels per inch
LAST = ("chance", "counts as exact", "published")  # in legends, below what is measured

# Okabe and Ito, "Color Universal Design" (2008): the colour-blind can tell them apart.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILLION, PINK = (
    *("#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"),
)
GREY, BROWN = "#666666", "#7A4A1E"
SIGNED, ANSWERS, PICTURE = "RdBu_r", "viridis", "gray"  # colour maps: weights, answers, images

STYLE: Any = {  # of Matplotlib, which names its keys in the type
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "figure.titlesize": 9,
    "figure.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "legend.frameon": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "axes.linewidth": 0.6,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "errorbar.capsize": 2,
    "svg.hashsalt": "partial_equiv",  # the same numbers, the same file
}


@dataclass(frozen=True)
class Style:
    """How one thing is drawn wherever it appears."""

    colour: str
    marker: str
    line: str = "-"


NONE, WHOLE, LEARNED = Style(VERMILLION, "o"), Style(BLUE, "s"), Style(GREEN, "^")
FURTHER = tuple(map(Style, (ORANGE, SKY, PINK, BLACK, BROWN), "DvPXh"))
ROLES: Mapping[str, Style] = {  # what keeps its colour in all figures, by a word of its name
    **dict.fromkeys(("baseline", "cnn", "none", "t2"), NONE),
    **dict.fromkeys(("parity", "full", "whole", "invariant", "equivariant", "d4"), WHOLE),
    **dict.fromkeys(("partial", "learned"), LEARNED),
    **dict(zip(("flip", "c4", "shift", "d4_shift"), FURTHER, strict=False)),
}


def styles(names: Iterable[str]) -> dict[str, Style]:
    """A style for each name: that of its role, or one that no other of the names has.

    Beyond eight names, colours come again with another line.
    """
    found: dict[str, Style] = {}
    for name in dict.fromkeys(names):
        words = (name, *re.split(r"\W+", name.lower()))
        own = next((ROLES[word] for word in words if word in ROLES), None)
        if own is not None and own not in found.values():
            found[name] = own
        else:
            found[name] = Style("", "")  # one of those that are left, once all roles are given
    every = (WHOLE, NONE, LEARNED, *FURTHER)
    free = [style for style in every if style not in found.values()]
    free += [replace(style, line=line) for line in ("--", ":", "-.") for style in every]
    left = iter(free * len(found))
    return {name: style if style.colour else next(left) for name, style in found.items()}


def shades(number: int) -> list[tuple[float, float, float, float]]:
    """Colours of things in an order, such as layers by depth, or epochs: from dark to light."""
    from matplotlib import colormaps

    return [colormaps["viridis"](0.88 * i / max(number - 1, 1)) for i in range(number)]


def class_colours(number: int) -> list[str]:
    """Colours of classes; of more than ten, those come again."""
    palette = (BLUE, VERMILLION, GREEN, PINK, ORANGE, SKY, BLACK, YELLOW, GREY, BROWN)
    return [palette[i % len(palette)] for i in range(number)]


def angle_colours() -> "Colormap":
    """A colour map for angles, which closes, and which is nowhere white.

    Quarter turns are blue, black, orange and grey: lightness and one pair of colours, so that the
    colour-blind see them too.
    """
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(
        "angles", [BLUE, "#151515", ORANGE, "#B8B8B8", BLUE], N=360
    )


@contextmanager
def drawing(
    path: Path, title: str, *, width: float = COLUMN, height: float = 2.8
) -> Iterator["Figure"]:
    """A figure in this style, inches wide and high, that is saved when the context ends."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure  # a heavy import, for the end of a run

    with rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.suptitle(wrapped(title, width))
        yield figure
        save(figure, path)


def wrapped(text: str, width: float) -> str:
    """Text in lines of at most so many inches, at the size of a title."""
    return "\n".join(fill(line, int(14.5 * width)) for line in text.splitlines())


def legend(
    figure: "Figure",
    panels: "Iterable[Axes] | None" = None,
    *,
    title: str | None = None,
) -> None:
    """Put all that has a label below the panels: no data lie there."""
    found: dict[str, Any] = {}
    for panel in figure.axes if panels is None else panels:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if not found:
        return
    found |= {name: found.pop(name) for name in LAST if name in found}
    letters = max(map(len, found)) + 7
    columns = max(1, min(len(found), int(19 * figure.get_figwidth() / letters)))
    handles, labels = list(found.values()), list(found)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, title=title)


def chance_line(panel: "Axes", chance: float | None, *, percent: bool = True) -> None:
    """A dotted line where guessing lies, if it is known (a share in 0..1)."""
    if chance is not None:
        height = 100 * chance if percent else chance
        panel.axhline(height, color=GREY, linestyle=":", linewidth=1, label="chance")


def save(figure: "Figure", path: Path) -> None:
    """Write the figure as PNG and as SVG beside it; its folder is made.

    The SVG holds the figure's title as text, for those who cannot see it.
    """
    title = " ".join(figure.get_suptitle().split())
    name = path.name.removesuffix(".png")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.set_dpi(DPI)
    figure.draw_without_rendering()
    figure.set_layout_engine(None)  # it has been laid out, which takes as long as to draw it
    figure.savefig(path.parent / f"{name}.png", dpi=DPI)
    figure.savefig(path.parent / f"{name}.svg", dpi=DPI, metadata={"Date": None, "Title": title})
