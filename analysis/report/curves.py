"""Curves over the epochs, as points of small line charts.

The template draws them: Matplotlib would take longer than all else of a page, at every run's end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from analysis.appearance import BLACK, BLUE, GREEN, ORANGE, PINK, SKY, VERMILLION
from analysis.tables import number

__all__ = ["Chart", "Line", "chart"]

LEFT, RIGHT, TOP, BOTTOM = 46.0, 314.0, 8.0, 132.0  # of the panel, in units of its viewBox
MOST_LINES, MOST_POINTS = 12, 400
COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PINK, SKY, BLACK)
DASHES = ("none", "6 3", "2 2")  # so that lines can be told apart in grey


@dataclass(frozen=True)
class Line:
    """A curve: pieces of "x,y x,y …" between its gaps."""

    name: str
    pieces: Sequence[str]
    colour: str
    dash: str


@dataclass(frozen=True)
class Chart:
    """A panel with its lines, the ticks of its axes as (place, label), and what it shows."""

    title: str
    lines: Sequence[Line]
    up: Sequence[tuple[float, str]]
    along: Sequence[tuple[float, str]]
    alt: str


def chart(
    title: str, curves: Mapping[str, Sequence[float | None]], epochs: Sequence[int]
) -> Chart | None:
    """A chart of curves that have a value, or a gap, for each epoch; None without any value."""
    step = ceil(len(epochs) / MOST_POINTS)
    kept = sorted({*range(0, len(epochs), step), len(epochs) - 1})
    epochs = [epochs[i] for i in kept]
    known = {
        name: [value if value is not None and isfinite(value) else None for value in values]
        for name, values in list(curves.items())[:MOST_LINES]
        for values in [[values[i] for i in kept]]
        if any(value is not None and isfinite(value) for value in values)
    }
    numbers = [value for values in known.values() for value in values if value is not None]
    if not numbers or max(map(abs, numbers)) > 1e30:
        return None
    ticks = _ticks(min(numbers), max(numbers))
    low, high = min(ticks[0], *numbers), max(ticks[-1], *numbers)
    first, last = min(epochs), max(epochs)

    def across(epoch: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * (epoch - first) / max(last - first, 1), 1)

    def up(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low), 1)

    lines = []
    for place, (name, values) in enumerate(known.items()):
        pieces: list[list[str]] = [[]]
        for epoch, value in zip(epochs, values, strict=True):
            if value is None:
                pieces.append([])
            else:
                pieces[-1].append(f"{across(epoch)},{up(value)}")
        points = [" ".join(piece) for piece in pieces if piece]
        dash = DASHES[place // len(COLOURS) % 3 if len(known) > 2 else place]
        lines.append(Line(name, points, COLOURS[place % len(COLOURS)], dash))
    told = [f"{name} from {_ends(values)}" for name, values in known.items()]
    return Chart(
        title,
        lines,
        [(up(tick), f"{tick:.4g}") for tick in ticks],
        [(across(epoch), str(epoch)) for epoch in sorted({first, (first + last) // 2, last})],
        f"{title} over epochs {first} to {last}: {'; '.join(told)}",
    )


def _ends(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{number(known[0])} to {number(known[-1])}"


def _ticks(low: float, high: float) -> list[float]:
    """Two to six round numbers that enclose the values or lie among them.

    >>> _ticks(0.06, 2.07)
    [0.0, 1.0, 2.0, 3.0]
    >>> _ticks(0.5, 0.5)
    [0.0, 0.5, 1.0]
    """
    size = max(abs(low), abs(high))
    if high - low <= 1e-9 * size or size < 1e-100:
        margin = abs(low) if size > 1e-100 else 1.0
        low, high = low - margin, high + margin
    unit = 10.0 ** floor(log10(high - low))
    step = next(unit * each for each in (0.2, 0.5, 1, 2, 5) if (high - low) / (unit * each) <= 4)
    return [step * i for i in range(floor(low / step), ceil(high / step) + 1)]
