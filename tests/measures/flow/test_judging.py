"""The verdict on flows that are known, decoded by an autoencoder that turns an image exactly."""

import math

import pytest
import torch
from torch import Tensor, nn

from datasets.rotation import rotate
from datasets.spec import DataSpec
from measures.flow.judging import NEEDED, Judgement, judge
from models.latent import Generators
from models.vae import VAE
from tests.measures.flow.test_turns import blob

VIEWS = 12
SPEC = DataSpec(1, 2, (28, 28), (0.0,), (1.0,))


class Dial(VAE):
    """Decodes z to an image turned by the angle of z; a long z is decoded to a smaller image."""

    latent_size = 2

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        raise AssertionError("judged by latents alone")

    def decode(self, latents: Tensor) -> Tensor:
        degrees = torch.rad2deg(torch.atan2(latents[:, 1], latents[:, 0]))
        size = latents.norm(dim=1).clamp_min(1e-3)
        image = blob().expand(len(latents), -1, -1, -1)
        grid = nn.functional.affine_grid(
            size[:, None, None] * torch.eye(2, 3), list(image.shape), align_corners=False
        )
        scaled = nn.functional.grid_sample(image, grid, align_corners=False)
        return rotate(scaled, degrees)


class Small(nn.Module):
    """Class 1 for images smaller, and so darker in the mean, than those of radius 1.5."""

    def __init__(self) -> None:
        super().__init__()
        self.level = Dial().decode(torch.tensor([[1.5, 0.0]])).mean().item()

    def forward(self, images: Tensor) -> Tensor:
        excess = images.mean((1, 2, 3)) - self.level
        return torch.stack([excess, -excess], dim=1)


class Radius(nn.Module):
    """The oracle: within a radius of 1.5, or beyond."""

    def forward(self, latents: Tensor) -> Tensor:
        excess = latents.norm(dim=1) - 1.5
        return torch.stack([-excess, excess], dim=1)


def linear(matrix: list[list[float]], shift: tuple[float, float] = (0.0, 0.0)) -> Generators:
    """A generator that is g(z) = Az + b exactly."""
    model = Generators(2, 1, 4)
    with torch.no_grad():
        model.linear.weight.copy_(torch.tensor(matrix))
        model.linear.bias.copy_(torch.tensor(shift))
        for parameter in model.change[-1].parameters():
            parameter.zero_()
    return model


def verdict(generators: Generators) -> Judgement:
    """On orbits around the origin, at radius 1 of class 0 and at radius 2 of class 1."""
    angles = torch.arange(VIEWS) * (2 * math.pi / VIEWS)
    circle = torch.stack([angles.cos(), angles.sin()], dim=-1)
    classes = torch.tensor([0, 0, 1, 1])
    orbits = (1.0 + classes)[:, None, None] * circle  # [N, V, 2]
    return judge(generators, 0, Dial(), Radius(), Small().eval(), orbits, classes, SPEC, 4)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_rotation_is_called_one_in_either_direction(sign: float) -> None:
    length = 1.5 * VIEWS * 2 * math.sin(math.pi / VIEWS)  # of the mean orbit, a polygon
    found = verdict(linear([[0.0, -sign / 1.5], [sign / 1.5, 0.0]]))
    assert found.is_rotation, found.lacking
    values = found.values
    assert values["length"] == pytest.approx(length, rel=1e-5)
    assert values["turned_degrees"] == pytest.approx(math.degrees(length / 1.5), abs=6)
    assert (found.degrees[:, -1] * sign > 300).all()
    assert values["tangent_cosine"] == pytest.approx(1, abs=1e-5)
    assert values["angle_correlation"] > 0.999
    assert values["label_agreement"] == values["decoded_agreement"] == 1
    assert values["oracle_drift"] < 0.1


def test_growing_is_not() -> None:
    """It changes the classes, and turns nothing."""
    found = verdict(linear([[0.06, 0.0], [0.0, 0.06]]))
    assert not found.is_rotation
    assert found.values["tangent_cosine"] == pytest.approx(0, abs=1e-5)
    assert found.values["turned_degrees"] < 30
    assert found.values["oracle_drift"] > 0.5
    assert found.values["label_agreement"] < 0.9
    assert found.values["decoded_agreement"] == 1


def test_drifting_is_not() -> None:
    """It turns half of the images one way and half of them the other."""
    found = verdict(linear([[0.0, 0.0], [0.0, 0.0]], (0.7, 0.0)))
    assert found.values["tangent_cosine"] == pytest.approx(0, abs=1e-5)
    assert not found.is_rotation


def test_standing_still_is_not() -> None:
    found = verdict(linear([[0.0, 0.0], [0.0, 0.0]]))
    assert not found.is_rotation
    assert found.values["angle_correlation"] == 0
    assert found.values["turned_degrees"] == 0
    assert found.values["label_agreement"] == found.values["decoded_agreement"] == 1


def test_a_verdict_needs_every_number() -> None:
    nothing = torch.zeros(0)

    def judgement(**changes: float) -> Judgement:
        return Judgement({**dict.fromkeys(NEEDED, 1.0), **changes}, nothing, nothing, nothing)

    assert judgement().is_rotation
    for name in NEEDED:
        found = judgement(**{name: 0.5})
        assert not found.is_rotation
        assert [each.split()[0] for each in found.lacking] == [name]
