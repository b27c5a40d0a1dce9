"""Orbits: every source image seen from all sides, kept in HDF5."""

from datasets.orbits.orbits import Orbits
from datasets.orbits.splits import OrbitSplit, OrbitSplits, whole_orbits
from datasets.orbits.storage import OrbitFile, write_orbits
from datasets.orbits.views import rotated_views

__all__ = [
    "OrbitFile",
    "OrbitSplit",
    "OrbitSplits",
    "Orbits",
    "rotated_views",
    "whole_orbits",
    "write_orbits",
]
