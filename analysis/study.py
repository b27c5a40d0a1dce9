"""The figure of a sweep or a study as a whole: its rows, with what was published of them."""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path

from analysis.appearance import BLACK, BLUE, GREY, PAGE, drawing, legend
from analysis.claims import Values, interval
from analysis.names import plain

__all__ = ["draw_study"]


def draw_study(
    rows: Mapping[str, Values],
    metric: str,
    path: Path,
    *,
    published: Mapping[str, float] | None = None,
    chance: float | None = None,
    title: str = "Every row of the study",
) -> None:
    """Draw each row's mean with its 95 % interval, its seeds, and its published value.

    Args:
        rows: values by seed, by the row's name; a row without values says "not run".
        metric: what the values are.
        path: the PNG to write.
        published: of some of the rows, drawn as hollow diamonds.
        chance: what guessing comes to.
        title: of the figure.
    """
    known = published or {}
    finite = {
        name: [value for value in values.values() if isfinite(value)]
        for name, values in rows.items()
    }
    with drawing(path, title, width=PAGE, height=1.3 + 0.2 * len(rows)) as figure:
        panel = figure.subplots()
        for place, (name, values) in enumerate(finite.items()):
            if values:
                heights = [place] * len(values)
                panel.plot(
                    values, heights, "|", color=BLACK, markersize=9, zorder=3, label="a seed"
                )
                about = interval(values)
                bounds = [[about.mean - about.low], [about.high - about.mean]]
                panel.errorbar(
                    about.mean,
                    place,
                    xerr=bounds if about.num > 1 else None,
                    fmt="o",
                    color=BLUE,
                    label="mean, and its 95 % interval over the seeds",
                )
            if name in known:
                panel.plot(
                    known[name], place, "D", markerfacecolor="none", color=BLACK, label="published"
                )
        numbers = [*known.values(), *(each for values in finite.values() for each in values)]
        if chance is not None:
            panel.axvline(chance, color=GREY, linestyle=":", linewidth=1, label="chance")
            numbers.append(chance)
        if numbers:  # the interval of two seeds is so wide that it would hide all the rest
            known_well = [interval(values) for values in finite.values() if len(values) > 2]
            numbers += [bound for each in known_well for bound in (each.low, each.high)]
            low, high = min(numbers), max(numbers)
            margin = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
            panel.set_xlim(low - margin, high + margin)
        notes = {name: _note(values, finite[name]) for name, values in rows.items()}
        panel.set_yticks(range(len(rows)), [f"{plain(name)}{notes[name]}" for name in rows])
        panel.set_ylim(len(rows) - 0.4, -0.6)
        panel.set_xlabel(metric)
        panel.grid(axis="x")
        legend(figure)


def _note(values: Values, finite: list[float]) -> str:
    """What the dots of a row do not say."""
    if not values:
        return " (not run)"
    lost = len(values) - len(finite)
    return f" ({lost} of {len(values)} without a finite value)" if lost else ""
