"""The usual mistakes of somebody who builds a net by hand are told in one plain line."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from partial_equiv.ck import Siren
from partial_equiv.gconv import GroupConv, GroupFeature, LiftingConv, Norm, PointwiseConv
from partial_equiv.groups import SO2
from partial_equiv.sampling import Sampling
from tests.shipped import siren_on


def feature(channels: int = 2, batch: int = 3) -> GroupFeature:
    return GroupFeature(torch.randn(batch, channels, 4, 5, 5), SO2().grid(4)[None])


def group_conv(**changed: object) -> GroupConv:
    return GroupConv(2, 3, **siren_on() | changed)


MISTAKES: dict[str, tuple[Callable[[], object], str]] = {
    "relu": (lambda: nn.ReLU()(feature()), r"relu cannot read a GroupFeature: .*Activation"),
    "max pool": (lambda: nn.MaxPool2d(2)(feature()), r"max_pool2d cannot .*SpatialPool"),
    "batch norm": (lambda: nn.BatchNorm2d(2)(feature()), r"GroupFeature has no dim: .*Norm"),
    "flatten": (lambda: nn.Flatten()(feature()), r"GroupFeature has no flatten: .*GroupPool"),
    "linear": (lambda: nn.Linear(5, 2)(feature()), "linear cannot read a GroupFeature"),
    "sampling": (lambda: group_conv(sampling=Sampling(SO2(), 4)), "sampling=Sampling.*partial"),
    "kernel": (lambda: group_conv(kernel=Siren(4, 3, 2)), r"kernel=Siren\(...\): every layer"),
    "channels": (lambda: group_conv()(feature(4)), "in_channels=2: this GroupConv .* 4 channels"),
    "lifted channels": (
        lambda: LiftingConv(1, 2, **siren_on())(torch.zeros(1, 3, 6, 6)),
        "in_channels=1: this LiftingConv was given 3 channels",
    ),
    "shortcut": (lambda: PointwiseConv(4, 2, **siren_on())(feature()), "in_channels=4"),
    "no batch": (lambda: group_conv()(feature(batch=0)), "GroupConv was given an empty batch"),
    "one image": (
        lambda: LiftingConv(1, 2, **siren_on())(torch.zeros(1, 6, 6)),
        r"LiftingConv reads images \[B, C, H, W\], not Tensor \[1, 6, 6\]",
    ),
    "lifted twice": (
        lambda: LiftingConv(2, 2, **siren_on())(feature()),
        r"not GroupFeature \[3, 2, 4, 5, 5\]; what follows it is a GroupConv",
    ),
    "not lifted": (lambda: group_conv()(torch.zeros(1, 2, 6, 6)), "lift images with a LiftingConv"),
    "norm": (lambda: Norm(3)(feature()), "num_channels=3: this norm was given 2 channels"),
    "other elements": (
        lambda: feature() + GroupFeature(feature().x, SO2().grid(4)[None] + 0.1),
        r"different group elements and cannot be added: .*like=other",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line(mistake: str) -> None:
    make, message = MISTAKES[mistake]
    with pytest.raises((TypeError, ValueError, AttributeError), match=message) as caught:
        make()
    assert len(str(caught.value).splitlines()) == 1


def test_a_feature_has_a_shape_and_a_sum() -> None:
    one, other = feature(), feature()
    assert one.shape == one.x.shape == (3, 2, 4, 5, 5)
    assert torch.equal((one + other).x, one.x + other.x)
    assert not hasattr(one, "nonsense")


def test_a_factory_may_be_a_class_or_a_function() -> None:
    make = partial(Sampling, SO2(), 4)
    for sampling in (make, lambda **settings: make(**settings)):
        assert GroupConv(2, 3, kernel=Siren, sampling=sampling)(feature()).shape[1] == 3
