"""What a net costs, found out before it is paid for: memory, and multiplications of an image.

building()    a block in which a net is built that no machine can hold: it is refused
try_out(net)  the same of a net that answers; what a step of its training takes
"""

from budget.limits import Costly, building, try_out

__all__ = ["Costly", "building", "try_out"]
