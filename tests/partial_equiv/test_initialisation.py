"""Every kernel on every group starts with the scale of what it reads, also without norms."""

from functools import partial
from math import log

import pytest
import torch
from torch import Tensor

from partial_equiv.ck import GridKernel
from partial_equiv.gconv import Activation, AveragedConv
from partial_equiv.groups import Mirror
from partial_equiv.sampling import Sampling
from tests import shipped

ALLOWED = [
    (base_group, kernel, rank)
    for base_group in ("T2", "SE2", "E2", "p4", "dihedral")
    for kernel in shipped.names("kernel")
    for rank in (None, 1, 4)
    if shipped.is_allowed(base_group, kernel) and (base_group == "SE2" or rank is None)
]


@torch.no_grad()
@pytest.mark.parametrize(("base_group", "kernel", "rank"), ALLOWED)
def test_six_layers_without_norm_keep_the_scale(
    base_group: str, kernel: str, rank: int | None
) -> None:
    """The geometric mean of a few small nets, on noise with ReLUs; it was .001 to 1,600."""
    settings = {"kernel_size": 3, "rank": rank}
    scales = []
    for seed in range(4):
        torch.manual_seed(seed)
        lifting, conv = shipped.layers(base_group, kernel, **settings)
        feature = lifting(24, 24)(torch.randn(2, 24, 12, 12))
        for _ in range(5):
            feature = conv(24, 24)(Activation()(feature))
        scales.append(feature.x.std().log().item())
    assert abs(sum(scales) / len(scales)) < log(2), [round(scale, 2) for scale in scales]


@torch.no_grad()
def test_so_do_six_averaged_ones() -> None:
    """The mean over the mirror takes away what the mirror changes, hence a little in each layer."""
    mirror = {"kernel": GridKernel, "sampling": partial(Sampling, Mirror()), "kernel_size": 3}
    scales = []
    for seed in range(4):
        torch.manual_seed(seed)
        x: Tensor = torch.randn(2, 24, 12, 12)
        for depth in range(6):
            x = AveragedConv(24, 24, bias=False, **mirror)(x.relu() if depth else x).x.mean(2)
        scales.append(x.std().log().item())
    assert abs(sum(scales) / len(scales)) < log(2), [round(scale, 2) for scale in scales]
