"""The stiffness of cells, component by component: one of large variance hides no other."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from analysis.predictions import draw_parity, draw_worst_cells
from datasets.spec import DataSpec
from datasets.stiffness import COMPONENTS
from measures.measure import Measure, Measured, Subject
from partial_equiv.gconv import frozen_kernels
from partial_equiv.intervals import Count
from partial_equiv.refusal import Refusal
from tasks import Task

__all__ = ["Stiffness", "answers", "explained"]


class Stiffness(Measure):
    """Compares the predicted stiffness of the test cells with the true one.

    Leaves r2/<component> and mse/<component>, the table "components", the table "worst" of the
    cells of largest relative error ‖answer − target‖ / ‖target‖, the answers over the truth, and a
    picture of the worst cells.

    Args:
        num_worst: cells of the table.
    """

    def __init__(self, num_worst: Count = 10) -> None:
        self.num_worst = num_worst

    def check(self, model: nn.Module, spec: DataSpec, task: Task) -> None:
        """Check that this can be measured of the net.

        Raises:
            Refusal: if the net predicts no stiffness.
        """
        if spec.target_size != len(COMPONENTS):
            raise Refusal("the net predicts no stiffness of cells, use dataset=unit_cells")

    def measure(self, subject: Subject) -> Measured:
        """Look at the test cells."""
        cells, true, said = answers(
            subject.model, subject.batches(subject.splits.test), subject.spec
        )
        r2, mse = explained(true, said).tolist(), (said - true).double().square().mean(0).tolist()
        spread = true.double().std(0, correction=0).tolist()
        values = {f"r2/{name}": value for name, value in zip(COMPONENTS, r2, strict=True)}
        values |= {f"mse/{name}": value for name, value in zip(COMPONENTS, mse, strict=True)}
        errors = (said - true).norm(dim=1) / true.norm(dim=1)
        worst = errors.argsort(descending=True)[: self.num_worst].tolist()
        tables = {
            "components": (
                ["component", "r2", "mse", "std_true"],
                [list(row) for row in zip(COMPONENTS, r2, mse, spread, strict=True)],
            ),
            "worst": (
                [
                    *("test_cell", "relative_error"),
                    *(f"true_{name}" for name in COMPONENTS),
                    *(f"predicted_{name}" for name in COMPONENTS),
                ],
                [[i, errors[i].item(), *true[i].tolist(), *said[i].tolist()] for i in worst],
            ),
        }
        pictures = [subject.picture("predictions"), subject.picture("worst_cells")]
        draw_parity(true, said, COMPONENTS, "test cells", pictures[0])
        draw_worst_cells(cells, true, said, COMPONENTS, "test cells", pictures[1])
        return Measured(values, tables, pictures)


def answers(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], spec: DataSpec
) -> tuple[Tensor, Tensor, Tensor]:
    """Cells [N, 1, H, W] in 0..1, their stiffness [N, 6], and what a net says [N, 6].

    Args:
        model: in evaluation mode.
        batches: of normalised cells and their stiffness.
        spec: of the data.
    """
    device = next((each.device for each in model.parameters()), torch.device("cpu"))
    cells, true, said = [], [], []
    with torch.inference_mode(), frozen_kernels(model):
        for images, labels in batches:
            cells.append(spec.denormalised(images))
            true.append(labels)
            said.append(model(images.to(device)).float().cpu())
    return torch.cat(cells), torch.cat(true), torch.cat(said)


def explained(true: Tensor, said: Tensor) -> Tensor:
    """R² of each component of answers [N, T] [T]: 1 − Σ(said − true)² / Σ(true − mean of true)².

    NaN where the true values are all the same.

    >>> explained(torch.tensor([[1.0, 5.0], [3.0, 5.0]]), torch.tensor([[1.5, 5.0], [2.5, 4.0]]))
    tensor([0.7500,    nan], dtype=torch.float64)
    """
    true, said = true.double(), said.double()
    spread = (true - true.mean(0)).square().sum(0)
    return torch.where(spread > 0, 1 - (said - true).square().sum(0) / spread, torch.nan)
