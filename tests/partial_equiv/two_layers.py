"""A net of two layers, with a relaxation."""

import torch
from torch import nn

from partial_equiv.gconv import Activation, GroupPool
from tests import shipped


def net(base_group: str, relaxation: object, **settings: object) -> nn.Sequential:
    """Two layers with a relaxation, in float64."""
    torch.manual_seed(0)
    settings = {"partial": True, "relaxation": relaxation, **settings}
    lifting, conv = shipped.layers(base_group, **settings)
    return nn.Sequential(lifting(1, 4), Activation(), conv(4, 3), GroupPool()).double()
