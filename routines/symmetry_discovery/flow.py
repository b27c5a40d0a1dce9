"""Flows of a generator, and what tells whether they are rotations of the decoded image."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from datasets.rotation import rotate

__all__ = ["Turns", "best_turns", "correlation", "integrate", "tangents", "unwrapped"]


@torch.no_grad()
def integrate(
    field: Callable[[Tensor], Tensor], start: Tensor, length: float, num_frames: int, substeps: int
) -> Tensor:
    """Follow z' = z + εg(z) from latents [N, d] for a time `length`; returns [N, num_frames, d].

    Frame 0 is the start; between two frames lie `substeps` steps.
    """
    epsilon = length / ((num_frames - 1) * substeps)
    frames, here = [start], start
    for _ in range(num_frames - 1):
        for _ in range(substeps):
            here = here + epsilon * field(here)
        frames.append(here)
    return torch.stack(frames, dim=1)


@dataclass(frozen=True)
class Turns:
    """By how much frames are turned against the first one.

    Attributes:
        degrees: [N, F], counter-clockwise, without jumps of a full turn.
        similarity: correlation [N, F] of the frame with the start turned so.
    """

    degrees: Tensor
    similarity: Tensor


def best_turns(frames: Tensor, num_angles: int = 72) -> Turns:
    """The turn of frame 0 that correlates best with each frame, of images [N, F, C, H, H].

    Correlations are taken over the pixels of the inscribed disc; what lies outside of the images
    counts as 0, so that these should have a background of 0.
    """
    channels, size = frames.shape[2:4]
    degrees = torch.arange(num_angles) * (360 / num_angles)
    at = (torch.arange(size, device=frames.device) - (size - 1) / 2) / (size / 2)
    disc = (at.square() + at[:, None].square() <= 1).expand(channels, -1, -1)
    templates = []
    for start in frames[:, 0]:
        copies = start.expand(num_angles, -1, -1, -1)
        templates.append(standard(rotate(copies, degrees)[:, disc]))
    scores = torch.stack(templates) @ standard(frames[:, :, disc]).mT  # [N, A, F]
    similarity, best = scores.max(1)
    return Turns(unwrapped(degrees.to(best.device)[best]), similarity)


def standard(values: Tensor) -> Tensor:
    """Values [..., D] with mean 0 and norm 1, so that products are correlations."""
    return functional.normalize(values - values.mean(-1, keepdim=True), dim=-1)


def unwrapped(degrees: Tensor) -> Tensor:
    """Angles [..., F] with full turns added, so that no step is longer than half a turn.

    >>> unwrapped(torch.tensor([0.0, 120.0, 240.0, 0.0])).tolist()
    [0.0, 120.0, 240.0, 360.0]
    """
    steps = (degrees.diff(dim=-1) + 180) % 360 - 180
    return torch.cat([degrees[..., :1], degrees[..., :1] + steps.cumsum(-1)], dim=-1)


def correlation(one: Tensor, other: Tensor) -> Tensor:
    """Pearson's correlation along the last dimension; 0 where something does not vary."""
    return (standard(one.double()) * standard(other.double())).sum(-1)


def tangents(orbits: Tensor) -> Tensor:
    """Directions [N, V, d] of closed orbits [N, V, d]: from the view before to the one after."""
    return orbits.roll(-1, 1) - orbits.roll(1, 1)
