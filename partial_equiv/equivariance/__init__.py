r"""How a symmetry acts on images and features, and how far a module is from commuting with it.

A module f is equivariant to h iff f(h·x) = h·f(x); it is invariant iff f(h·x) = f(x).
"""

from partial_equiv.equivariance.actions import (
    Action,
    act,
    act_on_images,
    actions,
    resample,
    translate_elements,
)
from partial_equiv.equivariance.correlations import LayerCorrelations, layer_correlations
from partial_equiv.equivariance.defect import defects, needs_images, relative_defect
from partial_equiv.equivariance.errors import Errors
from partial_equiv.equivariance.layouts import Layout
from partial_equiv.equivariance.meter import equivariance_error
from partial_equiv.equivariance.report import LayerErrors, Report
from partial_equiv.equivariance.shift import Shift
from partial_equiv.equivariance.strides import inexact_layers

__all__ = [
    "Action",
    "Errors",
    "LayerCorrelations",
    "LayerErrors",
    "Layout",
    "Report",
    "Shift",
    "act",
    "act_on_images",
    "actions",
    "defects",
    "equivariance_error",
    "inexact_layers",
    "layer_correlations",
    "needs_images",
    "relative_defect",
    "resample",
    "translate_elements",
]
