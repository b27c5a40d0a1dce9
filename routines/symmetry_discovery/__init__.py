"""Symmetry discovery in a latent space, in stages."""

from routines.symmetry_discovery.routine import run

__all__ = ["run"]
