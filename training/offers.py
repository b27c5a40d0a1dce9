"""What a net offers to a training: penalties to weigh, and parameters with a rate of their own."""

from collections.abc import Mapping

from torch import nn

from config_schema.complaints import ConfigError, unknown
from partial_equiv.penalties import PENALTIES
from partial_equiv.relaxations import relaxations_of

__all__ = ["offered_penalties", "offered_rates", "penalty_weights", "rates"]


def offered_penalties(model: nn.Module) -> dict[str, float]:
    """The penalties of every net, which weigh nothing unless asked for, and the terms of its
    relaxations with the weights that these name."""
    found = dict.fromkeys(PENALTIES, 0.0)
    for _, relaxation in relaxations_of(model):
        found |= relaxation.penalties
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
        ConfigError: for names that the net does not offer, a line each.
    """
    return _chosen("train.penalties", offered_penalties(model), given, "this net offers")


def rates(model: nn.Module, given: Mapping[str, float | None]) -> dict[str, float]:
    """The learning rate of each role but the weights': the given one, or what the net says.

    Raises:
        ConfigError: for names that the net does not offer, a line each.
    """
    return _chosen("train.rates", offered_rates(model), given, "this net has")


def _chosen(
    key: str, offered: Mapping[str, float], given: Mapping[str, float | None], owner: str
) -> dict[str, float]:
    said = {name: value for name, value in given.items() if value is not None}
    strange = sorted(said.keys() - offered.keys())
    if strange:
        lines = (unknown(f"{key}.{name}", said[name], owner, offered) for name in strange)
        raise ConfigError("\n".join(lines))
    return {**offered, **said}
