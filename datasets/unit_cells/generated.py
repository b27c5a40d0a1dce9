"""Random two-phase cells and their stiffness: regression of a physical tensor."""

from pathlib import Path

import torch

from datasets.spec import DataSpec, Splits
from datasets.unit_cells.division import Division, cell_spec
from datasets.unit_cells.generation import obtain
from datasets.unit_cells.homogenisation import check_material
from datasets.unit_cells.random_cells import CellLaw
from datasets.unit_cells.recipe import Recipe
from datasets.unit_cells.transformations import RandomSymmetry
from partial_equiv.intervals import Count, Fraction, Natural, Positive
from partial_equiv.refusal import Refusal

__all__ = ["UnitCells"]


class UnitCells:
    """Cells [size, size] with labels Q00, Q11, Q22, Q01, Q12, Q02, generated on first use.

    Attributes:
        root: `root`/unit_cells gets an HDF5 file for each recipe (all arguments down to cell_seed,
            but num).
        num: cells; the first ones of a larger set with the same recipe are the same.
        size, volume_fractions, length_scales, connected: see `random_cells.CellLaw`.
        youngs_moduli, poisson_ratio: see `homogenisation.homogenise`.
        cell_seed: fixes the cells, whatever the training's seed.
        val_size, test_size: cells to hold out of training: a count, or a share of all below 1.
        test_fold: the test split is this one of 1/test_size folds; None: a random one.
        train_size: keeps so many of the training cells; None: all.
        split_seed: fixes what is held out.
        augment_flip, augment_rotation, augment_transpose, augment_shift: move training cells and
            labels alike, afresh in every epoch; see `transformations.RandomSymmetry`.
        num_workers: threads that generate; None: one for each core.
    """

    def __init__(
        self,
        root: str = "data",
        num: Count = 500,
        size: Count = 64,
        volume_fractions: tuple[Fraction, Fraction] = (0.3, 0.7),
        length_scales: tuple[Positive, ...] = (0.02, 0.04, 0.08),
        connected: bool = False,
        youngs_moduli: tuple[Positive, Positive] = (0.01, 1.0),
        poisson_ratio: Fraction = 0.3,
        cell_seed: Natural = 0,
        val_size: Count | Fraction = 0.1,
        test_size: Count | Fraction = 0.2,
        test_fold: Natural | None = None,
        train_size: Count | None = None,
        split_seed: Natural = 0,
        augment_flip: bool = False,
        augment_rotation: bool = False,
        augment_transpose: bool = False,
        augment_shift: bool = False,
        num_workers: Count | None = None,
    ) -> None:
        """Raise ValueError for settings that no cell can have."""
        low, high = volume_fractions
        if not low <= high:
            raise Refusal("should ascend", volume_fractions=list(volume_fractions))
        if not length_scales:
            raise Refusal("should name at least one", length_scales="[]")
        check_material(youngs_moduli, poisson_ratio)
        law = CellLaw(size, volume_fractions, length_scales, connected)
        self.recipe = Recipe(law, youngs_moduli, poisson_ratio, cell_seed)
        self.folder = Path(root).expanduser() / "unit_cells"
        self.num = num
        self.num_workers = num_workers
        symmetry = RandomSymmetry(augment_flip, augment_rotation, augment_transpose, augment_shift)
        self.division = Division(val_size, test_size, test_fold, train_size, split_seed, symmetry)

    @property
    def spec(self) -> DataSpec:
        """Shapes and normalisation."""
        return cell_spec(self.recipe.law.size)

    def splits(self) -> Splits:
        """Return the three splits; the cells are generated unless their file is there.

        Raises MissingData if it is damaged, ValueError for impossible sizes or recipes.
        """
        cells, stiffness = obtain(self.folder, self.recipe, self.num, self.num_workers)
        images = torch.from_numpy(cells * 255).unsqueeze(1)  # [N, 1, H, W]
        return self.division.splits(images, torch.from_numpy(stiffness).float(), self.spec)
