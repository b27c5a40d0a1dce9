"""Periodic two-phase cells and their effective stiffness."""

from datasets.unit_cells.homogenisation import homogenise

__all__ = ["homogenise"]
