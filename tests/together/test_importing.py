"""Fabric is imported without torchmetrics, which is itself for whoever needs it later."""

import sys
from importlib import import_module
from importlib.metadata import version

import pytest

from together import quick_fabric


def test_a_version_stands_in_for_torchmetrics_and_is_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = import_module("torchmetrics")
    with quick_fabric():
        assert sys.modules["torchmetrics"] is real, "what is there stays"
    monkeypatch.delitem(sys.modules, "torchmetrics")
    with quick_fabric():
        stand_in = import_module("torchmetrics")
        assert stand_in.__version__ == version("torchmetrics")
        assert not hasattr(stand_in, "Metric")
        imports = import_module("lightning_fabric.utilities.imports")
    assert "torchmetrics" not in sys.modules
    assert imports._TORCHMETRICS_GREATER_EQUAL_1_0_0
