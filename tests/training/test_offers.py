"""What a net offers to a training: penalties and rates by name, and what is said to other names."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from command_line.spelling import spelled
from config_schema import ConfigError
from constructors import check, compose
from partial_equiv.ck import Siren
from partial_equiv.gconv import GroupPool, LiftingConv
from partial_equiv.groups import O2
from partial_equiv.relaxations import InputSubset
from partial_equiv.sampling import Sampling
from tasks import Classification
from tests.training.small import SIZE, make_net, make_splits, make_trainer, plain_net
from training.offers import offered_penalties, offered_rates, penalty_weights, rates


def chooser() -> nn.Module:
    """A net whose images choose their subsets."""
    torch.manual_seed(0)
    lifting = LiftingConv(
        1,
        4,
        kernel=partial(Siren, hidden_channels=4),
        sampling=partial(Sampling, O2(), 4),
        partial=True,
        relaxation=InputSubset,
    )
    return nn.Sequential(lifting, GroupPool(), nn.Flatten(), nn.Linear(4 * SIZE[0] * SIZE[1], 2))


def test_a_net_names_its_penalties_and_rates() -> None:
    own = {"monotone": 0.0, "narrow": 0.0, "kernel_l2": 0.0}
    assert offered_penalties(plain_net()) == offered_penalties(make_net()) == own
    assert offered_penalties(chooser()) == {**own, "kl": 1e-3}
    assert offered_rates(plain_net()) == {}
    assert offered_rates(make_net()) == {"range": 1e-2, "keep_logits": 0.1, "omega0": 1e-3}


def test_a_given_value_stands_in_place_of_the_net_s_and_none_does_not() -> None:
    assert penalty_weights(chooser(), {"kl": 0.5, "narrow": None})["kl"] == 0.5
    assert penalty_weights(chooser(), {"kl": None})["kl"] == 1e-3
    assert rates(make_net(), {"range": 0.0})["range"] == 0.0


def test_names_that_the_net_does_not_offer_are_told_in_a_line_each() -> None:
    with pytest.raises(ConfigError) as told:
        penalty_weights(make_net(), {"kl": 0.1, "narow": 1.0})
    assert str(told.value).splitlines() == [
        "train.penalties.kl=0.1: this net offers no kl, only kernel_l2, monotone, narrow "
        "(did you mean kernel_l2?)",
        "train.penalties.narow=1.0: this net offers no narow, only kernel_l2, monotone, narrow "
        "(did you mean narrow?)",
    ]
    with pytest.raises(ConfigError, match=r"train.rates.range=1.0: .* nor any other setting$"):
        rates(plain_net(), {"range": 1.0})


def test_the_terms_of_a_relaxation_are_learned_with_their_weight(tmp_path: Path) -> None:
    def last(**penalties: float) -> dict[str, float]:
        """The last epoch, started from choices that are far from the whole group."""
        net, fast = chooser(), {"epochs": 1, "learning_rate": 0.1}
        net[0].relaxation.encoder[-1].bias.data.copy_(torch.tensor([0.3, -2.0]))
        trainer = make_trainer(tmp_path / str(penalties), penalties=penalties, **fast)
        return trainer.fit(net, make_splits(), Classification()).history[-1]

    free, pulled = last(kl=0.0), last(kl=10.0)
    assert pulled["train/kl"] < free["train/kl"] - 0.02
    assert "val/kl" not in free


SMALL = ("net.hidden_channels=4", "net.widths=[1]", "net.pools=[]", "base_group.num_samples=4")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["train.penalties.kl=0.1"], "train.penalties.kl=0.1: this net offers no kl, only"),
        (["train.rates.rnage=0.1"], r"train.rates.rnage=0.1: .* \(did you mean range\?\)"),
        (["train.penalties.kl=-1", "relaxation=input_subset"], "train.penalties.kl=-1"),
        (["relaxation.initial_range=1.5"], r"relaxation.initial_range=1.5: must lie in \(0, 1\]"),
    ],
)
def test_a_command_line_is_told_what_the_net_offers(words: list[str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as told:
        check(compose([*SMALL, *spelled(words)]))
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["train.penalties.kl=0.1", "relaxation=input_subset"],
        ["train.rates.range=0.1", "conv.partial=False"],  # common words of partial and full rows
        ["train.penalties.kl=0.1", "relaxation=input_subset", "conv.partial=False"],
        ["train.rates.range=1e-4", "relaxation=input_subset"],
    ],
)
def test_words_that_a_strict_net_has_no_use_for_may_be_common_to_several(words: list[str]) -> None:
    check(compose([*SMALL, *spelled(words)]))
