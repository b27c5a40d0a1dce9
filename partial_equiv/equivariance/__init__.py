r"""How a symmetry acts on images and features, and how far a module is from commuting with it.

A module f is equivariant to h iff f(h·x) = h·f(x); it is invariant iff f(h·x) = f(x).
"""

from partial_equiv.equivariance.actions import Action as Action
from partial_equiv.equivariance.actions import act as act
from partial_equiv.equivariance.actions import act_on_images as act_on_images
from partial_equiv.equivariance.actions import actions as actions
from partial_equiv.equivariance.actions import resample as resample
from partial_equiv.equivariance.actions import translate_elements as translate_elements
from partial_equiv.equivariance.correlations import LayerCorrelations as LayerCorrelations
from partial_equiv.equivariance.correlations import layer_correlations as layer_correlations
from partial_equiv.equivariance.defect import defects as defects
from partial_equiv.equivariance.defect import needs_images as needs_images
from partial_equiv.equivariance.defect import relative_defect as relative_defect
from partial_equiv.equivariance.errors import Errors as Errors
from partial_equiv.equivariance.layouts import Layout as Layout
from partial_equiv.equivariance.meter import equivariance_error as equivariance_error
from partial_equiv.equivariance.report import LayerErrors as LayerErrors
from partial_equiv.equivariance.report import Report as Report
from partial_equiv.equivariance.shift import Shift as Shift
from partial_equiv.equivariance.strides import inexact_layers as inexact_layers

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
