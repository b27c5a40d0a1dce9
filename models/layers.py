"""How wide the layers of a net are, and after which of them something stands."""

from collections.abc import Sequence

from partial_equiv.refusal import Refusal

__all__ = ["check_places", "layer_channels"]


def layer_channels(hidden_channels: int, widths: Sequence[float]) -> list[int]:
    """The channels of layers that are so many times as wide as `hidden_channels`, rounded.

    Raises:
        Refusal: if a layer would have none.
    """
    channels = [round(hidden_channels * width) for width in widths]
    if 0 in channels:
        number = channels.index(0)
        raise Refusal(
            f"layer {number + 1} of {hidden_channels} x {widths[number]:g} channels has none left",
            widths=list(widths),
        )
    return channels


def check_places(name: str, places: Sequence[int], last: int) -> None:
    """Check a setting of places among the layers 0 to `last`.

    Raises:
        Refusal: for a place that is none of them, or that is named twice.

    >>> check_places("pools", [0, 3], 2)
    Traceback (most recent call last):
        ...
    partial_equiv.refusal.Refusal: pools=[0, 3]: the last layer is number 2
    """
    if any(place > last for place in places):
        raise Refusal(f"the last layer is number {last}", **{name: list(places)})
    if len(set(places)) < len(places):
        raise Refusal("names a layer twice", **{name: list(places)})
