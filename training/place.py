"""Where a training computes: its device, its precision, and the ranks that share its batches."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils._pytree import tree_map_only

from together import Team
from training.precision import Precision

__all__ = ["Place"]


class Place:
    """One rank of a training, which it may be alone.

    Attributes:
        device: on which it computes.
        rank: from 0 to ranks - 1.
        ranks: number of the processes that share a batch.
        leads: whether it is the one that leaves files.

    Args:
        kind: of the device, of which each process of a machine has its own.
        precision: bf16-mixed multiplies in bfloat16, with weights in float32.
        others: the processes that train together, if there are several.
    """

    def __init__(
        self,
        kind: str,
        precision: Precision = "32-true",
        others: Team | None = None,
    ) -> None:
        self.rank, self.ranks = (0, 1) if others is None else (others.rank, others.size)
        self.leads = self.rank == 0
        self.device = torch.device(kind)
        if kind == "cuda":
            index = 0 if others is None else others.environment.local_rank()
            self.device = torch.device(kind, index)
            torch.cuda.set_device(self.device)
        self._mixed = precision == "bf16-mixed"

    def autocast(self) -> AbstractContextManager[None]:
        """A block that computes in this precision."""
        if not self._mixed:
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def wrapped(self, model: nn.Module, *, compiled: bool = False) -> nn.Module:
        """Move a model to the device; return one for training that computes in this precision, and
        whose gradients are the means over the ranks."""
        wrapped = model.to(self.device)
        if self.ranks > 1:
            wrapped = self._shared(wrapped)
        if compiled:
            wrapped = cast(nn.Module, torch.compile(wrapped))
        return _Mixed(wrapped, self) if self._mixed else wrapped

    @contextmanager
    def summing_later(self, wrapped: nn.Module) -> Iterator[None]:
        """Keep the gradients of this block to this rank, until a later one's are shared."""
        shared = [each for each in wrapped.modules() if isinstance(each, DistributedDataParallel)]
        with shared[0].no_sync() if shared else nullcontext():
            yield

    def summed(self, values: Tensor) -> Tensor:
        """The sums of values over the ranks."""
        if self.ranks > 1:
            values = values.clone()
            distributed.all_reduce(values)
        return values

    def _shared(self, model: nn.Module) -> nn.Module:
        if self.device.type == "cpu":
            return DistributedDataParallel(model)
        # So that CUDA graphs can hold it, see torch's notes on CUDA.
        with torch.cuda.stream(torch.cuda.Stream()):
            return DistributedDataParallel(model, device_ids=[self.device.index])


class _Mixed(nn.Module):
    """A model that takes float inputs in bfloat16, and whose answers are in float32 again."""

    def __init__(self, model: nn.Module, place: Place) -> None:
        super().__init__()
        self.model, self._place = model, place

    def forward(self, *inputs: Tensor) -> Any:  # noqa: ANN401
        """The model's answers."""
        with self._place.autocast():
            answers = self.model(*_floats_to(torch.bfloat16, inputs))
        return _floats_to(torch.get_default_dtype(), answers)


def _floats_to(dtype: torch.dtype, values: Any) -> Any:  # noqa: ANN401
    def changed(tensor: Tensor) -> Tensor:
        return tensor.to(dtype) if tensor.is_floating_point() else tensor

    return tree_map_only(Tensor, changed, values)
