"""Group convolutions and the layers between them; `GroupFeature` flows through all of them."""

from partial_equiv.gconv.averaged import AveragedConv as AveragedConv
from partial_equiv.gconv.conv import Convolution as Convolution
from partial_equiv.gconv.conv import GroupConv as GroupConv
from partial_equiv.gconv.conv import LiftingConv as LiftingConv
from partial_equiv.gconv.conv import PointwiseConv as PointwiseConv
from partial_equiv.gconv.evaluation import frozen_kernels as frozen_kernels
from partial_equiv.gconv.feature import GroupFeature as GroupFeature
from partial_equiv.gconv.norm import Norm as Norm
from partial_equiv.gconv.pointwise import Activation as Activation
from partial_equiv.gconv.pointwise import Dropout as Dropout
from partial_equiv.gconv.pool import GroupPool as GroupPool
from partial_equiv.gconv.pool import SpatialPool as SpatialPool

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
