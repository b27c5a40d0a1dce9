"""Whoever fails first says why, and the others fail with its words."""

import re

import pytest
from torch.distributed import HashStore

from config_schema import ConfigError
from partial_equiv.refusal import Refusal
from together import AnotherFailed, Team

ECHO = RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer")


def member(rank: int, store: HashStore) -> Team:
    """A process of a team that meets at this store."""
    team = object.__new__(Team)
    team.rank, team._store = rank, store
    return team


def fail(team: Team, error: Exception) -> None:
    """Fail as one of the team."""
    with team.failing_together():
        raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Refusal("no luck", seed=3), "seed=3: no luck"),
        (ConfigError("net.widht=3: net has no widht"), "net.widht=3: net has no widht"),
        (FileNotFoundError(2, "No such file", "a.png"), "a.png: No such file"),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)
def test_the_first_failure_is_told_by_all(error: Exception, said: str) -> None:
    store = HashStore()
    one, other, third = (member(rank, store) for rank in range(3))
    with pytest.raises(type(error)):
        fail(one, error)
    with pytest.raises(AnotherFailed, match=rf"^{re.escape(said)} \(process 0\)$"):
        fail(other, ECHO)
    with pytest.raises(AnotherFailed, match=re.escape(said)):
        third.hear("words")


def test_a_death_without_a_word_is_told_as_one() -> None:
    with pytest.raises(AnotherFailed, match="has ended without a word"):
        fail(member(1, HashStore()), ECHO)
