"""Relaxations: what a layer may do beyond its group, one object a layer."""

from partial_equiv.relaxations.averaged import Averaged as Averaged
from partial_equiv.relaxations.banks import Banks as Banks
from partial_equiv.relaxations.filter_bias import FilterBias as FilterBias
from partial_equiv.relaxations.input_subset import InputSubset as InputSubset
from partial_equiv.relaxations.learned_subset import LearnedSubset as LearnedSubset
from partial_equiv.relaxations.model import Terms as Terms
from partial_equiv.relaxations.model import collected_terms as collected_terms
from partial_equiv.relaxations.model import learned_subsets as learned_subsets
from partial_equiv.relaxations.model import numbers as numbers
from partial_equiv.relaxations.model import project_ as project_
from partial_equiv.relaxations.model import relaxations_of as relaxations_of
from partial_equiv.relaxations.model import set_progress as set_progress
from partial_equiv.relaxations.relaxation import Choice as Choice
from partial_equiv.relaxations.relaxation import Layer as Layer
from partial_equiv.relaxations.relaxation import Relaxation as Relaxation
from partial_equiv.relaxations.relaxation import SampledFeature as SampledFeature

__all__ = [
    "Averaged",
    "Banks",
    "Choice",
    "FilterBias",
    "InputSubset",
    "Layer",
    "LearnedSubset",
    "Relaxation",
    "SampledFeature",
    "Terms",
    "collected_terms",
    "learned_subsets",
    "numbers",
    "project_",
    "relaxations_of",
    "set_progress",
]
