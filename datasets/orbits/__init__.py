"""Orbits: every source image seen from all sides, kept in HDF5; and the latents of such views."""

from datasets.orbits.latents import LatentSplits, check_images, encoded_splits, latent_spec
from datasets.orbits.orbits import Orbits
from datasets.orbits.splits import OrbitSplit, whole_orbits
from datasets.orbits.storage import OrbitFile, write_orbits
from datasets.orbits.views import turned_views

__all__ = [
    "LatentSplits",
    "OrbitFile",
    "OrbitSplit",
    "Orbits",
    "check_images",
    "encoded_splits",
    "latent_spec",
    "turned_views",
    "whole_orbits",
    "write_orbits",
]
