"""Flows of a generator, and what tells whether they are rotations of the decoded image."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from datasets.framing import inscribed_disc
from datasets.rotation import rotate

__all__ = ["Turns", "best_turns", "correlation", "integrate", "tangents"]


TIE = 0.1  # correlations that differ by less do not tell an image from its half turn


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
    counts as 0, so that these should have a background of 0. What is almost symmetric has several
    turns that fit it as well: of the local maxima within `TIE` of the best one, that nearest to the
    frame before is taken.
    """
    channels, size = frames.shape[2:4]
    degrees = torch.arange(num_angles) * (360 / num_angles)
    disc = inscribed_disc((size, size), frames.device).expand(channels, -1, -1)
    templates = []
    for start in frames[:, 0]:
        copies = start.expand(num_angles, -1, -1, -1)
        templates.append(standard(rotate(copies, degrees)[:, disc]))
    scores = torch.stack(templates) @ standard(frames[:, :, disc]).mT  # [N, A, F]
    similarity = scores.amax(1)
    degrees = degrees.to(scores.device)
    found = [torch.zeros_like(similarity[:, 0])]
    for frame in range(1, frames.shape[1]):
        away = (degrees - found[-1][:, None] + 180) % 360 - 180  # [N, A]
        score = scores[..., frame]
        peak = (score >= score.roll(1, 1)) & (score >= score.roll(-1, 1))
        fits = peak & (score >= similarity[:, frame, None] - TIE)
        best = away.abs().where(fits, torch.inf).argmin(1, keepdim=True)
        found.append(found[-1] + away.gather(1, best)[:, 0])
    return Turns(torch.stack(found, dim=1), similarity)


def standard(values: Tensor) -> Tensor:
    """Values [..., D] with mean 0 and norm 1, so that products are correlations."""
    return functional.normalize(values - values.mean(-1, keepdim=True), dim=-1)


def correlation(one: Tensor, other: Tensor) -> Tensor:
    """Pearson's correlation along the last dimension; 0 where something does not vary."""
    return (standard(one.double()) * standard(other.double())).sum(-1)


def tangents(orbits: Tensor) -> Tensor:
    """Directions [N, V, d] of closed orbits [N, V, d]: from the view before to the one after."""
    return orbits.roll(-1, 1) - orbits.roll(1, 1)
