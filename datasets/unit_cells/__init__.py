"""Periodic two-phase cells and their effective stiffness, which nets are to predict.

materials, elimination → homogenisation · connectivity → random_cells: both → recipe → generation →
generated
stored: files of others · transformations: what symmetries do to cells and labels · division: splits
"""

from datasets.unit_cells.generated import UnitCells
from datasets.unit_cells.homogenisation import homogenise
from datasets.unit_cells.recipe import COMPONENTS
from datasets.unit_cells.stored import StoredCells

__all__ = ["COMPONENTS", "StoredCells", "UnitCells", "homogenise"]
