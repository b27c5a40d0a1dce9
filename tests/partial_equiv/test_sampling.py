"""Samplings: which elements, and who shares their shift."""

from math import pi
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from partial_equiv.groups import O2, SO2, Cyclic, Mirror, Trivial
from partial_equiv.relaxations import Layer, LearnedSubset
from partial_equiv.sampling import Sampling

RANDOM = {"sampling": "random"}


def feature(batch: int = 3, offset: Tensor | None = None) -> SimpleNamespace:
    return SimpleNamespace(x=torch.zeros(batch, 1, 1, 4, 4), offset=offset)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_grid_is_that_of_the_paper() -> None:
    sample = Sampling(SO2(), 8).sample(feature())
    expected = pi * (2 * torch.arange(8) + 1 - 8) / 8
    torch.testing.assert_close(sample.elements[0, :, 0], expected)
    assert sample.weights is None


@pytest.mark.parametrize("group", [SO2(), O2()], ids=["SE2", "E2"])
def test_random_shifts_stay_within_half_a_step(group: SO2 | O2) -> None:
    sampling = Sampling(group, 4, scope="element", **RANDOM)
    elements = sampling.sample(feature(2000), seeded()).elements
    grid = group.grid(4)
    rotations = 4 // (1 + len(group.optional_parts))
    shift = (elements - grid)[:, :rotations, 0]
    assert shift.abs().max() <= pi / rotations
    assert shift.abs().max() > 0.95 * pi / rotations
    assert abs(shift.mean()) < 0.1


def test_scopes_share_their_draws() -> None:
    network, layer, element = (
        Sampling(SO2(), 4, scope=scope, **RANDOM) for scope in ("network", "layer", "element")
    )
    shared = torch.tensor([0.25])
    assert network.sample(feature(offset=shared)).offset is shared
    assert layer.sample(feature(offset=shared)).offset != shared
    sample = element.sample(feature(3), seeded())
    assert sample.elements.shape == (3, 4, 1)
    assert len(sample.offset.unique()) == 3


@pytest.mark.parametrize("group", [SO2(), O2()], ids=["SE2", "E2"])
@pytest.mark.parametrize("learns", [True, False])
def test_evaluation_is_deterministic(group: SO2 | O2, learns: bool) -> None:
    sampling = Sampling(group, 4, scope="element", **RANDOM)
    subset = LearnedSubset(Layer(group, 4)) if learns else None
    first, second = (sampling.sample(feature(), None, subset).elements for _ in range(2))
    assert not torch.equal(first, second)
    nn.ModuleList([sampling, subset]).eval()
    first, second = (sampling.sample(feature(), None, subset).elements for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape[0] == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"group": Trivial(), "num_samples": 1, **RANDOM}, "no grid to shift"),
        ({"group": Trivial(), "num_samples": 2}, "num_samples=2"),
        ({"group": O2(), "num_samples": 3}, "num_samples=3"),
        ({"group": Cyclic(4), "num_samples": 8}, "num_samples=8"),
        ({"group": SO2(), "num_samples": 4, "order": 4}, "order=4"),
        ({"group": SO2()}, "num_samples=None"),
        ({"group": Mirror(), **RANDOM}, "no grid to shift"),
    ],
)
def test_senseless_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampling(**settings)
