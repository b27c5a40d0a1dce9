"""Stabiliser groups H of G = R² ⋊ H: one file a group, `base` holds the contract."""

from partial_equiv.groups.base import Group as Group
from partial_equiv.groups.o2 import O2 as O2
from partial_equiv.groups.so2 import SO2 as SO2
from partial_equiv.groups.trivial import Trivial as Trivial

__all__ = ["O2", "SO2", "Group", "Trivial"]
