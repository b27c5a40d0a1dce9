"""Samplings: which group elements each layer computes."""

from partial_equiv.sampling.sampling import Sample as Sample
from partial_equiv.sampling.sampling import Sampling as Sampling
from partial_equiv.sampling.subsets import mirror_group as mirror_group
from partial_equiv.sampling.subsets import samplings as samplings

__all__ = ["Sample", "Sampling", "mirror_group", "samplings"]
