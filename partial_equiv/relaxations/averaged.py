r"""Averaging weights: how far a free weight is averaged over the group, learned layer by layer.

A free weight W becomes

    W_λ = Σ_g λ(g) ρ_out(g) W ρ_in(g)⁻¹,    λ ≥ 0,  Σ_g λ(g) = 1.

With λ uniform this is the projection P W on the equivariant weights, and the layer is exactly
equivariant; with λ at a single element it is free. In between, the shape of λ says which elements
the layer hardly tells apart (not where its peak lies: W can be moved, too).

Moving a weight, (ρ_out(g) W ρ_in(g)⁻¹)[h, h', p] = W[g⁻¹h, g⁻¹h', g⁻¹p], leaves h⁻¹h' and h⁻¹p as
they are. So W is written as a kernel ψ_h of these for each outgoing element h, and averaging moves
h alone:

    W_λ[h, h', p] = Σ_u λ(h u⁻¹) ψ_u(h⁻¹p, h⁻¹h').

The term "kl" is the divergence of λ from the uniform distribution, log n + Σ_g λ(g) log λ(g).

Veefkind & Cesa, "A Probabilistic Approach to Learning the Degree of Equivariance in Steerable
CNNs", ICML 2024 (arXiv 2406.03946), learn such a likelihood of the elements for steerable kernels,
by its Fourier coefficients. Ours are free numbers on the layer's grid, and the kernels are ours:
ψ_u = ψ + φ_u, where ψ is the layer's own and the φ_u are of its kind. Continuous ones share their
basis and have each a read-out of its own; those of kernel=grid are free tensors, so that the
average is exact. For a sampled group, g runs over what moves the grid onto itself, see `Cells`.
"""

from math import log
from typing import ClassVar

import torch
from torch import Tensor, nn

from partial_equiv.ck import Reading
from partial_equiv.relaxations.cells import Cells
from partial_equiv.relaxations.relaxation import Layer, Relaxation

__all__ = ["Averaged"]


class Averaged(Relaxation):
    """The averaging weights of one layer: uniform at the start.

    Args:
        layer: that it is for.

    Attributes:
        averaging: logits of λ [n].
        kernel: the n kernels φ_u, as one with n times the output channels.

    Raises:
        Refusal: if the layer computes one element only, as on the trivial group.
    """

    penalties: ClassVar = {"kl": 1e-3}
    rates: ClassVar = {"averaging": 0.1}

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.cells = Cells(layer)
        self.averaging = nn.Parameter(torch.zeros(len(self.cells)))
        self.kernel = layer.another_kernel(len(self.cells))

    @property
    def log_weights(self) -> Tensor:
        """log λ(g) [n], in the order of `cells.names`."""
        return self.averaging.log_softmax(0)

    def relax(self, weight: Tensor, reading: Reading) -> Tensor:
        moves = self.cells.quotients[self.cells(reading.elements)]  # h u⁻¹, [S, G_out, n]
        return weight + reading.weight(self.kernel, mixture=self.log_weights.exp()[moves])

    def terms(self) -> dict[str, Tensor]:
        return {"kl": log(len(self.cells)) - self._entropy()}

    def numbers(self) -> dict[str, float]:
        """The entropy of λ in units of log n (1: exact, 0: free), and each λ(g)."""
        weights = self.log_weights.detach().exp().tolist()
        named = {f"averaging.{name}": w for name, w in zip(self.cells.names, weights, strict=True)}
        return {"entropy": self._entropy().item() / log(len(self.cells)), **named}

    def _entropy(self) -> Tensor:
        return -(self.log_weights.exp() * self.log_weights).sum()
