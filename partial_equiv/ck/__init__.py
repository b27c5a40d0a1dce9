"""Kernels: networks that give a convolution's weights at any coordinates, or free weights on a
grid."""

from partial_equiv.ck.base import ContinuousKernel, Kernel
from partial_equiv.ck.grid import GridKernel
from partial_equiv.ck.mfn import FourierNet, GaborNet, MAGNet
from partial_equiv.ck.mlp import MLP
from partial_equiv.ck.reading import Reading
from partial_equiv.ck.separable import SeparableKernel
from partial_equiv.ck.siren import Siren

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
