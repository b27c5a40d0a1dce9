"""Tasks: loss and metrics of a batch."""

import pytest
import torch
from torch import nn

from tasks import Classification


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
