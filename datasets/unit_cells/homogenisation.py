"""The effective stiffness of a periodic two-phase cell, by finite elements.

Every pixel is a bilinear square element of stiffness E k, with k that of a unit modulus in plane
stress. Both phases may be orthotropic, with elastic axes along x and y (see `materials`). To
each unit strain a, of displacements χ⁰_a, the cell answers with the periodic χ_a that solves
K χ_a = K χ⁰_a, and

    Q_ab = 1/|Y| Σ_e E_e (χ⁰_a − χ_a)ᵀ k (χ⁰_b − χ_b).

The strains are xx, yy and xy (engineering shear); x runs along a row of pixels, y down a column, as
everywhere in this project. Turning y upwards changes the signs of Q02 and Q12.

E. Andreassen and C. S. Andreasen, "How to determine composite material properties using numerical
homogenization", Computational Materials Science 83 (2014).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_matrix, csr_matrix
from scipy.sparse.linalg import splu

from datasets.unit_cells.elimination import elimination_order
from datasets.unit_cells.materials import Array, check_material, plane_stress
from partial_equiv.refusal import Refusal

__all__ = ["homogenise"]

CORNERS = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64)  # (x, y) of an element
FIXED = 2  # unknowns: the last node stands still, as translations cost no energy


def homogenise(
    cell: npt.ArrayLike,
    youngs_moduli: tuple[float, float] = (0.01, 1.0),
    poisson_ratio: float = 0.3,
    anisotropy: float = 1.0,
) -> Array:
    """Return the stiffness [3, 3] of a cell [H, W] of zeros and ones, the pixels being squares.

    Args:
        cell: one period; 1 is the stiff phase.
        youngs_moduli: E1 of the phases 0 and 1, positive; for a void, 1e-9 of the other.
        poisson_ratio: ν12 of both, in plane stress.
        anisotropy: r = E1 / E2 of both; 1: isotropic.

    Raises:
        Refusal: for any other cell, and as `check_material` does.

    >>> homogenise([[0, 1], [0, 1]], (0.1, 1.0)).round(4).tolist()
    [[0.1998, 0.0599, 0.0], [0.0599, 0.568, 0.0], [0.0, 0.0, 0.0699]]
    """
    phases = np.asarray(cell)
    if phases.ndim != 2 or not phases.size or not np.isin(phases, (0, 1)).all():
        raise Refusal(f"a cell is an array [H, W] of zeros and ones, not {phases.shape}")
    check_material(youngs_moduli, poisson_ratio, anisotropy)
    height, width = phases.shape
    mesh = _mesh(height, width, float(poisson_ratio), float(anisotropy))
    moduli = np.where(phases.ravel() == 1, youngs_moduli[1], youngs_moduli[0])  # [H * W]
    strained = mesh.strained - mesh.answers(moduli)[mesh.unknowns]  # [H * W, 8, 3]
    energies = np.einsum(
        "eia,ij,ejb,e->ab", strained, mesh.element, strained, moduli, optimize=True
    )
    stiffness: Array = energies / moduli.size
    return (stiffness + stiffness.T) / 2


@dataclass(frozen=True)
class Mesh:
    """What cells of one shape share, whatever their phases: all but the moduli E [elements].

    Attributes:
        element: stiffness k of an element with unit modulus [8, 8].
        strained: displacements of its corners at unit strains [8, 3].
        unknowns: numbers of its displacements [elements, 8].
        indices, starts: which entries the columns of the global matrix have.
        matrix, load: their values, and the right-hand sides, as linear functions of E.
    """

    element: Array
    strained: Array
    unknowns: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int32]
    matrix: csr_matrix
    load: csr_matrix

    def answers(self, moduli: Array) -> Array:
        """Return the periodic displacements χ at unit strains [unknowns, 3]."""
        total, free = 2 * len(moduli), 2 * len(moduli) - FIXED
        answers = np.zeros((total, 3))
        if free:
            global_matrix = csc_matrix((self.matrix @ moduli, self.indices, self.starts))
            factors = splu(  # as Cholesky would: symmetric and positive, in our own order
                global_matrix,
                permc_spec="NATURAL",
                diag_pivot_thresh=0.0,
                options={"SymmetricMode": True},
            )
            answers[:free] = factors.solve((self.load @ moduli).reshape(free, 3))
        return answers


@lru_cache(maxsize=4)
def _mesh(height: int, width: int, poisson_ratio: float, anisotropy: float) -> Mesh:
    rows, columns = np.divmod(np.arange(height * width), width)
    place = np.argsort(elimination_order(height, width))
    nodes = np.stack(
        [
            place[(rows + y) % height * width + (columns + x) % width]
            for x, y in CORNERS.astype(int)
        ],
        axis=1,
    )  # [elements, 4]
    unknowns = np.stack([2 * nodes, 2 * nodes + 1], axis=2).reshape(-1, 8)
    element, strained = _element(plane_stress(poisson_ratio, anisotropy)), _strained()
    num, free = len(unknowns), 2 * len(unknowns) - FIXED

    # Entries (i, j) of all elements, gathered by their places in the global matrix.
    j, i = np.repeat(unknowns, 8, axis=1), np.tile(unknowns, 8)  # [elements, 64]
    owner = np.broadcast_to(np.arange(num)[:, None], i.shape)
    inside = (i < free) & (j < free)
    places, entry = np.unique(j[inside] * free + i[inside], return_inverse=True)
    values = np.broadcast_to(element.ravel(), i.shape)[inside]
    starts = np.searchsorted(places, np.arange(free + 1) * free)

    forces = element @ strained  # [8, 3]
    k = 3 * unknowns[:, :, None] + np.arange(3)  # [elements, 8, 3]
    held = np.broadcast_to(unknowns[:, :, None], k.shape) < free
    pushed = np.broadcast_to(np.arange(num)[:, None, None], k.shape)[held]
    pushes = np.broadcast_to(forces, k.shape)[held]
    return Mesh(
        element=element,
        strained=strained,
        unknowns=unknowns,
        indices=(places % free).astype(np.int32) if free else places.astype(np.int32),
        starts=starts.astype(np.int32),
        matrix=csr_matrix((values, (entry, owner[inside])), shape=(len(places), num)),
        load=csr_matrix((pushes, (k[held], pushed)), shape=(3 * free, num)),
    )


def _element(material: Array) -> Array:
    """The stiffness [8, 8] of a square bilinear element, exact by 2 × 2 Gauss points."""
    points = 0.5 + np.array([-1, 1]) / np.sqrt(12)
    stiffness = np.zeros((8, 8))
    for x in points:
        for y in points:
            by_x = np.array([y - 1, 1 - y, y, -y])  # derivatives of the corners' functions
            by_y = np.array([x - 1, -x, x, 1 - x])
            strain = np.zeros((3, 8))
            strain[0, 0::2] = strain[2, 1::2] = by_x
            strain[1, 1::2] = strain[2, 0::2] = by_y
            stiffness += strain.T @ material @ strain / 4
    return stiffness


def _strained() -> Array:
    """The corners' displacements [8, 3] at the unit strains xx, yy, xy."""
    x, y = CORNERS.T
    strained = np.zeros((8, 3))
    strained[0::2, 0], strained[1::2, 1] = x, y
    strained[0::2, 2], strained[1::2, 2] = y / 2, x / 2
    return strained
