"""The groups that a penalty names by two plain settings."""

from partial_equiv.groups import O2, SO2, Cyclic, Dihedral, Group

__all__ = ["group_of"]


def group_of(order: int | None, mirror: bool) -> Group:
    """The turns by 360°/order (None: by any angle), with their mirror images if `mirror` says so.

    >>> group_of(4, mirror=True).size
    8
    """
    if order is None:
        return O2() if mirror else SO2()
    return Dihedral(order) if mirror else Cyclic(order)
