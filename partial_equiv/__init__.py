"""Partially equivariant group convolutions: groups, samplings, relaxations, kernels, layers.

What is named here is loaded when it is first asked for: messages and intervals need no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partial_equiv.baking import bake
    from partial_equiv.ck import (
        MLP,
        ContinuousKernel,
        FourierNet,
        GaborNet,
        GridKernel,
        Kernel,
        MAGNet,
        Reading,
        SeparableKernel,
        Siren,
    )
    from partial_equiv.equivariance import (
        Action,
        Shift,
        act,
        act_on_images,
        actions,
        defects,
        equivariance_error,
        inexact_layers,
        layer_correlations,
        relative_defect,
        translate_elements,
    )
    from partial_equiv.gconv import (
        Activation,
        AveragedConv,
        Convolution,
        Dropout,
        GroupConv,
        GroupFeature,
        GroupPool,
        LiftingConv,
        Norm,
        PointwiseConv,
        SpatialPool,
        frozen_kernels,
    )
    from partial_equiv.groups import O2, SO2, Cyclic, Dihedral, Finite, Group, Mirror, Trivial
    from partial_equiv.penalties import (
        EquivarianceError,
        Penalty,
        Projection,
        kernel_l2,
        monotone,
        narrow,
    )
    from partial_equiv.refusal import Refusal
    from partial_equiv.relaxations import (
        Averaged,
        Banks,
        FilterBias,
        InputSubset,
        Layer,
        LearnedSubset,
        Relaxation,
        Residual,
        after_step,
        collected_terms,
        learned_subsets,
        numbers,
        project_,
        relaxations_of,
        set_progress,
    )
    from partial_equiv.sampling import Sample, Sampling, samplings

__all__ = [
    "MLP",
    "O2",
    "SO2",
    "Action",
    "Activation",
    "Averaged",
    "AveragedConv",
    "Banks",
    "ContinuousKernel",
    "Convolution",
    "Cyclic",
    "Dihedral",
    "Dropout",
    "EquivarianceError",
    "FilterBias",
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
    "Penalty",
    "PointwiseConv",
    "Projection",
    "Reading",
    "Refusal",
    "Relaxation",
    "Residual",
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
    "after_step",
    "bake",
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
    *("equivariance", "penalties", "baking"),
)


def __getattr__(name: str) -> object:
    for part in PARTS if name in __all__ else ():
        module = import_module(f"{__name__}.{part}")
        if name in module.__all__:
            return getattr(module, name)
    if name in PARTS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__} has no attribute {name}")
