"""A split that lives in memory: two tensors, batched, augmented and normalised on the device."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from datasets.batching import Augmentation, BatchedSplit, Transformation
from datasets.spec import DataSpec
from partial_equiv.refusal import Refusal

__all__ = ["TensorSplit"]


class TensorSplit(BatchedSplit):
    """Images [N, C, H, W] (uint8, or floats in 0..1) with targets ([N] int64 or [N, T] float32).

    A batch costs one index_select; uint8 becomes float on the device, never sample by sample.

    Raises:
        Refusal: if the shapes disagree with each other or with the spec.
    """

    def __init__(
        self,
        images: Tensor,
        targets: Tensor,
        spec: DataSpec,
        augment: Augmentation | None = None,
        transform: Transformation | None = None,
    ) -> None:
        expected = (len(targets), spec.in_channels, *spec.size)
        if tuple(images.shape) != expected:
            raise Refusal(f"images have shape {tuple(images.shape)}, expected {expected}")
        super().__init__(targets, spec, augment, transform)
        self.images = images
        self._copies: dict[str, tuple[Tensor, Tensor]] = {}

    def raw_batches(
        self, order: Tensor, sizes: list[int], device: torch.device | str, workers: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images and targets of `order` [N] on the device, in batches of these sizes."""
        images, targets = self._on(device)
        for chosen in order.to(device).split(sizes):
            yield images.index_select(0, chosen), targets.index_select(0, chosen)

    def _on(self, device: torch.device | str) -> tuple[Tensor, Tensor]:
        """Return the tensors on a device; an accelerator gets them once, and keeps them."""
        if torch.device(device) == self.images.device:
            return self.images, self.targets
        if str(device) not in self._copies:
            self._copies = {str(device): (self.images.to(device), self.targets.to(device))}
        return self._copies[str(device)]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the copies behind: other processes have their own devices."""
        return {**self.__dict__, "_copies": {}}
