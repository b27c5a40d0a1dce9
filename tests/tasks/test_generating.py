"""The losses of generators, on oracles whose symmetries are known."""

from collections.abc import Callable
from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from models.latent import Generators, OrbitAverage, Transformation
from tasks.generating import (
    Generating,
    centred,
    closure,
    normalisation,
    orthogonality,
)

DOUBLE = torch.float64


class Radius(nn.Module):
    """An oracle of two classes whose level sets are circles; `shift` moves both logits."""

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__()
        self.shift = shift

    def forward(self, latents: Tensor) -> Tensor:
        radius = latents.square().sum(-1, keepdim=True)
        moved = self.shift * latents[..., :1]
        return torch.cat([moved, radius + moved], dim=-1)


class Fields(nn.Module):
    """Linear vector fields z ↦ A z."""

    def __init__(self, *matrices: Tensor) -> None:
        super().__init__()
        self.matrices = torch.stack(matrices)

    def forward(self, latents: Tensor) -> Tensor:
        return torch.einsum("aij,bj->bai", self.matrices.to(latents), latents)


def points(num: int = 40, size: int = 2, seed: int = 0) -> Tensor:
    return torch.randn(num, size, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))


ROTATION = torch.tensor([[0.0, -1.0], [1.0, 0.0]])


@given(st.floats(-3, 3), st.integers(0, 99))
def test_rotation_leaves_circles_and_growing_does_not(shift: float, seed: int) -> None:
    """Whatever moves both logits alike is no change to a softmax."""
    latents = points(seed=seed)
    task = Generating(Radius(shift), epsilon=1e-4)
    turning, growing = Fields(ROTATION)(latents), Fields(torch.eye(2))(latents)
    assert task.invariance(latents, turning) < 1e-6
    # d/dε of r² along z is 2r², and ±½ of it in each of the two logits less their mean.
    expected = (2 * latents.square().sum(1)).square().mean() / 2
    found = task.invariance(latents, growing).item()
    assert found == pytest.approx(expected.item(), rel=1e-3)


@given(st.sampled_from([1e-2, 1e-3, 1e-4]))
def test_the_invariance_loss_does_not_scale_with_epsilon(epsilon: float) -> None:
    latents = points()
    fields = Fields(torch.eye(2))(latents)
    found = Generating(Radius(), epsilon).invariance(latents, fields)
    limit = Generating(Radius(), 1e-6).invariance(latents, fields)
    assert found.item() == pytest.approx(limit.item(), rel=3 * epsilon)


def test_single_precision_is_no_harm() -> None:
    latents = points().float()
    fields = Fields(ROTATION)(latents)
    assert Generating(Radius(), 1e-3).invariance(latents, fields) < 1e-4


def test_norm_and_orthogonality_by_hand() -> None:
    fields = torch.tensor([[[2.0, 0.0], [1.0, 1.0]], [[0.0, 4.0], [0.0, 1.0]]])
    # lengths 2, 4: mean of 1, 9 and variance 1; √2, 1: mean of (√2 − 1)², 0 and its variance
    other = (2**0.5 - 1) ** 2 / 2 + (2**0.5 - 1) ** 2 / 4
    assert normalisation(fields).item() == pytest.approx(5 + 1 + other)
    assert orthogonality(fields).item() == pytest.approx((2**2 + 4**2) / 2)
    assert orthogonality(fields[:, :1]).item() == 0


def rotations() -> list[Tensor]:
    """The three generators of so(3)."""
    found = []
    for i, j in ((0, 1), (0, 2), (1, 2)):
        matrix = torch.zeros(3, 3)
        matrix[i, j], matrix[j, i] = -1.0, 1.0
        found.append(matrix)
    return found


def test_closure_knows_an_algebra() -> None:
    """so(3) closes, two of its three generators do not, and two that commute do."""
    latents = points(60, 3)

    def loss(*matrices: Tensor) -> float:
        fields = Fields(*matrices)
        return closure(fields, latents, fields(latents), 1e-3).item()

    whole = rotations()
    assert loss(*whole) < 1e-8
    assert loss(*whole[:2]) > 0.1
    assert loss(torch.diag(torch.tensor([1.0, 0, 0])), torch.diag(torch.tensor([0, 1.0, 0]))) < 1e-8


@pytest.mark.parametrize(("number", "weight"), [(1, 0.0), (2, 0.0), (2, 1.0)])
def test_the_task_adds_up_its_losses(number: int, weight: float) -> None:
    torch.manual_seed(0)
    task = Generating(Radius(), norm_weight=2.0, orthogonality_weight=3.0, closure_weight=weight)
    model = Generators(2, number, 8)
    batch = (points(8).float()[:, None, None], torch.zeros(8))
    loss, parts = task.step(model, batch)
    weights = {"invariance": 1.0, "norm": 2.0, "orthogonality": 3.0, "closure": 1.0}
    names = ["invariance", "norm", *["orthogonality"] * (number > 1), *["closure"] * bool(weight)]
    assert list(parts) == names
    total = sum(weights[name] * part.item() for name, part in parts.items())
    assert loss.item() == pytest.approx(total)
    loss.backward()
    assert all(each.grad is not None for each in model.parameters())


@pytest.mark.parametrize("seed", range(3))
def test_training_finds_the_rotation_of_a_circle(seed: int) -> None:
    """Everywhere in the same direction."""
    torch.manual_seed(seed)
    model, task = Generators(2, 1, 32), Generating(Radius())
    latents = torch.nn.functional.normalize(points(200).float(), dim=1)
    latents = latents * (0.5 + torch.rand(200, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(150):
        loss, _ = task.step(model, (latents,))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    fields = model(latents)[:, 0]
    cosine = nn.functional.cosine_similarity(fields, Fields(ROTATION)(latents)[:, 0]).mean()
    assert cosine.abs() > 0.97
    assert (fields.norm(dim=1) - 1).abs().mean() < 0.15


def test_logits_are_centred() -> None:
    logits = points(3, 5)
    torch.testing.assert_close(centred(logits).softmax(1), logits.softmax(1))
    torch.testing.assert_close(centred(logits + 7), centred(logits))


class Exact(Transformation):
    """A turn of the plane by 360°/n."""

    def __init__(self, views: int) -> None:
        super().__init__(2, 4)
        angle = torch.tensor(2 * torch.pi / views)
        rows = [[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]]
        self.matrix = torch.tensor(rows)

    def forward(self, latents: Tensor) -> Tensor:
        return latents @ self.matrix.T


@pytest.mark.parametrize("average", ["features", "latents"])
def test_the_mean_over_an_orbit_is_invariant_if_the_turn_composes(
    average: Literal["features", "latents"],
) -> None:
    torch.manual_seed(0)
    turn = Exact(12)
    model = OrbitAverage(turn, 12, 2, 3, average)
    latents = points(5).float()
    scores, turned = model(latents[:, None, None]), model(turn(latents)[:, None, None])
    torch.testing.assert_close(scores, turned, rtol=1e-4, atol=1e-5)
    spread = (scores - scores[:1]).abs().max()
    assert (spread > 1e-3) == (average == "features"), "circles have one centre"
    open_orbit: Callable[[Tensor], Tensor] = OrbitAverage(turn, 5, 2, 3, average)
    moved = open_orbit(turn(latents)) - open_orbit(latents)
    assert moved.abs().max() > 1e-3
