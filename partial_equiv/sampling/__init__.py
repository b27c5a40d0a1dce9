"""Samplings: which group elements each layer computes."""

from partial_equiv.sampling.sampling import Sample, Sampling
from partial_equiv.sampling.shared_draws import shared_draws
from partial_equiv.sampling.subsets import mirror_group, samplings

__all__ = ["Sample", "Sampling", "mirror_group", "samplings", "shared_draws"]
