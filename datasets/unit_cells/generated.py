"""Random two-phase cells and their stiffness: regression of a physical tensor."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from datasets.spec import Splits
from datasets.unit_cells.division import CellSet
from datasets.unit_cells.generation import obtain
from datasets.unit_cells.materials import check_material
from datasets.unit_cells.random_cells import CellLaw
from datasets.unit_cells.recipe import Recipe
from partial_equiv.intervals import Count, Fraction, Natural, Positive
from partial_equiv.refusal import Refusal

__all__ = ["UnitCells"]


@dataclass(frozen=True, kw_only=True)
class UnitCells(CellSet):
    """Cells with labels Q00, Q11, Q22, Q01, Q12, Q02, generated on first use.

    For further settings, see `division.CellSet`.

    Attributes:
        root: `root`/unit_cells gets an HDF5 file for each recipe (size, anisotropy, and all
            attributes from volume_fractions to cell_seed).
        num: cells; the first ones of a larger set with the same recipe are the same.
        volume_fractions, length_scales, connected: see `random_cells.CellLaw`.
        youngs_moduli, poisson_ratio, and `anisotropy`: see `materials`.
        cell_seed: fixes the cells, whatever the training's seed.
        num_workers: threads that generate; None: one for each core.

    Raises:
        Refusal: for settings that no cell can have.
    """

    root: str = field(default="data", kw_only=False)
    num: Count = 500
    volume_fractions: tuple[Fraction, Fraction] = (0.3, 0.7)
    length_scales: tuple[Positive, ...] = (0.02, 0.04, 0.08)
    connected: bool = False
    youngs_moduli: tuple[Positive, Positive] = (0.01, 1.0)
    poisson_ratio: Fraction = 0.3
    cell_seed: Natural = 0
    num_workers: Count | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self.volume_fractions
        if not low <= high:
            raise Refusal("should ascend", volume_fractions=list(self.volume_fractions))
        if not self.length_scales:
            raise Refusal("should name at least one", length_scales="[]")
        check_material(self.youngs_moduli, self.poisson_ratio, self.anisotropy)

    @property
    def recipe(self) -> Recipe:
        """What the cells are made by."""
        law = CellLaw(self.size, self.volume_fractions, self.length_scales, self.connected)
        materials = self.youngs_moduli, self.poisson_ratio
        return Recipe(law, *materials, self.cell_seed, float(self.anisotropy))

    @property
    def folder(self) -> Path:
        """The folder of the files."""
        return Path(self.root).expanduser() / "unit_cells"

    @property
    def place(self) -> str:
        """The folder of the files."""
        return str(self.folder)

    def read(self) -> Splits:
        """Read the cells; they are generated unless their file is there."""
        cells, stiffness = obtain(self.folder, self.recipe, self.num, self.num_workers)
        images = torch.from_numpy(cells * 255).unsqueeze(1)  # [N, 1, H, W]
        return self.divided(images, torch.from_numpy(stiffness).float())
