"""Matching: how wide a net has to be to have a given number of parameters.

    python main.py net.parameters=60000     chooses net.hidden_channels

so that the nets of a comparison differ in their method and not in their size. Where one channel
more or less is too large a step, one layer of the net alone is made wider or narrower, by its
number among `net.widths` (and if need be another one, by a channel). The count grows about as the
square of the channels, so that few nets have to be made to find the nearest one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from math import sqrt
from typing import Any

from config_schema.complaints import ConfigError, line

__all__ = ["CHANNELS", "PARAMETERS", "asked", "chosen", "matching", "noted"]

PARAMETERS = "parameters"
"""The setting of a net that asks."""

CHANNELS, WIDTHS = "hidden_channels", "widths"
TOLERANCE = 0.01  # share of the wanted number that a net may have more or fewer parameters


def asked(net: object, key: str = "net") -> dict[str, int]:
    """The numbers of parameters that the nodes of a net ask for, by the key of the node.

    >>> asked({"_target_": "…", "parameters": None, "inner": {"parameters": 9000}})
    {'net.inner': 9000}
    """
    if not isinstance(net, Mapping):
        return {}
    found: dict[str, Any] = {}
    for name, value in net.items():
        if name == PARAMETERS and isinstance(value, int):
            found[key] = value
        else:
            found |= asked(value, f"{key}.{name}")
    return found


def chosen(net: object, key: str, wanted: int) -> dict[str, Any] | None:
    """What was chosen in the node at a key of a net, if it asked for the same number.

    >>> chosen({"inner": {"parameters": 9000, "hidden_channels": 7}}, "net.inner", 9000)
    {'hidden_channels': 7}
    """
    for name in key.split(".")[1:]:
        net = net.get(name) if isinstance(net, Mapping) else None
    if not isinstance(net, Mapping) or net.get(PARAMETERS) != wanted:
        return None
    return {name: net[name] for name in (CHANNELS, WIDTHS) if name in net}


def noted(net: Mapping[str, Any], wanted: Mapping[str, int], key: str = "net") -> dict[str, Any]:
    """A net whose nodes say again what they asked for.

    >>> noted({"parameters": None, "hidden_channels": 7}, {"net": 9000})
    {'parameters': 9000, 'hidden_channels': 7}
    """
    found = {
        name: noted(value, wanted, f"{key}.{name}") if isinstance(value, Mapping) else value
        for name, value in net.items()
    }
    return {**found, PARAMETERS: wanted[key]} if key in wanted else found


def matching(
    key: str,
    wanted: int,
    count: Callable[[Mapping[str, Any]], int],
    channels: int,
    widths: Sequence[float],
) -> dict[str, Any]:
    """The settings of a net of the wanted number of parameters, or of one within 1 % of it.

    Args:
        key: of the node that asks.
        wanted: number of parameters.
        count: the parameters of a net with these settings, growing with them; 0 for a net that is
            too narrow to be made.
        channels: hidden_channels to begin at.
        widths: of the layers in units of hidden_channels, if the net has them; else empty.

    Raises:
        ConfigError: if there is none; it names the nearest ones.

    >>> def count(net):
    ...     channels = net["hidden_channels"]
    ...     return sum(100 * channels * round(channels * w) for w in net.get("widths", [1, 2]))
    >>> matching("net", 30010, count, 1, [1, 2])
    {'hidden_channels': 10}
    >>> matching("net", 33000, count, 1, [1, 2])
    {'hidden_channels': 10, 'widths': [1.0, 2.3]}
    >>> matching("net", 33000, count, 1, [])
    Traceback (most recent call last):
        ...
    config_schema.complaints.ConfigError: net.parameters=33000: hidden_channels=10 makes 30000, \
11 makes 36300, neither within 1 %; write net.hidden_channels=10, or another number
    """
    found = nearest(wanted, lambda n: count({CHANNELS: n}), channels)
    (low, fewer), (high, more) = found.items()
    if best := _close(found, wanted):
        return {CHANNELS: best}
    for base in (low, high) if fewer else ():
        for layers in _around([max(1, round(base * width)) for width in widths]):
            for place in reversed(range(len(layers))):

                def with_layer(
                    n: int, base: int = base, layers: list[int] = layers, place: int = place
                ) -> dict[str, Any]:
                    channels = [*layers[:place], n, *layers[place + 1 :]]
                    return {CHANNELS: base, WIDTHS: [each / base for each in channels]}

                one = nearest(wanted, lambda n: count(with_layer(n)), layers[place])
                if layer := _close(one, wanted):
                    return with_layer(layer)
    made = f"{CHANNELS}={low} makes {fewer}, {high} makes {more}, neither"
    best = low if wanted - fewer < more - wanted else high
    if not fewer:
        best, made = high, f"{CHANNELS}={high} makes {more} already, not"
    advice = f"write {key}.{CHANNELS}={best}, or another number"
    raise ConfigError(line(f"{key}.{PARAMETERS}", wanted, f"{made} within 1 %; {advice}"))


def _around(layers: list[int]) -> Iterator[list[int]]:
    """Layers of so many channels, and with one channel more or less in one of them."""
    yield layers
    for place, step in product(reversed(range(len(layers))), (1, -1)):
        if layers[place] + step:
            yield [n + step * (i == place) for i, n in enumerate(layers)]


def _close(counts: Mapping[int, int], wanted: int) -> int | None:
    """What counts nearest to the wanted number, if that is near enough."""
    best = min(counts, key=lambda n: abs(counts[n] - wanted))
    return best if abs(counts[best] - wanted) <= TOLERANCE * wanted else None


def nearest(wanted: int, count: Callable[[int], int], start: int) -> dict[int, int]:
    """The last number n with count(n) ≤ wanted, and the first with more, with their counts.

    >>> nearest(50, lambda n: n * n, 1)
    {7: 49, 8: 64}
    """
    low, high = 0, None
    counts, guess = {0: 0}, start
    while high is None or high - low > 1:
        counts[guess] = count(guess)
        if counts[guess] <= wanted:
            low = guess
        else:
            high = guess
        if high is None:
            guess = max(low + 1, round(low * sqrt(wanted / max(counts[low], 1))))
        else:
            below, there, above = (sqrt(n) for n in (counts[low], wanted, counts[high]))
            guess = round(low + (there - below) / (above - below) * (high - low))
            guess = min(max(guess, low + 1), high - 1)
    return {low: counts[low], high: counts[high]}
