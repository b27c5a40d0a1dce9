"""Stabiliser groups H of G = R² ⋊ H: one file a group, `base` and `finite` hold the contracts."""

from partial_equiv.groups.base import Group
from partial_equiv.groups.cyclic import Cyclic
from partial_equiv.groups.dihedral import Dihedral
from partial_equiv.groups.finite import Finite
from partial_equiv.groups.mirror import Mirror
from partial_equiv.groups.o2 import O2
from partial_equiv.groups.so2 import SO2
from partial_equiv.groups.trivial import Trivial

__all__ = ["O2", "SO2", "Cyclic", "Dihedral", "Finite", "Group", "Mirror", "Trivial"]
