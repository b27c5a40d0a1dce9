"""Regression of the stiffness of periodic cells: which symmetry saves how many cells?"""

from routines.metamaterial.routine import run

__all__ = ["run"]
