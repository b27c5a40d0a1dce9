"""What the layers of a training draw: some of it alike on all ranks, some on each by itself."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

import checkpoint
from datasets.randomness import keyed_generator
from partial_equiv.sampling import shared_draws

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["Draws"]


class Draws:
    """The generators of one rank: torch's default ones, and one that is in the same state on all.

    From the latter all ranks draw what the images of a batch share. One process draws it from the
    default generator of its device, which yields the same numbers: so nets that draw nothing else
    are trained alike by any number of ranks.
    """

    def __init__(self, seed: int, fabric: "Fabric") -> None:
        self.seed, self.rank, self.device = seed, fabric.global_rank, fabric.device
        self.several = fabric.world_size > 1
        if self.several:
            self.common = torch.Generator(self.device)
        elif self.device.type == "cuda":
            self.common = torch.cuda.default_generators[self.device.index]
        else:
            self.common = torch.default_generator

    def start(self, step: int = 0) -> None:
        """Seed all of them afresh, for a training that stands at this step."""
        torch.manual_seed(keyed_generator(self.seed, "images", self.rank, step).initial_seed())
        self.common.manual_seed(keyed_generator(self.seed, "layers", step).initial_seed())

    def shared(self) -> AbstractContextManager[None]:
        """A block in which the layers draw from the common generator what images share."""
        return shared_draws(self.common if self.several else None)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Draw what you like in this block: afterwards all generators stand where they stood."""
        own, common = checkpoint.generator_states(), self.common.get_state()
        yield
        checkpoint.set_generator_states(own)
        self.common.set_state(common)

    def state(self) -> dict[str, Tensor]:
        """Where the common generator stands, by the kind of its device."""
        return {self.device.type: self.common.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on where `state` says; a generator of another kind of device stays as it is."""
        if self.device.type in state:
            self.common.set_state(state[self.device.type])
