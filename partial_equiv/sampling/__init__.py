"""Samplings: which group elements each layer computes, and what a model has learned of it."""

from partial_equiv.sampling.sampling import Sample as Sample
from partial_equiv.sampling.sampling import Sampling as Sampling
from partial_equiv.sampling.subsets import learned_subsets as learned_subsets
from partial_equiv.sampling.subsets import mirror_group as mirror_group
from partial_equiv.sampling.subsets import project_ as project_
from partial_equiv.sampling.subsets import samplings as samplings
from partial_equiv.sampling.subsets import set_progress as set_progress

__all__ = [
    *("Sample", "Sampling", "learned_subsets", "mirror_group", "project_", "samplings"),
    "set_progress",
]
