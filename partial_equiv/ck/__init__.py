"""Continuous kernels: networks that give a convolution's weights at any coordinates."""

from partial_equiv.ck.base import Kernel as Kernel
from partial_equiv.ck.mfn import FourierNet as FourierNet
from partial_equiv.ck.mfn import GaborNet as GaborNet
from partial_equiv.ck.mfn import MAGNet as MAGNet
from partial_equiv.ck.mlp import MLP as MLP
from partial_equiv.ck.siren import Siren as Siren

__all__ = ["MLP", "FourierNet", "GaborNet", "Kernel", "MAGNet", "Siren"]
