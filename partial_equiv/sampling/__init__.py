"""Samplings: which group elements each layer computes."""

from partial_equiv.sampling.sampling import Sample as Sample
from partial_equiv.sampling.sampling import Sampling as Sampling
from partial_equiv.sampling.subsets import samplings as samplings

__all__ = ["Sample", "Sampling", "samplings"]
