"""Tasks: loss and metrics of a batch."""

import pytest
import torch
from torch import nn

from datasets.spec import DataSpec
from datasets.tensors import TensorSplit
from models.stiffness import StiffnessHead
from partial_equiv.groups import Dihedral
from tasks import Classification, Regression, Task
from tester import evaluate


def test_classification_is_cross_entropy_and_accuracy() -> None:
    logits = torch.tensor([[2.0, 0.0], [1.0, 3.0], [0.0, 1.0]])
    classes = torch.tensor([0, 1, 0])
    loss, metrics = Classification().step(nn.Identity(), (logits, classes))
    expected = -logits.log_softmax(1)[torch.arange(3), classes].mean()
    assert loss.item() == pytest.approx(expected.item())
    assert metrics["accuracy"].item() == pytest.approx(2 / 3)


def test_label_smoothing_forbids_certainty() -> None:
    batch = (torch.tensor([[60.0, 0.0]]), torch.tensor([0]))
    assert Classification().step(nn.Identity(), batch)[0] < 1e-6
    assert Classification(label_smoothing=0.1).step(nn.Identity(), batch)[0] > 1


def spec(num_classes: int | None, target_size: int | None) -> DataSpec:
    """A data set of single pixels."""
    one = (1.0,)
    return DataSpec(1, num_classes, (1, 1), mean=(0.0,), std=one, target_size=target_size)


def explained(answers: torch.Tensor, targets: torch.Tensor) -> float:
    """R² of one component."""
    return (
        1 - ((answers - targets).square().sum() / (targets - targets.mean()).square().sum()).item()
    )


@pytest.mark.parametrize("batch_size", [1, 7, 40])
def test_regression_reports_mse_relative_error_and_r2_of_all_samples(batch_size: int) -> None:
    torch.manual_seed(0)
    images, targets = torch.rand(40, 1, 1, 1), torch.randn(40, 3) + torch.tensor([5.0, -1.0, 0.0])
    net = nn.Sequential(nn.Flatten(), nn.Linear(1, 3))
    split = TensorSplit(images, targets, spec(None, 3))
    found = evaluate(net, split.batches(batch_size), Regression())
    answers = net(images).detach()
    errors = (answers - targets).square()
    assert found == pytest.approx(
        {
            "loss": errors.mean().item(),
            "relative_error": (errors.sum(1).sqrt() / targets.norm(dim=1)).mean().item(),
            "r2": 1 - (errors.sum() / (targets - targets.mean(0)).square().sum()).item(),
            **{f"r2/{i}": explained(answers[:, i], targets[:, i]) for i in range(3)},
        },
        rel=1e-5,
    )


def test_r2_of_the_truth_is_1_and_of_the_mean_0() -> None:
    targets = torch.randn(40, 3)
    for answers, expected in ((targets, 1.0), (targets.mean(0).expand(40, -1), 0.0)):
        batch = ((answers, targets),)
        assert evaluate(nn.Identity(), batch, Regression())["r2"] == pytest.approx(
            expected, abs=1e-5
        )


def test_a_component_of_large_variance_does_not_hide_another() -> None:
    targets = torch.randn(200, 2) * torch.tensor([10.0, 0.1])
    answers = targets.clone()
    answers[:, 1] = 0
    found = evaluate(nn.Identity(), ((answers, targets),), Regression())
    assert found["r2"] > 0.99
    assert found["r2/0"] == pytest.approx(1)
    assert found["r2/1"] == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(
    ("task", "wrong"), [(Classification(), spec(None, 3)), (Regression(), spec(3, None))]
)
def test_a_task_refuses_data_of_the_other_kind(task: Task, wrong: DataSpec) -> None:
    with pytest.raises(ValueError, match=r"; try task="):
        task.check(wrong)


def test_regression_shows_heads_the_training_targets() -> None:
    targets = torch.randn(40, 6) + torch.tensor([9.0, 9.0, 5.0, 4.0, 0.0, 0.0])
    split = TensorSplit(torch.rand(40, 1, 1, 1), targets, spec(None, 6))
    net, expected = nn.Sequential(StiffnessHead(2, Dihedral(4))), StiffnessHead(2, Dihedral(4))
    Regression().prepare(net, split, split.spec)
    expected.standardise(targets)
    assert expected.offset[0] > 8
    assert torch.equal(net[0].offset, expected.offset)
    assert torch.equal(net[0].scale, expected.scale)
