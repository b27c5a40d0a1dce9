"""The relaxation of a layer: what it may do beyond its group. This one does nothing.

A relaxation may choose which elements the layer computes, change the weight of its convolution so
that it differs over the group, or both. To write one, override what it needs of `Relaxation`; the
convolutions, the trainer and the records ask for nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from partial_equiv.ck import Kernel, Reading
from partial_equiv.groups import Group
from partial_equiv.refusal import Refusal

__all__ = ["Choice", "Layer", "Relaxation", "SampledFeature"]


class SampledFeature(Protocol):
    """What may be looked at to choose elements: a feature [B, C, G, H, W], the weights of its
    elements [S, G] and the offset of their grid [S]."""

    @property
    def x(self) -> Tensor: ...

    @property
    def weights(self) -> Tensor | None: ...

    @property
    def offset(self) -> Tensor | None: ...


@dataclass(frozen=True)
class Layer:
    """The layer that a relaxation is made for.

    Attributes:
        group: the stabiliser H.
        num_samples: n, elements of a grid over the whole group.
        in_channels: C_in.
        out_channels: C_out.
        kernel: makes another kernel like the layer's, as kernel(D, C_out, C_in); None: the layer
            has no kernel.
        coordinates: what the layer's kernel reads over the whole group [1, G_out, G_in, T, D].
        variance: that the layer's kernel was drawn with, see `Kernel.initialise`.
        kernel_norm: gives ‖ψ‖² of the layer's kernel, see `Convolution.kernel_norm`.
    """

    group: Group
    num_samples: int
    in_channels: int = 1
    out_channels: int = 1
    kernel: Callable[..., Kernel] | None = None
    coordinates: Tensor | None = None
    variance: float = 1.0
    kernel_norm: Callable[[], Tensor] | None = None

    def another_kernel(self, num_kernels: int = 1) -> Kernel:
        """Kernels like the layer's, as strong as it, as one of num_kernels·C_out channels.

        Raises:
            Refusal: for a layer that has no kernel.
        """
        if self.kernel is None or self.coordinates is None:
            raise Refusal("this layer has no kernel that could be relaxed", partial=True)
        size = self.coordinates.shape[-1]
        made = self.kernel(size, num_kernels * self.out_channels, self.in_channels)
        made.initialise(self.group, self.coordinates, self.variance)
        return made


@dataclass(frozen=True)
class Choice:
    """What a relaxation has chosen for one call of its layer; S is 1, or one for each image.

    Attributes:
        extent: share [S] of the rotations, in [0, 1]; None: all.
        weights: what each of the n elements counts for [S, n]; None: all count the same.
        terms: of the loss, by the names of `Relaxation.penalties`: [B], one for each image.
    """

    extent: Tensor | None = None
    weights: Tensor | None = None
    terms: Mapping[str, Tensor] = field(default_factory=dict)


class Relaxation(nn.Module):
    """The relaxation of one layer; by default, the layer computes its whole group as it is.

    A subclass is made as relaxation(layer, **settings).

    Attributes:
        chooses: whether it says which elements are computed, so that two layers may differ in them.
        depends_on_input: whether what it does depends on the values of the feature, so that it
            draws for each image.
        at_pixels: whether `relax` adds weights of its own for the pixels of the window, and not
            kernels that are read at the reading's coordinates.
        penalties: the names of the terms that it adds to the loss, with the weight of each one.
        rates: the names of its parameters that learn at a rate of their own, with the rate. They
            get no weight decay.
    """

    chooses: ClassVar[bool] = False
    depends_on_input: ClassVar[bool] = False
    at_pixels: ClassVar[bool] = False
    penalties: ClassVar[Mapping[str, float]] = {}
    rates: ClassVar[Mapping[str, float]] = {}

    def forward(
        self,
        feature: SampledFeature,
        num_draws: int = 1,
        generator: torch.Generator | None = None,
    ) -> Choice:
        """What `choose` says: a call of the module, so that a hook can collect the terms."""
        return self.choose(feature, num_draws, generator)

    def choose(
        self, feature: SampledFeature, num_draws: int, generator: torch.Generator | None
    ) -> Choice:
        """Which elements the layer computes for this feature.

        Args:
            feature: that comes in.
            num_draws: that training makes: 1, or one for each image.
            generator: to draw from; None: torch's default.
        """
        return Choice()

    @property
    def changes_weights(self) -> bool:
        """Whether the convolution's weight is another than the kernel's: whether `relax` does
        anything."""
        return type(self).relax is not Relaxation.relax

    def relax(self, weight: Tensor, reading: Reading) -> Tensor:
        """The convolution's weight, made unequal over the group.

        Args:
            weight: [S, G_out, C_out, C_in, G_in, k, k], which only depends on relative elements.
            reading: where the layer read its kernel for it, and where another may be read.
        """
        return weight

    def terms(self) -> dict[str, Tensor]:
        """Terms of the loss (scalars) by the names of `penalties`, from the parameters alone: those
        that depend on the feature stand in the `Choice`."""
        return {}

    @property
    def learned_extent(self) -> Tensor | None:
        """The share of the rotations that the layer has learned to keep (scalar), if it learns."""
        return None

    def numbers(self) -> dict[str, float]:
        """What has been learned, to be recorded: "range" as range/<layer>, and "range.mirror" as
        range/<layer>.mirror."""
        return {}

    def project_(self) -> None:
        """Bring the parameters back to where they make sense, after a step of the optimiser."""

    def after_step(self) -> None:
        """Update what no gradient changes, once after each step of the optimiser."""

    def set_progress(self, share: float) -> None:
        """Take note of the share of the training that is done, in [0, 1]."""
