"""Kernels: networks that give a convolution's weights at any coordinates, or free weights on a
grid."""

from partial_equiv.ck.base import ContinuousKernel as ContinuousKernel
from partial_equiv.ck.base import Kernel as Kernel
from partial_equiv.ck.grid import GridKernel as GridKernel
from partial_equiv.ck.mfn import FourierNet as FourierNet
from partial_equiv.ck.mfn import GaborNet as GaborNet
from partial_equiv.ck.mfn import MAGNet as MAGNet
from partial_equiv.ck.mlp import MLP as MLP
from partial_equiv.ck.reading import Reading as Reading
from partial_equiv.ck.separable import SeparableKernel as SeparableKernel
from partial_equiv.ck.siren import Siren as Siren

__all__ = [
    "MLP",
    "ContinuousKernel",
    "FourierNet",
    "GaborNet",
    "GridKernel",
    "Kernel",
    "MAGNet",
    "Reading",
    "SeparableKernel",
    "Siren",
]
