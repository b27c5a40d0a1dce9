r"""Augerino: any net, averaged over transformed copies of its input from a learned range.

f̄(x) = Σ_j w_j f(h_j x) / Σ_j w_j,    h_j = exp(θ π u_j), mirrored with a learned probability.

The copies of an image are a `Sampling` with a `LearnedSubset`: angles on a grid over [-θπ, θπ] with
a random shift of its own in training, none in evaluation. θ learns through the interpolation of the
copies.

Benton, Finzi, Izmailov, Wilson, "Learning Invariances in Neural Networks", NeurIPS 2020.
"""

from typing import Literal

from torch import Tensor, nn

from partial_equiv.equivariance import resample
from partial_equiv.gconv import GroupFeature
from partial_equiv.groups import O2, SO2
from partial_equiv.intervals import Count, Fraction, Positive
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import Layer, LearnedSubset
from partial_equiv.sampling import Sampling

__all__ = ["Augerino"]


class Augerino(nn.Module):
    """Maps images [B, C, H, W] to the mean of the net's outputs [B, K] on their copies.

    The outputs are averaged as they are. For class scores, that is the geometric mean of the
    predicted probabilities: the mean of the scores and the mean of the log-probabilities differ by
    a constant, which the softmax of the loss removes.

    Args:
        inner: the net, from images [N, C, H, W] to vectors [N, K].
        num_copies: of each image; an even number with `mirror`, which mirrors half of them.
        mirror: also learn the probability to mirror.
        initial_range: θ to start from; at 0, which is a stationary point, nothing is learned.
        initial_keep: probability to keep the mirrored copies at the start.
        outside: what lies beyond a turned image: "border" continues it, "zeros" is a frame that
            tells the net the angle (unless 0 is the background).

    Raises:
        Refusal: for an odd number with `mirror`, and as `Sampling` and `LearnedSubset` do.

    >>> import torch
    >>> Augerino(nn.Sequential(nn.Flatten(), nn.Linear(36, 3)))(torch.zeros(2, 1, 6, 6)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        inner: nn.Module,
        *,
        num_copies: Count = 8,
        mirror: bool = False,
        initial_range: Positive = 0.5,
        initial_keep: Fraction = 0.5,
        outside: Literal["border", "zeros"] = "border",
    ) -> None:
        super().__init__()
        if mirror and num_copies % 2:
            raise Refusal("mirror needs an even number, half of each", num_copies=num_copies)
        group = O2() if mirror else SO2()
        self.copies = Sampling(group, num_copies, sampling="random", scope="element")
        self.augmentation = LearnedSubset(
            Layer(group, num_copies), initial_range=initial_range, initial_keep=initial_keep
        )
        self.inner, self.outside = inner, outside

    def forward(self, images: Tensor) -> Tensor:
        group, num_images = self.copies.group, len(images)
        identity = group.identity(images.dtype, images.device)
        given = GroupFeature(images[:, :, None], identity[None, None], group=group)
        sample = self.copies.sample(given, relaxation=self.augmentation)
        elements = sample.elements.expand(num_images, -1, -1)  # [B, n, d]
        copies = images[:, None].expand(-1, elements.shape[1], -1, -1, -1)  # [B, n, C, H, W]
        moved = resample(
            group.matrix(elements).flatten(0, 1), copies.flatten(0, 1), outside=self.outside
        )
        outputs = self.inner(moved).unflatten(0, copies.shape[:2])  # [B, n, K]
        if sample.weights is None:
            return outputs.mean(1)
        weights = sample.weights[..., None]
        return (outputs * weights).sum(1) / weights.sum(1)
