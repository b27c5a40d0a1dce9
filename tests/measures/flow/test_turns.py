"""Flows, and the turns that are read off images: on rotations that are known."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from datasets.rotation import rotate
from measures.flow.turns import best_turns, correlation, integrate, tangents


def around(latents: Tensor) -> Tensor:
    """The unit field that turns the plane counter-clockwise (x right, y up)."""
    return torch.nn.functional.normalize(latents.flip(-1) * torch.tensor([-1.0, 1.0]), dim=-1)


def test_a_flow_around_a_circle_comes_back() -> None:
    start = torch.tensor([[1.0, 0.0], [0.0, -2.0]])
    path = integrate(around, start, 2 * torch.pi, 13, 400)
    assert path.shape == (2, 13, 2)
    torch.testing.assert_close(path[0, -1], start[0], rtol=0, atol=0.02)
    torch.testing.assert_close(path[0, 3], torch.tensor([0.0, 1.0]), rtol=0, atol=0.02)
    torch.testing.assert_close(path[1, -1], -start[1], rtol=0, atol=0.02)  # half the way round


def blob(size: int = 28) -> Tensor:
    """An image that looks like no turn of itself."""
    at = torch.arange(size) - (size - 1) / 2
    x, y = at[None, :], -at[:, None]
    one = torch.exp(-((x - 5) ** 2 + y**2) / 8)
    return (one + 0.6 * torch.exp(-(x**2 + (y - 6) ** 2) / 5))[None, None]


@settings(max_examples=10)
@given(st.sampled_from([-3, -1, 1, 2]), st.floats(-3, 3), st.floats(0.1, 5))
def test_turns_are_found_whatever_brightness_and_contrast(
    turns: int, shift: float, scale: float
) -> None:
    degrees = torch.linspace(0, 360.0 * turns, 40)
    frames = rotate(blob().expand(40, -1, -1, -1), degrees)[None]
    found = best_turns(frames * scale)
    assert (found.degrees[0] - degrees).abs().max() <= 5
    assert found.similarity.min() > 0.98
    assert correlation(found.degrees, degrees)[0] > 0.99
    brighter = best_turns(torch.cat([frames, frames * scale + shift], 1)).degrees[0, 40:]
    off = (brighter - degrees + 180) % 360 - 180
    assert off.abs().max() <= 10, "what is bright everywhere changes the rim alone"


def test_frames_that_do_not_turn_are_not_said_to() -> None:
    """Growing and fading are no turns; noise is turned somehow, but resembles nothing."""
    fading = torch.stack([blob()[0] * share for share in (1.0, 0.7, 0.3)])[None]
    assert best_turns(fading).degrees.abs().max() == 0
    times = torch.arange(3.0).expand(1, -1)
    assert correlation(best_turns(fading).degrees, times) == 0
    noise = torch.rand(1, 30, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert best_turns(noise).similarity[:, 1:].mean() < 0.3


def test_what_is_symmetric_turns_steadily() -> None:
    """A bar looks the same after half a turn: no frame says which, but the one before does."""
    degrees = torch.linspace(0, 720, 49)
    bar = torch.zeros(1, 1, 28, 28)
    bar[..., 4:24, 12:16] = 1.0
    noise = torch.rand(49, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    frames = rotate(bar.expand(49, -1, -1, -1), degrees) + 0.01 * noise
    assert (best_turns(frames[None]).degrees[0] - degrees).abs().max() <= 10
    disc = torch.exp(-(torch.arange(-13.5, 14).square() / 30))
    still = (disc * disc[:, None]).expand(1, 9, 1, -1, -1)
    assert best_turns(still).degrees.abs().max() == 0, "what is round does not turn"


def test_tangents_of_a_circle() -> None:
    angles = torch.arange(12) * (2 * torch.pi / 12)
    orbit = torch.stack([angles.cos(), angles.sin()], dim=-1)[None]
    cosines = torch.nn.functional.cosine_similarity(tangents(orbit), around(orbit), dim=-1)
    torch.testing.assert_close(cosines, torch.ones(1, 12))


@pytest.mark.parametrize("slope", [-2.0, 0.5])
def test_correlation_is_pearsons(slope: float) -> None:
    x = torch.rand(3, 9, generator=torch.Generator().manual_seed(0))
    y = slope * x + 0.3 * x.roll(1, 0)
    expected = [torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(x, y, strict=True)]
    torch.testing.assert_close(correlation(x, y), torch.stack(expected).double(), atol=1e-5, rtol=0)
