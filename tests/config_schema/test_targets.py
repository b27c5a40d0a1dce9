"""Targets: a config may name classes and functions of a few packages, and nothing else."""

import pytest

from config_schema.targets import resolve
from models.gcnn import GCNN


def test_a_class_is_found() -> None:
    assert resolve("models.gcnn.GCNN") is GCNN
    assert resolve("json.JSONDecoder", ["json"]).__name__ == "JSONDecoder"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("os.system", "is not allowed, only what lies in partial_equiv, "),
        ("models", "is not allowed"),
        ("modelsx.gcnn.GCNN", "is not allowed"),
        ("torch.hub.load", "is not allowed"),
        ("torch.nn.ReLU", "is not allowed"),
        ("torchvision.datasets.utils.download_url", "is not allowed"),
        ("", "is not allowed"),
        (None, "is not allowed"),
        ("datasets.amat.Path", "is defined in pathlib"),
        ("datasets.tensors.torch.hub.load", "is defined in torch.hub"),
        ("models.gcnn.nn.Identity", "is defined in torch.nn"),
        ("models.gcnn", "is neither a class nor a function"),
        ("models.gcnn.GCN", r"models.gcnn has no GCN \(did you mean models.gcnn.GCNN\?\)"),
        ("models.gcn.GCNN", r"models has no gcn \(did you mean models.gcnn.GCNN\?\)"),
        ("models.gcnn.GCNN.forwrd", r"models.gcnn.GCNN has no forwrd"),
        ("models..GCNN", "models has no "),
    ],
)
def test_anything_else_is_refused(path: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        resolve(path)
