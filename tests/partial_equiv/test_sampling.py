"""Samplings: which elements, what gradient, what probability."""

from functools import partial
from itertools import product
from math import pi
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from partial_equiv.gconv import GroupFeature
from partial_equiv.groups import O2, SO2, Cyclic, Dihedral, Mirror, Trivial
from partial_equiv.penalties import monotone, narrow
from partial_equiv.sampling import Sampling, learned_subsets, project_, samplings, set_progress
from tests.blobs import images

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


def test_every_angle_moves_with_the_range() -> None:
    """∂angle_j/∂θ = π u_j for every j, with the random shift in u_j."""
    sampling = Sampling(SO2(), 8, partial=True, initial_range=0.7, **RANDOM).double()
    angles = sampling.sample(feature(), seeded()).elements[0, :, 0]
    for j in range(8):
        (slope,) = torch.autograd.grad(angles[j], sampling.range, retain_graph=True)
        torch.testing.assert_close(
            slope, angles[j].detach() / sampling.range.detach(), rtol=1e-12, atol=1e-12
        )
    assert len(angles.unique()) == 8


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
@pytest.mark.parametrize("partial_", [True, False])
def test_evaluation_is_deterministic(group: SO2 | O2, partial_: bool) -> None:
    sampling = Sampling(group, 4, partial=partial_, scope="element", **RANDOM)
    first, second = (sampling.sample(feature()).elements for _ in range(2))
    assert not torch.equal(first, second)
    sampling.eval()
    first, second = (sampling.sample(feature()).elements for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape[0] == 1


def test_keep_draws_follow_their_probability() -> None:
    """Straight-through draws are hard, and their mean is the keep-probability."""
    sampling = Sampling(O2(), 4, partial=True, initial_keep=0.3, scope="element")
    weights = sampling.sample(feature(20_000), seeded()).weights
    assert set(weights.detach().unique().tolist()) == {0.0, 1.0}
    assert torch.all(weights[:, :2] == 1)  # the rotations hold the identity: always there
    assert torch.equal(weights[:, 2], weights[:, 3])  # the mirrored half goes as one
    assert weights[:, 2].mean().item() == pytest.approx(0.3, abs=5 * (0.21 / 20_000) ** 0.5)


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9])
def test_keep_gradient_agrees_with_the_enumerated_expectation(keep: float) -> None:
    """E f = p f(kept) + (1 - p) f(dropped). For f linear in the weight the straight-through slope
    is the relaxation's, which tends to dE/dlogit = p (1 - p) (f(kept) - f(dropped))."""
    sampling = Sampling(O2(), 2, partial=True, initial_keep=keep, scope="element")
    set_progress(sampling, 1.0)  # temperature .1
    weight = sampling.sample(feature(200_000), seeded()).weights[:, 1]
    kept, dropped = 3.0, -1.0
    expectation = (dropped + (kept - dropped) * weight).mean()
    expectation.backward()
    enumerated = keep * kept + (1 - keep) * dropped
    assert expectation.item() == pytest.approx(enumerated, abs=0.05)
    slope = keep * (1 - keep) * (kept - dropped)
    assert sampling.keep_logits.grad.item() == pytest.approx(slope, rel=0.08)


def test_keep_gradient_under_a_maximum_is_that_of_the_expectation() -> None:
    """Enumerated over the eight subsets of C4; each element decides alone, the loss is linear."""
    sampling = Sampling(Cyclic(4), partial=True, initial_keep=0.4, scope="element").double()
    set_progress(sampling, 1.0)
    x = images(1, 1, 4, 3, 3, seed=2)
    draw = sampling.sample(feature(50_000), seeded())
    drawn = GroupFeature(x.expand(50_000, -1, -1, -1, -1), draw.elements, draw.weights)
    drawn.group_max().sum((1, 2, 3)).mean().backward()
    logits = sampling.keep_logits.detach().clone().requires_grad_()
    expectation = torch.zeros(())
    for subset in product((0.0, 1.0), repeat=3):
        kept = torch.tensor(subset).double()
        probability = torch.where(kept > 0, logits.sigmoid(), 1 - logits.sigmoid()).prod()
        weights = torch.cat([torch.ones(1).double(), kept])[None]
        maximum = GroupFeature(x, draw.elements[:1], weights).group_max().sum()
        expectation = expectation + probability * maximum
    expectation.backward()
    torch.testing.assert_close(sampling.keep_logits.grad, logits.grad, rtol=0.12, atol=0)


def test_evaluation_drops_what_is_kept_with_less_than_a_half() -> None:
    sampling = Sampling(O2(), 6, partial=True).eval()
    assert sampling.sample(feature()).elements.shape == (1, 6, 2)
    sampling.keep_logits.data.fill_(-1e-3)
    sample = sampling.sample(feature())
    assert torch.equal(sample.elements, Sampling(O2(), 6).sample(feature()).elements[:, :3])
    assert sample.weights is None


def test_temperature_falls_with_progress_and_not_with_calls() -> None:
    sampling = Sampling(O2(), 2, partial=True, temperature=0.5, final_temperature=0.1)
    for _ in range(3):
        sampling.sample(feature())
    assert sampling.temperature.item() == pytest.approx(0.5)
    set_progress(nn.Sequential(sampling), 0.5)
    assert sampling.temperature.item() == pytest.approx(0.3)


def test_project_reflects_at_0_and_holds_at_1() -> None:
    model = nn.Sequential(Sampling(SO2(), 4, partial=True), Sampling(O2(), 4, partial=True))
    model[0].range.data.fill_(1.2)
    model[1].range.data.fill_(-0.1)
    project_(model)
    assert learned_subsets(model) == {"0": 1.0, "1": pytest.approx(0.1), "1.mirror": 0.5}
    assert [s.range.item() for _, s in samplings(model)] == [1.0, pytest.approx(0.1)]


@pytest.mark.parametrize(("value", "counts"), [(1.25, 0.75), (-0.3, 0.3), (2.5, 0.5), (-1.4, 0.6)])
@pytest.mark.parametrize("training", [True, False])
def test_elements_are_well_defined_wherever_an_optimiser_goes(
    value: float, counts: float, training: bool
) -> None:
    """As if θ had been reflected; what is reported and penalised is reflected, too."""
    beyond, within = (Sampling(SO2(), 8, partial=True, **RANDOM).double() for _ in range(2))
    beyond.range.data.fill_(value), within.range.data.fill_(counts)
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
    sampling = Sampling(SO2(), 8, partial=True)
    sampling.range.data.fill_(start)
    steps = optimiser([sampling.range], lr=0.02)
    for _ in range(250):
        steps.zero_grad()
        spread = sampling.sample(feature()).elements.square().mean()
        (spread - Sampling(SO2(), 8, partial=True).range.detach() * 0.84).square().backward()
        steps.step()
        if projects:
            project_(sampling)
    assert learned_subsets(sampling)[""] == pytest.approx(0.51, abs=0.02)


def test_a_range_that_wants_the_whole_group_rests_at_it_exactly() -> None:
    sampling = Sampling(SO2(), 8, partial=True, initial_range=0.9)
    steps = torch.optim.Adam([sampling.range], lr=0.03)
    for _ in range(20):
        steps.zero_grad()
        (-sampling.sample(feature()).elements.square().mean()).backward()
        steps.step()
        project_(sampling)
    assert sampling.range.item() == 1


def test_learned_subsets_are_named_by_layer() -> None:
    model = nn.ModuleDict(
        {
            "first": nn.ModuleDict({"sampling": Sampling(O2(), 4, partial=True, initial_keep=0.5)}),
            "second": nn.ModuleDict({"sampling": Sampling(SO2(), 4)}),
        }
    )
    assert learned_subsets(model) == {"first": 1.0, "first.mirror": pytest.approx(0.5)}


def test_monotone_penalty_is_what_ranges_grow_with_depth() -> None:
    ranges = [0.5, 0.8, 0.3, 0.4]
    make = partial(Sampling, SO2(), 4, partial=True)
    model = nn.Sequential(*(make(initial_range=value) for value in ranges), Sampling(SO2(), 4))
    penalty = monotone(model)
    assert penalty.item() == pytest.approx(0.3 + 0.1)
    penalty.backward()
    assert [sampling.range.grad.item() for _, sampling in list(samplings(model))[:4]] == [
        -1.0, 1.0, -1.0, 1.0,
    ]  # fmt: skip


def test_narrow_penalty_is_what_ranges_lack() -> None:
    make = partial(Sampling, SO2(), 4)
    model = nn.Sequential(
        make(partial=True, initial_range=0.4), make(), make(partial=True, initial_range=0.9)
    )
    penalty = narrow(model)
    assert penalty.item() == pytest.approx(0.6 + 0.1)
    penalty.backward()
    assert model[0].range.grad == model[2].range.grad == -1
    assert narrow(nn.Sequential(make())).item() == 0


def test_every_element_of_a_finite_group_is_kept_or_dropped_alone() -> None:
    sampling = Sampling(Cyclic(), order=4, partial=True, initial_keep=0.7)
    assert sampling.num_samples == 4
    assert sampling.subset() == dict.fromkeys(("rot90", "rot180", "rot270"), pytest.approx(0.7))
    with torch.no_grad():
        sampling.keep_logits[1] = -1
    assert sampling.eval().sample(feature()).elements[0, :, 0].tolist() == [0, 1, 3]
    draws = Sampling(Dihedral(2), partial=True, scope="element").sample(feature(2000), seeded())
    weights = draws.weights.detach()
    assert torch.all(weights[:, 0] == 1)
    assert len(weights.unique(dim=0)) == 8  # three elements, independently
    assert torch.allclose(weights[:, 1:].mean(0), torch.tensor(0.5), atol=0.06)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"group": Trivial(), "num_samples": 1, "partial": True}, "no proper subset"),
        ({"group": Trivial(), "num_samples": 1, **RANDOM}, "no grid to shift"),
        ({"group": Trivial(), "num_samples": 2}, "num_samples=2"),
        ({"group": O2(), "num_samples": 3}, "num_samples=3"),
        ({"group": Cyclic(4), "num_samples": 8}, "num_samples=8"),
        ({"group": SO2(), "num_samples": 4, "order": 4}, "order=4"),
        ({"group": SO2()}, "num_samples=None"),
        ({"group": Mirror(), **RANDOM}, "no grid to shift"),
        ({"group": SO2(), "num_samples": 4, "initial_range": 0.0, "partial": True}, r"\(0, 1\]"),
    ],
)
def test_senseless_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampling(**settings)
