"""Learned subsets: which elements, what gradient, what probability, what penalty."""

from itertools import product
from math import pi
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from partial_equiv.gconv import GroupFeature
from partial_equiv.groups import O2, SO2, Cyclic, Dihedral, Group, Trivial
from partial_equiv.penalties import monotone, narrow
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import (
    Layer,
    LearnedSubset,
    learned_subsets,
    project_,
    set_progress,
)
from partial_equiv.sampling import Sample, Sampling
from tests.blobs import images


class Partial(nn.Module):
    """A layer without a kernel: its sampling and its learned subset."""

    def __init__(
        self,
        group: Group,
        num_samples: int | None = None,
        sampling: str = "deterministic",
        scope: str = "layer",
        **settings: float,
    ) -> None:
        super().__init__()
        self.sampling = Sampling(group, num_samples, sampling=sampling, scope=scope)
        self.relaxation = LearnedSubset(Layer(group, self.sampling.num_samples), **settings)

    @property
    def subset(self) -> LearnedSubset:
        return self.relaxation

    def sample(self, feature: SimpleNamespace, generator: torch.Generator | None = None) -> Sample:
        return self.sampling.sample(feature, generator, self.relaxation)


def feature(batch: int = 3) -> SimpleNamespace:
    return SimpleNamespace(x=torch.zeros(batch, 1, 1, 4, 4), offset=None)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_angle_moves_with_the_range() -> None:
    """∂angle_j/∂θ = π u_j for every j, with the random shift in u_j."""
    layer = Partial(SO2(), 8, initial_range=0.7, sampling="random").double()
    angles = layer.sample(feature(), seeded()).elements[0, :, 0]
    for j in range(8):
        (slope,) = torch.autograd.grad(angles[j], layer.subset.range, retain_graph=True)
        torch.testing.assert_close(
            slope, angles[j].detach() / layer.subset.range.detach(), rtol=1e-12, atol=1e-12
        )
    assert len(angles.unique()) == 8


def test_keep_draws_follow_their_probability() -> None:
    """Straight-through draws are hard, and their mean is the keep-probability."""
    layer = Partial(O2(), 4, initial_keep=0.3, scope="element")
    weights = layer.sample(feature(20_000), seeded()).weights
    assert set(weights.detach().unique().tolist()) == {0.0, 1.0}
    assert torch.all(weights[:, :2] == 1)  # the rotations hold the identity: always there
    assert torch.equal(weights[:, 2], weights[:, 3])  # the mirrored half goes as one
    assert weights[:, 2].mean().item() == pytest.approx(0.3, abs=5 * (0.21 / 20_000) ** 0.5)


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9])
def test_keep_gradient_agrees_with_the_enumerated_expectation(keep: float) -> None:
    """E f = p f(kept) + (1 - p) f(dropped). For f linear in the weight the straight-through slope
    is the relaxation's, which tends to dE/dlogit = p (1 - p) (f(kept) - f(dropped))."""
    layer = Partial(O2(), 2, initial_keep=keep, scope="element")
    set_progress(layer, 1.0)  # temperature .1
    weight = layer.sample(feature(200_000), seeded()).weights[:, 1]
    kept, dropped = 3.0, -1.0
    expectation = (dropped + (kept - dropped) * weight).mean()
    expectation.backward()
    enumerated = keep * kept + (1 - keep) * dropped
    assert expectation.item() == pytest.approx(enumerated, abs=0.05)
    slope = keep * (1 - keep) * (kept - dropped)
    assert layer.subset.keep_logits.grad.item() == pytest.approx(slope, rel=0.08)


def test_keep_gradient_under_a_maximum_is_that_of_the_expectation() -> None:
    """Enumerated over the eight subsets of C4; each element decides alone, the loss is linear."""
    layer = Partial(Cyclic(4), initial_keep=0.4, scope="element").double()
    set_progress(layer, 1.0)
    x = images(1, 1, 4, 3, 3, seed=2)
    draw = layer.sample(feature(50_000), seeded())
    drawn = GroupFeature(x.expand(50_000, -1, -1, -1, -1), draw.elements, draw.weights)
    drawn.group_max().sum((1, 2, 3)).mean().backward()
    logits = layer.subset.keep_logits.detach().clone().requires_grad_()
    expectation = torch.zeros(())
    for subset in product((0.0, 1.0), repeat=3):
        kept = torch.tensor(subset).double()
        probability = torch.where(kept > 0, logits.sigmoid(), 1 - logits.sigmoid()).prod()
        weights = torch.cat([torch.ones(1).double(), kept])[None]
        maximum = GroupFeature(x, draw.elements[:1], weights).group_max().sum()
        expectation = expectation + probability * maximum
    expectation.backward()
    torch.testing.assert_close(layer.subset.keep_logits.grad, logits.grad, rtol=0.12, atol=0)


def test_evaluation_drops_what_is_kept_with_less_than_a_half() -> None:
    layer = Partial(O2(), 6).eval()
    assert layer.sample(feature()).elements.shape == (1, 6, 2)
    layer.subset.keep_logits.data.fill_(-1e-3)
    sample = layer.sample(feature())
    assert torch.equal(sample.elements, Sampling(O2(), 6).sample(feature()).elements[:, :3])
    assert sample.weights is None


def test_temperature_falls_with_progress_and_not_with_calls() -> None:
    layer = Partial(O2(), 2, temperature=0.5, final_temperature=0.1)
    for _ in range(3):
        layer.sample(feature())
    assert layer.subset.temperature.item() == pytest.approx(0.5)
    set_progress(nn.Sequential(layer), 0.5)
    assert layer.subset.temperature.item() == pytest.approx(0.3)


def test_project_reflects_at_0_and_holds_at_1() -> None:
    model = nn.Sequential(Partial(SO2(), 4), Partial(O2(), 4))
    model[0].subset.range.data.fill_(1.2)
    model[1].subset.range.data.fill_(-0.1)
    project_(model)
    assert learned_subsets(model) == {"0": 1.0, "1": pytest.approx(0.1), "1.mirror": 0.5}
    assert [layer.subset.range.item() for layer in model] == [1.0, pytest.approx(0.1)]


@pytest.mark.parametrize(("value", "counts"), [(1.25, 0.75), (-0.3, 0.3), (2.5, 0.5), (-1.4, 0.6)])
@pytest.mark.parametrize("training", [True, False])
def test_elements_are_well_defined_wherever_an_optimiser_goes(
    value: float, counts: float, training: bool
) -> None:
    """As if θ had been reflected; what is reported and penalised is reflected, too."""
    beyond, within = (Partial(SO2(), 8, sampling="random").double() for _ in range(2))
    beyond.subset.range.data.fill_(value), within.subset.range.data.fill_(counts)
    samples = [s.train(training).sample(feature(), seeded()).elements for s in (beyond, within)]
    torch.testing.assert_close(*samples, rtol=1e-12, atol=1e-12)
    assert samples[0].abs().max() <= pi
    assert learned_subsets(beyond) == {"": pytest.approx(counts)}
    assert narrow(beyond).item() == pytest.approx(1 - counts)


@pytest.mark.parametrize("start", [0.0, 0.004, -0.2, 1.3])
@pytest.mark.parametrize("projects", [True, False])
@pytest.mark.parametrize("optimiser", [torch.optim.SGD, torch.optim.Adam])
def test_a_range_comes_back_from_wherever_it_is(
    start: float, projects: bool, optimiser: type[torch.optim.Optimizer]
) -> None:
    """From 0 too, where a loss that is even in θ has no slope."""
    layer = Partial(SO2(), 8)
    layer.subset.range.data.fill_(start)
    steps = optimiser([layer.subset.range], lr=0.02)
    for _ in range(250):
        steps.zero_grad()
        spread = layer.sample(feature()).elements.square().mean()
        (spread - Partial(SO2(), 8).subset.range.detach() * 0.84).square().backward()
        steps.step()
        if projects:
            project_(layer)
    assert learned_subsets(layer)[""] == pytest.approx(0.51, abs=0.02)


def test_a_range_that_wants_the_whole_group_rests_at_it_exactly() -> None:
    layer = Partial(SO2(), 8, initial_range=0.9)
    steps = torch.optim.Adam([layer.subset.range], lr=0.03)
    for _ in range(20):
        steps.zero_grad()
        (-layer.sample(feature()).elements.square().mean()).backward()
        steps.step()
        project_(layer)
    assert layer.subset.range.item() == 1


def test_learned_subsets_are_named_by_layer() -> None:
    model = nn.ModuleDict(
        {"first": Partial(O2(), 4, initial_keep=0.5), "second": Sampling(SO2(), 4)}
    )
    assert learned_subsets(model) == {"first": 1.0, "first.mirror": pytest.approx(0.5)}


def test_monotone_penalty_is_what_ranges_grow_with_depth() -> None:
    ranges = [0.5, 0.8, 0.3, 0.4]
    layers = [Partial(SO2(), 4, initial_range=value) for value in ranges]
    model = nn.Sequential(*layers, Sampling(SO2(), 4))
    penalty = monotone(model)
    assert penalty.item() == pytest.approx(0.3 + 0.1)
    penalty.backward()
    assert [layer.subset.range.grad.item() for layer in layers] == [-1.0, 1.0, -1.0, 1.0]


def test_narrow_penalty_is_what_ranges_lack() -> None:
    first, last = (Partial(SO2(), 4, initial_range=value) for value in (0.4, 0.9))
    model = nn.Sequential(first, Sampling(SO2(), 4), last)
    penalty = narrow(model)
    assert penalty.item() == pytest.approx(0.6 + 0.1)
    penalty.backward()
    assert first.subset.range.grad == last.subset.range.grad == -1
    assert narrow(Sampling(SO2(), 4)).item() == 0


def test_every_element_of_a_finite_group_is_kept_or_dropped_alone() -> None:
    layer = Partial(Cyclic(4), initial_keep=0.7)
    kept = {f"range.{part}": pytest.approx(0.7) for part in ("rot90", "rot180", "rot270")}
    assert layer.subset.numbers() == kept
    with torch.no_grad():
        layer.subset.keep_logits[1] = -1
    assert layer.eval().sample(feature()).elements[0, :, 0].tolist() == [0, 1, 3]
    draws = Partial(Dihedral(2), scope="element").sample(feature(2000), seeded())
    weights = draws.weights.detach()
    assert torch.all(weights[:, 0] == 1)
    assert len(weights.unique(dim=0)) == 8  # three elements, independently
    assert torch.allclose(weights[:, 1:].mean(0), torch.tensor(0.5), atol=0.06)


@pytest.mark.parametrize(
    ("group", "settings", "message"),
    [
        (Trivial(), {}, "no proper subset"),
        (SO2(), {"initial_range": 0.0}, r"initial_range=0.0: must lie in \(0, 1\]"),
    ],
)
def test_senseless_settings_are_refused(
    group: Group, settings: dict[str, float], message: str
) -> None:
    with pytest.raises(Refusal, match=message):
        Partial(group, 1, **settings)
