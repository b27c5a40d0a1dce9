r"""Controllers of γ, the strength of the part of a layer that knows no symmetry (see `Residual`).

    free      γ is learned from the loss L alone.
    prior     γ is kept as it is; both parts have a Gaussian prior, the free one a narrower one:
              L + ‖W_eq‖²/2σ_eq² + ‖V‖²/2σ_V², σ_V < σ_eq. Finzi, Benton & Wilson, "Residual Pathway
              Priors for Soft Equivariance Constraints", NeurIPS 2021 (arXiv 2112.01388).
    strict    the constraint γ = 0, by its multiplier: L + λγ + ργ²/2, λ ← λ + η γ after each step.
    partial   the constraint |γ| ≤ u with a slack u that costs ρu²/2: L + λ(|γ| - u) + ρu²/2,
              λ ← max(0, λ + η (|γ| - u)). Both: Manolache, Chamon & Niepert, "Learning
              (Approximately) Equivariant Networks via Constrained Optimization", NeurIPS 2025
              (arXiv 2505.13631).
    schedule  γ rises from 0 and falls back to 0, L + ‖γV‖²: Pertigkiozoglou et al., "Improving
              Equivariant Model Training via Constraint Relaxation", NeurIPS 2024 (arXiv
              2408.13242).

Our own reading: the norms are those of the generated weights, and not of the parameters of a
continuous kernel; the optimiser of the training makes the step of γ; u is always λ/ρ, where it
costs least, so that the loss comes to pay ργ²/2; `strict` pays it, too, which keeps γ from swinging
about 0; γ is 0.3 for the priors, which is V with a prior of 0.3·σ_V that starts as much smaller,
and starts at 0.1 if it is learned (both papers: 1; from there the equivariant weights learn to go
with V, and 20 epochs on rotated digits end 3 to 8 points lower); γ rises and falls linearly; ‖γV‖
stands for the defect ‖W - PW‖, which it bounds. (The rules of λ are from accounts of that paper,
not from itself.) Under `strict` and `schedule`, the layer is evaluated without V, and so is exactly
equivariant at any time of the training.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

__all__ = ["Controller", "Free", "Partial", "Prior", "Schedule", "Strict"]

Norm = Callable[[], Tensor]


class Controller(nn.Module):
    """Holds γ.

    Args:
        gamma: γ at first; None: `first`.

    Attributes:
        first: what γ is at first if nobody says.
        gamma: γ (scalar), a parameter if `learned`.
        penalties, rates: as for `Relaxation`.
        exact: whether evaluation takes γ to be 0.
    """

    first: ClassVar[float] = 1.0
    learned: ClassVar[bool] = False
    exact: ClassVar[bool] = False
    penalties: ClassVar[Mapping[str, float]] = {}
    rates: ClassVar[Mapping[str, float]] = {}
    gamma: Tensor

    def __init__(self, gamma: float | None = None) -> None:
        super().__init__()
        first = torch.tensor(self.first if gamma is None else float(gamma))
        if self.learned:
            self.gamma = nn.Parameter(first)
        else:
            self.register_buffer("gamma", first)

    def terms(self, equivariant: Norm, free: Norm) -> dict[str, Tensor]:
        """Terms of the loss, from ‖W_eq‖² and ‖V‖², which are computed if they are called."""
        return {}

    def numbers(self) -> dict[str, float]:
        """γ, and what else is worth a record."""
        return {"gamma": self.gamma.item()}

    def after_step(self) -> None:
        """Update what no gradient changes."""

    def set_progress(self, share: float) -> None:
        """Take note of the share of the training that is done."""


class Free(Controller):
    """γ is learned."""

    first = 0.1
    learned = True
    rates: ClassVar = {"gamma": 3e-2}  # if γ is slow, λ grows meanwhile, and γ overshoots 0


class Prior(Controller):
    """γ stays; the weights have priors of the standard deviations σ_eq and σ_V."""

    first = 0.3
    penalties: ClassVar = {"prior": 1e-3}

    def __init__(self, gamma: float | None, sigma_equivariant: float, sigma_free: float) -> None:
        super().__init__(gamma)
        self.sigmas = (sigma_equivariant, sigma_free)

    def terms(self, equivariant: Norm, free: Norm) -> dict[str, Tensor]:
        ours, other = self.sigmas
        return {"prior": equivariant() / (2 * ours**2) + free() / (2 * other**2)}


class Strict(Free):
    """γ is drawn to 0 by the multiplier λ of that constraint, which adds up the γ so far."""

    exact = True
    penalties: ClassVar = {"dual": 1.0}
    multiplier: Tensor

    def __init__(self, gamma: float | None, dual_rate: float, gamma_cost: float) -> None:
        super().__init__(gamma)
        self.dual_rate, self.gamma_cost = dual_rate, gamma_cost
        self.register_buffer("multiplier", torch.zeros(()))

    def terms(self, equivariant: Norm, free: Norm) -> dict[str, Tensor]:
        augmented = self.gamma_cost / 2 * self.gamma.square()
        return {"dual": self.multiplier * self.gamma + augmented}

    def numbers(self) -> dict[str, float]:
        return {**super().numbers(), "multiplier": self.multiplier.item()}

    @torch.no_grad()
    def after_step(self) -> None:
        self.multiplier.add_(self.gamma, alpha=self.dual_rate)


class Partial(Strict):
    """|γ| is drawn to a slack u that has its price: what γ is worth to the loss decides."""

    exact = False

    @property
    def slack(self) -> Tensor:
        """u = λ/ρ (scalar)."""
        return self.multiplier / self.gamma_cost

    def terms(self, equivariant: Norm, free: Norm) -> dict[str, Tensor]:
        excess = self.gamma.abs() - self.slack
        return {"dual": self.multiplier * excess + self.gamma_cost / 2 * self.slack.square()}

    @torch.no_grad()
    def after_step(self) -> None:
        excess = self.gamma.abs() - self.slack
        self.multiplier.add_(excess, alpha=self.dual_rate).clamp_(min=0)


class Schedule(Controller):
    """γ goes from 0 to its peak, half-way through the training, and back to 0."""

    exact = True
    penalties: ClassVar = {"defect": 1e-3}

    def __init__(self, peak: float | None) -> None:
        super().__init__(0.0)
        self.peak = self.first if peak is None else peak

    def terms(self, equivariant: Norm, free: Norm) -> dict[str, Tensor]:
        return {"defect": self.gamma.square() * free()}

    def set_progress(self, share: float) -> None:
        self.gamma.fill_(self.peak * (1 - abs(2 * share - 1)))
