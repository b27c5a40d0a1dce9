"""Stabiliser groups H of G = R² ⋊ H: one file a group, `base` and `finite` hold the contracts."""

from partial_equiv.groups.base import Group as Group
from partial_equiv.groups.cyclic import Cyclic as Cyclic
from partial_equiv.groups.dihedral import Dihedral as Dihedral
from partial_equiv.groups.finite import Finite as Finite
from partial_equiv.groups.mirror import Mirror as Mirror
from partial_equiv.groups.o2 import O2 as O2
from partial_equiv.groups.so2 import SO2 as SO2
from partial_equiv.groups.trivial import Trivial as Trivial

__all__ = ["O2", "SO2", "Cyclic", "Dihedral", "Finite", "Group", "Mirror", "Trivial"]
