"""Relaxations: what a layer may do beyond its group, one object a layer."""

from partial_equiv.relaxations.averaged import Averaged
from partial_equiv.relaxations.banks import Banks
from partial_equiv.relaxations.filter_bias import FilterBias
from partial_equiv.relaxations.input_subset import InputSubset
from partial_equiv.relaxations.learned_subset import LearnedSubset
from partial_equiv.relaxations.model import (
    Terms,
    after_step,
    collected_terms,
    learned_subsets,
    numbers,
    project_,
    relaxations_of,
    set_progress,
)
from partial_equiv.relaxations.relaxation import Choice, Layer, Relaxation, SampledFeature
from partial_equiv.relaxations.residual import Residual

__all__ = [
    "Averaged",
    "Banks",
    "Choice",
    "FilterBias",
    "InputSubset",
    "Layer",
    "LearnedSubset",
    "Relaxation",
    "Residual",
    "SampledFeature",
    "Terms",
    "after_step",
    "collected_terms",
    "learned_subsets",
    "numbers",
    "project_",
    "relaxations_of",
    "set_progress",
]
