"""What a set of random cells is made by: the law of the cells, and the materials."""

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np

from datasets.randomness import keyed_generator
from datasets.stiffness import COMPONENTS, PLACES
from datasets.unit_cells.connectivity import Cell
from datasets.unit_cells.homogenisation import homogenise
from datasets.unit_cells.materials import Array
from datasets.unit_cells.random_cells import CellLaw

__all__ = ["COMPONENTS", "Recipe"]

VERSION = 1  # to be raised when the same recipe would give other numbers


@dataclass(frozen=True)
class Recipe:
    """All that cell number i, for any i, and its stiffness depend on."""

    law: CellLaw
    youngs_moduli: tuple[float, float]
    poisson_ratio: float
    seed: int
    anisotropy: float = 1.0

    def make(self, index: int) -> tuple[Cell, Array]:
        """Return a cell, uint8 [H, W], and its stiffness [6], in the order of `COMPONENTS`."""
        cell = self.law.draw(keyed_generator(self.seed, "cell", index))
        stiffness = homogenise(cell, self.youngs_moduli, self.poisson_ratio, self.anisotropy)
        return cell, np.array([stiffness[place] for place in PLACES])

    @property
    def text(self) -> str:
        """The recipe as one line of JSON, where isotropic phases go without saying: their files are
        those from before there were others."""
        made = asdict(self)
        if self.anisotropy == 1:
            del made["anisotropy"]
        return json.dumps({"version": VERSION, **made}, sort_keys=True)

    @property
    def name(self) -> str:
        """A name for its files."""
        return f"unit_cells-{hashlib.sha256(self.text.encode()).hexdigest()[:12]}"
