"""Group convolutions and the layers between them; `GroupFeature` flows through all of them."""

from partial_equiv.gconv.averaged import AveragedConv
from partial_equiv.gconv.conv import GroupConv, LiftingConv, PointwiseConv
from partial_equiv.gconv.convolution import Convolution
from partial_equiv.gconv.feature import GroupFeature
from partial_equiv.gconv.frozen import frozen_kernels
from partial_equiv.gconv.norm import Norm
from partial_equiv.gconv.pointwise import Activation, Dropout
from partial_equiv.gconv.pool import GroupPool, SpatialPool

__all__ = [
    "Activation",
    "AveragedConv",
    "Convolution",
    "Dropout",
    "GroupConv",
    "GroupFeature",
    "GroupPool",
    "LiftingConv",
    "Norm",
    "PointwiseConv",
    "SpatialPool",
    "frozen_kernels",
]
