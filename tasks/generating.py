r"""Unsupervised: vector fields g_α along which an oracle ψ on the latents does not change.

    L_inv   = Σ_α mean ‖ψ(z + εg_α(z)) − ψ(z)‖² / ε²
    L_norm  = Σ_α mean (‖g_α(z)‖ − 1)² + Var ‖g_α(z)‖
    L_ortho = Σ_α<β mean (g_α(z)·g_β(z))²
    L_close = Σ_α<β mean ‖[g_α, g_β](z) − Σ_γ c^γ_αβ g_γ(z)‖²

with the constants c that fit best, in which case the g_α span a Lie algebra. ψ are the logits less
their mean, all that the softmax sees; with two classes they are one number. Dividing by ε² makes
L_inv a squared derivative, on the scale of the other losses whatever ε.

Forestano, Matchev, Matcheva, Roman, Unlu, Verner, "Oracle-Preserving Latent Flows", 2023
(arXiv 2302.00806).
"""

import copy
from itertools import combinations
from typing import Annotated

import torch
from torch import Tensor, nn

from datasets.spec import DataSpec
from from_run import FromRun
from models.latent import LatentClassifier
from partial_equiv.intervals import NonNegative, Positive
from partial_equiv.refusal import Refusal
from tasks.task import Task

__all__ = ["Generating", "centred"]


def centred(logits: Tensor) -> Tensor:
    """Logits [B, K] less their mean."""
    return logits - logits.mean(-1, keepdim=True)


class Generating(Task):
    """The loss of generators, given the oracle that they are to preserve; selects by it.

    Args:
        oracle: from latents [B, d] to logits [B, K]; it stays as it is.
        epsilon: ε; the difference is taken in double precision.
        norm_weight, orthogonality_weight, closure_weight: of the other losses; 0 leaves one out.
    """

    def __init__(
        self,
        oracle: Annotated[LatentClassifier, FromRun()],
        epsilon: Positive = 1e-3,
        norm_weight: NonNegative = 1.0,
        orthogonality_weight: NonNegative = 1.0,
        closure_weight: NonNegative = 0.0,
    ) -> None:
        self.oracle = oracle
        self.precise = copy.deepcopy(oracle).double().requires_grad_(False).eval()
        self.epsilon = epsilon
        self.weights = {
            "invariance": 1.0,
            "norm": norm_weight,
            "orthogonality": orthogonality_weight,
            "closure": closure_weight,
        }

    def check(self, spec: DataSpec) -> None:
        """Check that the data set is one for this task.

        Raises:
            Refusal: unless the samples are latents of the oracle's size.
        """
        super().check(spec)
        if (spec.in_channels, *spec.size) != (self.oracle.latent_size, 1, 1):
            reason = f"the oracle is of latents of size {self.oracle.latent_size}, the data are not"
            raise Refusal(f"{reason}; try dataset=orbits dataset.autoencoder=RUN")

    def step(self, model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted sum of the losses, and each of them, of a batch of latents."""
        latents = batch[0].flatten(1)  # [B, d]
        fields = model(latents)  # [B, A, d]
        losses = {"invariance": self.invariance(latents, fields), "norm": normalisation(fields)}
        if fields.shape[1] > 1:
            losses["orthogonality"] = orthogonality(fields)
            if self.weights["closure"]:
                losses["closure"] = closure(model, latents, fields, self.epsilon)
        total = sum(self.weights[name] * loss for name, loss in losses.items())
        assert isinstance(total, Tensor)
        return total, losses

    def invariance(self, latents: Tensor, fields: Tensor) -> Tensor:
        """L_inv of fields [B, A, d] at latents [B, d]."""
        oracle = self.precise.to(latents.device)
        here = centred(oracle(latents.double()))[:, None]  # [B, 1, K]
        moved = latents[:, None].double() + self.epsilon * fields.double()
        there = centred(oracle(moved.flatten(0, 1))).unflatten(0, fields.shape[:2])
        change = (there - here) / self.epsilon
        return change.square().sum((1, 2)).mean().to(fields.dtype)


def normalisation(fields: Tensor) -> Tensor:
    """L_norm of fields [B, A, d]."""
    lengths = fields.norm(dim=-1)  # [B, A]
    return ((lengths - 1).square().mean(0) + lengths.var(0, correction=0)).sum()


def orthogonality(fields: Tensor) -> Tensor:
    """L_ortho of fields [B, A, d]."""
    products = fields @ fields.mT  # [B, A, A]
    return products.triu(1).square().sum((1, 2)).mean()


def closure(model: nn.Module, latents: Tensor, fields: Tensor, epsilon: float) -> Tensor:
    """L_close; commutators [g_α, g_β] = (g_α·∇)g_β − (g_β·∇)g_α from differences along fields."""
    number = fields.shape[1]
    along = [(model(latents + epsilon * fields[:, a]) - fields) / epsilon for a in range(number)]
    columns = fields.transpose(1, 2).flatten(0, 1)  # [B·d, A]
    total = fields.new_zeros(())
    for a, b in combinations(range(number), 2):
        bracket = (along[a][:, b] - along[b][:, a]).flatten()  # [B·d]
        gram = columns.T @ columns + 1e-6 * torch.eye(number).to(columns)
        constants = torch.linalg.solve(gram, columns.T @ bracket)
        residual = bracket - columns @ constants
        total = total + residual.square().sum() / len(latents)
    return total
