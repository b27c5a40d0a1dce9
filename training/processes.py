"""The processes that train together: who started them, and which one this is.

torchrun and srun start the same command several times, and say in the environment which of them a
process is; Fabric reads it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_fabric.plugins.environments import ClusterEnvironment

__all__ = ["environment"]


def environment() -> "ClusterEnvironment | None":
    """What says which of several processes this is: torchrun's or srun's variables; None if it is
    the only one."""
    from lightning_fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment

    for kind in (TorchElasticEnvironment, SLURMEnvironment):
        if kind.detect() and (found := kind()).world_size() > 1:
            return found
    return None
