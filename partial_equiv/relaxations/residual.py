r"""The residual relaxation: beside each equivariant weight stands one that knows no symmetry.

    W = W_eq + γ·V

W_eq(h⁻¹p, h⁻¹h') reads relative elements alone; V also reads the element h itself, hence may be
another filter at each element: a layer with γ ≠ 0 can be any convolution. The two are added before
they are convolved with, so that only one convolution is computed. Who decides on γ, the controller
says (see `controllers`): published methods differ in nothing else [our own reading].

V is a second kernel of the same kind, which reads the coordinates of h after its own (van der
Ouderaa, Romero & van der Wilk, "Relaxing Equivariance Constraints with Non-stationary Continuous
Filters", NeurIPS 2022, arXiv 2204.07178); beside free weights it is free as well. In a layer with a
separable kernel it is added to the mixing of channels and elements; the filters stay equivariant.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from partial_equiv.ck import Kernel, Reading
from partial_equiv.groups import Group
from partial_equiv.intervals import NonNegative, Positive
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations.controllers import Controller, Free, Partial, Prior, Schedule, Strict
from partial_equiv.relaxations.relaxation import Layer, Relaxation

__all__ = ["Residual"]


class Residual(Relaxation):
    """W_eq + γ·V for one layer.

    Args:
        layer: that it is for.
        control: what decides on γ, see `controllers`.
        gamma: γ to start from (free, strict, partial), to keep (prior), or the peak (schedule);
            None: as `Controller.first` says.
        sigma_equivariant: σ_eq of control=prior, the standard deviation of ‖W_eq‖.
        sigma_free: σ_V of control=prior, that of ‖V‖.
        dual_rate: η of control=strict and partial.
        gamma_cost: ρ of control=strict and partial.

    Raises:
        Refusal: for the trivial group, and a layer without a kernel; for priors that do not prefer
            the equivariant weights.
    """

    penalties: ClassVar[Mapping[str, float]] = {
        **Prior.penalties,
        **Strict.penalties,
        **Schedule.penalties,
    }
    rates: ClassVar[Mapping[str, float]] = Free.rates

    def __init__(
        self,
        layer: Layer,
        *,
        control: Literal["free", "prior", "strict", "partial", "schedule"] = "prior",
        gamma: NonNegative | None = None,
        sigma_equivariant: Positive = 1.0,
        sigma_free: Positive = 0.5,
        dual_rate: Positive = 1e-2,
        gamma_cost: Positive = 1.0,
    ) -> None:
        super().__init__()
        if layer.group.size == 1:
            raise Refusal(
                "the trivial group has no symmetry to relax, use partial=False", partial=True
            )
        if control == "prior" and sigma_free >= sigma_equivariant:
            reason = f"must be less than sigma_equivariant={sigma_equivariant:g}"
            raise Refusal(reason, sigma_free=sigma_free)
        if layer.kernel is None or layer.coordinates is None or layer.kernel_norm is None:
            raise Refusal("this layer has no kernel that could be relaxed", partial=True)
        controllers: dict[str, Callable[[], Controller]] = {
            "free": lambda: Free(gamma),
            "prior": lambda: Prior(gamma, sigma_equivariant, sigma_free),
            "strict": lambda: Strict(gamma, dual_rate, gamma_cost),
            "partial": lambda: Partial(gamma, dual_rate, gamma_cost),
            "schedule": lambda: Schedule(gamma),
        }
        self.controller = controllers[control]()
        self.penalties = self.controller.penalties  # type: ignore[misc]  # fewer than all controls'
        self.rates = self.controller.rates  # type: ignore[misc]
        num_read = layer.coordinates.shape[-1] + layer.group.coordinate_size
        kernel = layer.kernel(num_read, layer.out_channels, layer.in_channels)
        kind = FreeWeights if kernel.independent else AbsoluteKernel
        self.free = kind(layer, kernel)
        self._equivariant_norm = layer.kernel_norm

    def relax(self, weight: Tensor, reading: Reading) -> Tensor:
        if self.controller.exact and not self.training:
            return weight
        return weight + self.controller.gamma * self.free(reading)

    def terms(self) -> dict[str, Tensor]:
        return self.controller.terms(self._equivariant_norm, self.free.norm)

    def numbers(self) -> dict[str, float]:
        return self.controller.numbers()

    def after_step(self) -> None:
        self.controller.after_step()

    def set_progress(self, share: float) -> None:
        self.controller.set_progress(share)


class AbsoluteKernel(nn.Module):
    """V as a kernel of (h⁻¹p, h⁻¹h', h), which starts as strong as the layer's own.

    Args:
        layer: that it is for.
        kernel: of the layer's coordinates and those of an element.
    """

    coordinates: Tensor

    def __init__(self, layer: Layer, kernel: Kernel) -> None:
        super().__init__()
        assert layer.coordinates is not None
        self.group, self.kernel = layer.group, kernel
        grid = layer.group.grid(layer.num_samples)[None]
        read = self.absolute(layer.coordinates, grid)  # [1, G_out, G_in, T, D]
        self.register_buffer("coordinates", read, persistent=False)
        kernel.initialise(layer.group, read, layer.variance)

    def absolute(self, relative: Tensor, elements: Tensor) -> Tensor:
        """Coordinates [S, G_out, G_in, T, D], followed by those of the elements h [S, G_out, d]."""
        own = self.group.coordinates(elements)[:, :, None, None]
        return torch.cat([relative, own.expand(*relative.shape[:-1], -1)], dim=-1)

    def forward(self, reading: Reading) -> Tensor:
        """The weight [S, G_out, C_out, C_in, G_in, k, k] of a convolution with V."""
        return reading.weight(self.kernel, self.absolute(reading.coordinates, reading.elements))

    def norm(self) -> Tensor:
        """‖V‖² (scalar): squared weights, averaged over h and h', summed over the rest."""
        _, num_outputs, num_inputs, *_ = self.coordinates.shape
        return self.kernel.energy(self.coordinates) / (num_outputs * num_inputs)


class FreeWeights(nn.Module):
    """V as one weight for each outgoing element, incoming element, pixel of the window and pair of
    channels, where they lie: those of an ordinary convolution from |H|·C_in to |H|·C_out channels.

    Args:
        layer: of a finite group, that it is for.

    Attributes:
        weight: [G_out, C_out, C_in, G_in, k²].
    """

    grid: Tensor

    def __init__(self, layer: Layer, kernel: Kernel) -> None:
        super().__init__()
        assert layer.coordinates is not None
        _, num_outputs, self.num_inputs, num_taps, _ = layer.coordinates.shape
        shape = (num_outputs, layer.out_channels, layer.in_channels, self.num_inputs, num_taps)
        self.weight = nn.Parameter(torch.randn(shape) * (layer.variance / self.num_inputs) ** 0.5)
        self.group: Group = layer.group
        grid = layer.group.coordinates(layer.group.grid(layer.num_samples))
        self.register_buffer("grid", grid, persistent=False)

    def places(self, elements: Tensor) -> Tensor:
        """Which of the group's elements these [n, d] are, [n]."""
        own = self.group.coordinates(elements)[:, None]
        return (own - self.grid).square().sum(-1).argmin(-1)

    def forward(self, reading: Reading) -> Tensor:
        """The weight [1, G_out, C_out, C_in, G_in, k, k] of a convolution with V."""
        weight = self.weight[self.places(reading.elements[0])]
        if reading.shares is not None:
            shares = reading.shares[0, :, None] * self.num_inputs
            weight = weight[..., self.places(reading.inputs[0]), :] * shares
        window = round(weight.shape[-1] ** 0.5)
        return weight.unflatten(-1, (window, window))[None]

    def norm(self) -> Tensor:
        """‖V‖² (scalar), as that of an `AbsoluteKernel`: free weights count for the sum over h'."""
        return self.weight.square().sum() * (self.num_inputs / len(self.weight))
