"""What may be added to the loss of any net: penalties on its parameters, and on its answers."""

from partial_equiv.penalties.equivariance_error import EquivarianceError as EquivarianceError
from partial_equiv.penalties.parameters import PENALTIES as PENALTIES
from partial_equiv.penalties.parameters import kernel_l2 as kernel_l2
from partial_equiv.penalties.parameters import monotone as monotone
from partial_equiv.penalties.parameters import narrow as narrow
from partial_equiv.penalties.penalty import Batch as Batch
from partial_equiv.penalties.penalty import Penalty as Penalty
from partial_equiv.penalties.penalty import Symmetry as Symmetry
from partial_equiv.penalties.penalty import unmoved as unmoved
from partial_equiv.penalties.projection import Projection as Projection

__all__ = [
    "PENALTIES",
    "Batch",
    "EquivarianceError",
    "Penalty",
    "Projection",
    "Symmetry",
    "kernel_l2",
    "monotone",
    "narrow",
    "unmoved",
]
