r"""Relaxed group convolutions: several banks of filters, mixed differently at each element.

    (f⋆ψ)(x, h) = Σ_h' Σ_p f(x + p, h') Σ_l w_l(h') ψ_l(h⁻¹p, h⁻¹h')

If each of the w_l is the same number for all elements, this is an ordinary group convolution, with
the kernel Σ_l w_l ψ_l. With as many banks as elements, w_l = 1 at the l-th and 0 elsewhere, it is a
free one. The term "smoothness" is Σ_l Σ_{g, h} |w_l(g) - w_l(h)| over all pairs of elements.

Wang, Walters & Yu, "Approximately Equivariant Networks for Imperfectly Symmetric Dynamics", ICML
2022 (arXiv 2201.11969). A lifting convolution reads no h', and weighs by h. For a sampled group, an
element has the weights of the grid's nearest one (`Cells`): this, and continuous kernels for the
banks, are our reading.
"""

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from partial_equiv.ck import Kernel, Reading
from partial_equiv.intervals import Count
from partial_equiv.relaxations.cells import Cells
from partial_equiv.relaxations.relaxation import Layer, Relaxation

__all__ = ["Banks"]


class Banks(Relaxation):
    """The banks of one layer, mixed alike at all elements at the start.

    Args:
        layer: that it is for; its kernel is the first bank.
        num_banks: L.

    Attributes:
        bank_weights: w [L, n].
        kernels: the L - 1 other banks.

    Raises:
        Refusal: if the layer computes one element only, as on the trivial group.
    """

    penalties: ClassVar = {"smoothness": 1e-4}
    rates: ClassVar = {"bank_weights": 1e-2}

    def __init__(self, layer: Layer, *, num_banks: Count = 2) -> None:
        super().__init__()
        self.cells = Cells(layer)
        alike = torch.full((num_banks, len(self.cells)), num_banks**-0.5)
        self.bank_weights = nn.Parameter(alike)
        self.kernels = nn.ModuleList(layer.another_kernel() for _ in range(num_banks - 1))

    def relax(self, weight: Tensor, reading: Reading) -> Tensor:
        lifts = reading.shares is None
        cells = self.cells(reading.elements if lifts else reading.inputs)
        first, *others = (own[cells] for own in self.bank_weights)  # [S, G] each
        first = first[..., None, None, None] if lifts else first[:, None, None, None]
        mixed = weight * first[..., None, None]  # at [S, G_out, C_out, C_in, G_in, k, k]
        for kernel, factors in zip(self.kernels, others, strict=True):
            assert isinstance(kernel, Kernel)
            if reading.shares is None:
                mixed = mixed + reading.weight(kernel, mixture=factors[..., None])
            else:  # where it is cheapest: before the read-out
                own = replace(reading, shares=reading.shares * factors)
                mixed = mixed + own.weight(kernel)
        return mixed

    def terms(self) -> dict[str, Tensor]:
        differences = self.bank_weights[:, :, None] - self.bank_weights[:, None]
        return {"smoothness": differences.abs().sum() / 2}

    def numbers(self) -> dict[str, float]:
        """How far the weights of a bank differ over the group, relative to their size (0: exact,
        1: their mean is 0)."""
        weights = self.bank_weights.detach()
        differing = weights - weights.mean(1, keepdim=True)
        return {"spread": (differing.norm() / weights.norm().clamp_min(1e-12)).item()}
