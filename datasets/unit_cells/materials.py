"""The phases of a cell: orthotropic materials in plane stress, with elastic axes along x and y.

With the Young's moduli E1 along x and E2 = E1 / r along y, and with ν12, the contraction along y
under a stretch along x, which makes ν21 = ν12 / r,

    Q00 = E1 / (1 − ν12 ν21),  Q11 = E2 / (1 − ν12 ν21),  Q01 = ν12 Q11,  Q22 = G12,

which is positive definite iff |ν12| < √r (R. M. Jones, "Mechanics of Composite Materials", 2nd ed.
1999, sections 2.4 and 2.5). The shear modulus, which is free in such a material, is Huber's,

    G12 = √(E1 E2) / (2 (1 + √(ν12 ν21))),   √(ν12 ν21) with the sign of ν12,

(M. T. Huber, "Die Theorie der kreuzweise bewehrten Eisenbetonplatte", Der Bauingenieur 4, 1923).
So r alone says how unlike the axes are, and at r = 1 the material is isotropic.
"""

import math

import numpy as np
import numpy.typing as npt

from partial_equiv.refusal import Refusal

__all__ = ["Array", "check_material", "plane_stress"]

Array = npt.NDArray[np.float64]

CONTRAST = 1e-12  # at less, what the soft phase carries is lost in rounding


def check_material(
    youngs_moduli: tuple[float, float], poisson_ratio: float, anisotropy: float = 1.0
) -> None:
    """Check that there can be such phases: that `plane_stress` is positive definite.

    Raises:
        Refusal: if there cannot, or if their moduli are too far apart.
    """
    least, most = sorted(youngs_moduli)
    if not (least > 0 and least / most >= CONTRAST):
        raise Refusal(
            f"must be positive, the lesser at least {CONTRAST:g} of the greater",
            youngs_moduli=list(youngs_moduli),
        )
    if not (anisotropy > 0 and least / most * min(anisotropy, 1 / anisotropy) >= CONTRAST):
        raise Refusal(
            f"must be positive, and the least modulus at least {CONTRAST:g} of the greatest",
            anisotropy=f"{anisotropy:g}",
        )
    bound = math.sqrt(anisotropy)
    if not -bound < poisson_ratio < bound:
        why = "" if anisotropy == 1 else f", the square root of anisotropy={anisotropy:g}"
        raise Refusal(
            f"must lie between -{bound:g} and {bound:g}{why}", poisson_ratio=f"{poisson_ratio:g}"
        )


def plane_stress(poisson_ratio: float, anisotropy: float = 1.0) -> Array:
    """Return the stiffness [3, 3] of a homogeneous material with E1 = 1.

    Args:
        poisson_ratio: ν12.
        anisotropy: r.

    >>> plane_stress(0.0, 4.0).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.25, 0.0], [0.0, 0.0, 0.25]]
    """
    root = math.sqrt(anisotropy)
    shear = (1 - poisson_ratio / root) / (2 * root)  # G12 (1 − ν12 ν21)
    coupling = poisson_ratio / anisotropy
    matrix = [[1, coupling, 0], [coupling, 1 / anisotropy, 0], [0, 0, shear]]
    return np.array(matrix, dtype=np.float64) / (1 - poisson_ratio**2 / anisotropy)
