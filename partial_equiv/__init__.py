"""Partially equivariant group convolutions: groups, samplings, relaxations, kernels, layers.

What is named here is loaded when it is first asked for: messages and intervals need no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partial_equiv.ck import MLP as MLP
    from partial_equiv.ck import ContinuousKernel as ContinuousKernel
    from partial_equiv.ck import FourierNet as FourierNet
    from partial_equiv.ck import GaborNet as GaborNet
    from partial_equiv.ck import GridKernel as GridKernel
    from partial_equiv.ck import Kernel as Kernel
    from partial_equiv.ck import MAGNet as MAGNet
    from partial_equiv.ck import SeparableKernel as SeparableKernel
    from partial_equiv.ck import Siren as Siren
    from partial_equiv.equivariance import Action as Action
    from partial_equiv.equivariance import Shift as Shift
    from partial_equiv.equivariance import act as act
    from partial_equiv.equivariance import act_on_images as act_on_images
    from partial_equiv.equivariance import actions as actions
    from partial_equiv.equivariance import defects as defects
    from partial_equiv.equivariance import equivariance_error as equivariance_error
    from partial_equiv.equivariance import inexact_layers as inexact_layers
    from partial_equiv.equivariance import layer_correlations as layer_correlations
    from partial_equiv.equivariance import relative_defect as relative_defect
    from partial_equiv.equivariance import translate_elements as translate_elements
    from partial_equiv.gconv import Activation as Activation
    from partial_equiv.gconv import AveragedConv as AveragedConv
    from partial_equiv.gconv import Convolution as Convolution
    from partial_equiv.gconv import Dropout as Dropout
    from partial_equiv.gconv import GroupConv as GroupConv
    from partial_equiv.gconv import GroupFeature as GroupFeature
    from partial_equiv.gconv import GroupPool as GroupPool
    from partial_equiv.gconv import LiftingConv as LiftingConv
    from partial_equiv.gconv import Norm as Norm
    from partial_equiv.gconv import PointwiseConv as PointwiseConv
    from partial_equiv.gconv import SpatialPool as SpatialPool
    from partial_equiv.gconv import frozen_kernels as frozen_kernels
    from partial_equiv.groups import O2 as O2
    from partial_equiv.groups import SO2 as SO2
    from partial_equiv.groups import Cyclic as Cyclic
    from partial_equiv.groups import Dihedral as Dihedral
    from partial_equiv.groups import Finite as Finite
    from partial_equiv.groups import Group as Group
    from partial_equiv.groups import Mirror as Mirror
    from partial_equiv.groups import Trivial as Trivial
    from partial_equiv.penalties import kernel_l2 as kernel_l2
    from partial_equiv.penalties import monotone as monotone
    from partial_equiv.penalties import narrow as narrow
    from partial_equiv.refusal import Refusal as Refusal
    from partial_equiv.relaxations import InputSubset as InputSubset
    from partial_equiv.relaxations import Layer as Layer
    from partial_equiv.relaxations import LearnedSubset as LearnedSubset
    from partial_equiv.relaxations import Relaxation as Relaxation
    from partial_equiv.relaxations import collected_terms as collected_terms
    from partial_equiv.relaxations import learned_subsets as learned_subsets
    from partial_equiv.relaxations import numbers as numbers
    from partial_equiv.relaxations import project_ as project_
    from partial_equiv.relaxations import relaxations_of as relaxations_of
    from partial_equiv.relaxations import set_progress as set_progress
    from partial_equiv.sampling import Sample as Sample
    from partial_equiv.sampling import Sampling as Sampling
    from partial_equiv.sampling import samplings as samplings

__all__ = [
    "MLP",
    "O2",
    "SO2",
    "Action",
    "Activation",
    "AveragedConv",
    "ContinuousKernel",
    "Convolution",
    "Cyclic",
    "Dihedral",
    "Dropout",
    "Finite",
    "FourierNet",
    "GaborNet",
    "GridKernel",
    "Group",
    "GroupConv",
    "GroupFeature",
    "GroupPool",
    "InputSubset",
    "Kernel",
    "Layer",
    "LearnedSubset",
    "LiftingConv",
    "MAGNet",
    "Mirror",
    "Norm",
    "PointwiseConv",
    "Refusal",
    "Relaxation",
    "Sample",
    "Sampling",
    "SeparableKernel",
    "Shift",
    "Siren",
    "SpatialPool",
    "Trivial",
    "act",
    "act_on_images",
    "actions",
    "collected_terms",
    "defects",
    "equivariance_error",
    "frozen_kernels",
    "inexact_layers",
    "kernel_l2",
    "layer_correlations",
    "learned_subsets",
    "monotone",
    "narrow",
    "numbers",
    "project_",
    "relative_defect",
    "relaxations_of",
    "samplings",
    "set_progress",
    "translate_elements",
]

PARTS = (
    *("refusal", "groups", "sampling", "relaxations", "ck", "gconv"),
    *("equivariance", "penalties"),
)


def __getattr__(name: str) -> object:
    for part in PARTS if name in __all__ else ():
        module = import_module(f"{__name__}.{part}")
        if name in module.__all__:
            return getattr(module, name)
    if name in PARTS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__} has no attribute {name}")
