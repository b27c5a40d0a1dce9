r"""The equivariance error in the loss: any net learns to commute with a group, as far as it pays.

    loss = α·L + β·E_x ‖f(g·x) − g·f(x)‖²,    one g for each batch, drawn from the Haar measure

(REMUL: Elhag et al., "Relaxed Equivariance via Multitask Learning", 2410.17878, with constant α and
β.) f(x) is what the task's loss is computed from, so that a step costs two passes through the net.

How g moves an image of pixels is our own reading: quarter turns and mirrors permute its pixels. Any
other turn moves the inscribed disc, by bilinear interpolation, and leaves the corners as they are:
that is an action of the group as far as the interpolation is exact, and no pixel is asked for that
lies beyond the border. The second pass takes norm statistics of its own, the moved images', and
`train.reestimate_norm` replaces what it leaves in running averages.
"""

import torch
from torch import Tensor, nn

from partial_equiv.equivariance import resample
from partial_equiv.groups import Group
from partial_equiv.groups.pixels import inscribed_disc, permute_pixels, permutes_pixels
from partial_equiv.intervals import Count, NonNegative, Positive
from partial_equiv.penalties.penalty import Batch, Penalty, Symmetry
from partial_equiv.penalties.turns import group_of
from partial_equiv.refusal import Refusal

__all__ = ["EquivarianceError"]


class EquivarianceError(Penalty):
    """β·E‖f(g·x) − g·f(x)‖² beside α times the loss of the task.

    Args:
        alpha: α.
        beta: β.
        order: n of the turns by 360°/n that are drawn; None: the group of the task, all turns for
            classes, the symmetries of the square for periodic cells, of orthotropic ones those of
            a rectangle.
        mirror: draw their mirror images, too.

    >>> import torch
    >>> from partial_equiv.groups import SO2
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(25, 2))
    >>> x = torch.ones(4, 1, 5, 5)
    >>> batch = Batch(net, x, net(x), Symmetry(SO2()), torch.Generator())
    >>> error = EquivarianceError().terms(net, batch)["equivariance_error"]
    >>> bool(error < 1e-10)  # a grey image is the same at all angles
    True
    """

    def __init__(
        self,
        alpha: Positive = 1.0,
        beta: NonNegative = 0.1,
        order: Count | None = None,
        mirror: bool = False,
    ) -> None:
        self.task_weight, self.weights = alpha, {"equivariance_error": beta}
        self.order, self.mirror = order, mirror

    def check(self, model: nn.Module, symmetry: Symmetry | None) -> None:
        """Check that the net has what this penalty asks for.

        Raises:
            Refusal: if it is not known how the answers move, or not by such a turn.
        """
        if symmetry is None:
            raise Refusal(
                "it is not known how the answers of this task move with the image; try "
                "task=classification, or dataset=unit_cells task=regression"
            )
        if symmetry.only_pixels and not self.group(symmetry).permutes_pixels:
            raise Refusal(
                "turns that do not map pixels to pixels are no symmetries of periodic cells, use "
                "1, 2 or 4",
                order=self.order,
            )

    def group(self, symmetry: Symmetry) -> Group:
        """The group that g is drawn from."""
        if self.order is None and not self.mirror:
            return symmetry.group
        return group_of(self.order, self.mirror)

    def terms(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """{"equivariance_error"}: the mean over the batch of ‖f(g·x) − g·f(x)‖²."""
        group = self.group(batch.symmetry)
        element = group.uniform(1, batch.generator, torch.float64)[0]
        matrix = group.matrix(element)  # on the CPU, where asking it makes no device wait
        wanted = batch.symmetry.move(matrix.to(batch.answers), batch.answers)
        found = batch.model(moved(matrix, batch.images))
        return {"equivariance_error": (found - wanted).square().flatten(1).sum(1).mean()}


def moved(matrix: Tensor, images: Tensor) -> Tensor:
    """Images [B, C, H, W] moved by an orthogonal matrix [2, 2]: all pixels of them, where it
    permutes these, else what lies in the inscribed disc."""
    if permutes_pixels(matrix):
        return permute_pixels(matrix, images)
    height, width = images.shape[-2:]
    maps = images.flatten(0, 1)[None]  # [1, B·C, H, W]
    there = resample(matrix[None].to(images.device), maps).view_as(images)
    return torch.where(inscribed_disc((height, width), images.device), there, images)
