r"""The projection penalty: free weights are drawn to those that commute with a finite group.

    loss + λ_∥ Σ ‖P W‖ + λ_⊥ Σ ‖W − P W‖,    P W = |G|⁻¹ Σ_g ρ_out(g) W ρ_in(g)⁻¹

summed over the parameters of the net (2601.05028; ‖W − PW‖ bounds the worst defect of the layer
within a factor of 2). Where each g maps pixels to pixels, P is a mean over permutations, and exact.

How a group acts on the channels of a plain net is our own reading. The images and what is read out
are as the task says; in between, C channels that |G| divides are seen as [|G| × C/|G|], a function
on the group (the regular representation), as a group convolution has them. Other numbers of
channels are seen as maps that only move. In symbols, for the weight of a convolution,

    (g·W)[h, h', p] = W[g⁻¹h, g⁻¹h', g⁻¹p],

and biases, scales, shifts and running statistics [h] go with their channels. W = P W makes the net
in evaluation a strict one of |G| times fewer weights, exactly so where the stride rule holds
(`Windows`): `project_` is the limit of λ_⊥ → ∞.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor, nn

from partial_equiv.groups import Finite
from partial_equiv.groups.pixels import permute_pixels
from partial_equiv.intervals import Count, NonNegative
from partial_equiv.penalties.free_weights import Weight, free_weights
from partial_equiv.penalties.penalty import Batch, Penalty, Symmetry
from partial_equiv.penalties.turns import group_of
from partial_equiv.refusal import Refusal

__all__ = ["Projection"]


class Projection(Penalty):
    """λ_∥ Σ ‖P W‖ + λ_⊥ Σ ‖W − P W‖ of a net of convolutions with free weights.

    Args:
        perpendicular: λ_⊥.
        parallel: λ_∥.
        order: n of the turns by 360°/n that make the group: 1, 2 or 4.
        mirror: their mirror images belong to it, too.
        project: W ← P W after every step, so that the net is always a strict one.

    >>> import torch
    >>> from partial_equiv.groups import SO2
    >>> torch.manual_seed(0)  # doctest: +ELLIPSIS
    <torch._C.Generator object at ...>
    >>> net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    >>> net.append(nn.Linear(8, 2)).eval().requires_grad_(False)[0].bias.fill_(0.5).shape
    torch.Size([8])
    >>> Projection().project_weights_(net, Symmetry(SO2()))
    >>> x = torch.rand(2, 1, 5, 5)
    >>> torch.allclose(net(x), net(x.rot90(1, (-2, -1))), atol=1e-6)
    True
    """

    def __init__(
        self,
        perpendicular: NonNegative = 0.03,
        parallel: NonNegative = 0.0,
        order: Count = 4,
        mirror: bool = False,
        project: bool = False,
    ) -> None:
        self.weights = {"perpendicular": perpendicular, "parallel": parallel}
        self.order, self.mirror, self.project = order, mirror, project

    def check(self, model: nn.Module, symmetry: Symmetry | None) -> None:
        """Check that the net has what this penalty asks for.

        Raises:
            Refusal: if some element does not permute pixels, for weights that are not free, and if
                it is not known how the answers move.
        """
        group = group_of(self.order, self.mirror)
        if not group.permutes_pixels:
            raise Refusal("turns that do not map pixels to pixels, use 1, 2 or 4", order=self.order)
        if symmetry is None:
            raise Refusal(
                "it is not known how the answers of this task move with the image; try "
                "task=classification, or dataset=unit_cells task=regression"
            )
        free_weights(model, group.size or 0)

    def terms(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """{"perpendicular": Σ ‖W − P W‖, "parallel": Σ ‖P W‖} over the parameters W."""
        pairs = list(self._projected(model, batch.symmetry, statistics=False))
        norm = torch.linalg.vector_norm
        return {
            "perpendicular": torch.stack([norm(w.value - mean) for w, mean in pairs]).sum(),
            "parallel": torch.stack([norm(mean) for _, mean in pairs]).sum(),
        }

    @torch.no_grad()
    def numbers(self, model: nn.Module, symmetry: Symmetry) -> dict[str, float]:
        """The relative defect ‖W − P W‖ / ‖W‖ of every convolution as "defect/<layer>", and their
        root mean square as "defect", as `defects` has them of layers of a group."""
        norm = torch.linalg.vector_norm
        least = torch.finfo(torch.float32).tiny  # zeros have no defect
        each = {
            f"defect/{weight.layer}": (
                norm(weight.value - mean) / norm(weight.value).clamp_min(least)
            ).item()
            for weight, mean in self._projected(model, symmetry, statistics=False)
            if weight.on_pixels
        }
        return {"defect": fmean(value**2 for value in each.values()) ** 0.5, **each}

    def project_(self, model: nn.Module, symmetry: Symmetry) -> None:
        """W ← P W, if `project` says so."""
        if self.project:
            self.project_weights_(model, symmetry)

    @torch.no_grad()
    def project_weights_(self, model: nn.Module, symmetry: Symmetry) -> None:
        """W ← P W for all parameters and running statistics of a net: a strict one is left."""
        for weight, mean in self._projected(model, symmetry, statistics=True):
            weight.value.copy_(mean)

    def _projected(
        self, model: nn.Module, symmetry: Symmetry, *, statistics: bool
    ) -> Iterator[tuple[Weight, Tensor]]:
        """Each W with its P W."""
        action = self._action(symmetry)
        for weight in free_weights(model, action.size):
            if statistics or isinstance(weight.value, nn.Parameter):
                yield weight, action.mean(weight)

    def _action(self, symmetry: Symmetry) -> "_Action":
        group = group_of(self.order, self.mirror)
        assert isinstance(group, Finite)
        return _Action(group, symmetry)


@dataclass(frozen=True)
class _Action:
    """How a finite group acts on weights, and on the answers of a task."""

    group: Finite
    symmetry: Symmetry

    @property
    def size(self) -> int:
        return self.group.size

    def mean(self, weight: Weight) -> Tensor:
        """P W."""
        table = self.group.cayley_table()
        inverses = (table == 0).long().argmax(1)  # the identity comes first
        matrices = self.group.matrix(self.group.elements(torch.float64))
        moved = [
            self._moved(weight, table[inverse].to(weight.value.device), matrix)
            for inverse, matrix in zip(inverses, matrices, strict=True)
        ]
        return torch.stack(moved).mean(0)

    def _moved(self, weight: Weight, places: Tensor, matrix: Tensor) -> Tensor:
        """ρ_out(g) W ρ_in(g)⁻¹; the places [|G|] are those of g⁻¹h for all h."""
        value: Tensor = weight.value
        for axis in weight.on_group:
            value = value.unflatten(axis, (self.size, -1)).index_select(axis, places)
            value = value.flatten(axis, axis + 1)
        if weight.on_pixels:
            value = permute_pixels(matrix, value)
        if weight.answers:
            columns = value.reshape(len(value), -1).mT  # [C, K]; [1, K] of a bias
            value = self.symmetry.move(matrix.to(value), columns).mT.reshape(value.shape)
        return value
