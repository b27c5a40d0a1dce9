"""What a net offers to a training: penalties to weigh, and parameters with a rate of their own."""

from collections.abc import Mapping

from torch import nn

from partial_equiv.penalties import PENALTIES
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import relaxations_of

__all__ = ["offered_penalties", "offered_rates", "penalty_weights", "rates"]


def offered_penalties(model: nn.Module) -> dict[str, float]:
    """The penalties of every net, which weigh nothing unless asked for, and the terms of the net's
    relaxations, with the weights that these name."""
    found = dict.fromkeys(PENALTIES, 0.0)
    for _, relaxation in relaxations_of(model):
        found |= relaxation.terms
    return found


def offered_rates(model: nn.Module) -> dict[str, float]:
    """What the modules of a net name as `rates`: learning rates of parameters of theirs."""
    found: dict[str, float] = {}
    for module in model.modules():
        found |= getattr(module, "rates", {})
    return found


def penalty_weights(model: nn.Module, given: Mapping[str, float | None]) -> dict[str, float]:
    """The weight of each penalty: the given one, or what the net says.

    Raises:
        Refusal: for a name that the net does not offer.
    """
    return _chosen("train.penalties", offered_penalties(model), given, "penalties")


def rates(model: nn.Module, given: Mapping[str, float | None]) -> dict[str, float]:
    """The learning rate of each role but the weights': the given one, or what the net says.

    Raises:
        Refusal: for a name that the net does not offer.
    """
    return _chosen("train.rates", offered_rates(model), given, "rates of its own")


def _chosen(
    key: str, offered: Mapping[str, float], given: Mapping[str, float | None], what: str
) -> dict[str, float]:
    said = {name: value for name, value in given.items() if value is not None}
    for name in said.keys() - offered.keys():
        known = f"only {', '.join(offered)}" if offered else "none at all"
        raise Refusal(f"this net has no {what} of that name, {known}", **{f"{key}.{name}": said[name]})
    return {**offered, **said}
