"""What the convolutions of a net answer to images, and at which group elements."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from partial_equiv.gconv import Convolution, GroupFeature

__all__ = ["Response", "responses"]


@dataclass(frozen=True)
class Response:
    """One layer's answer.

    Attributes:
        layer: the convolution.
        read: the elements [S, G', d] that it reads, None for one that reads images or other maps.
        feature: what it answers.
    """

    layer: Convolution
    read: Tensor | None
    feature: GroupFeature


@torch.inference_mode()
def responses(model: nn.Module, images: Tensor) -> dict[str, Response]:
    """The answers of all convolutions to images [B, C, H, W], by name, in the order of the calls.

    Convolutions with a pointwise kernel are left out. The model is in evaluation mode.
    """
    found: dict[str, Response] = {}

    def take(
        name: str, layer: Convolution, given: Tensor | GroupFeature, out: GroupFeature
    ) -> None:
        read = given.elements if isinstance(given, GroupFeature) and layer.relative else None
        found[name] = Response(layer, read, out)

    hooks = [
        layer.register_forward_hook(
            lambda layer, given, out, name=name: take(name, layer, given[0], out)
        )
        for name, layer in model.named_modules()
        if isinstance(layer, Convolution) and layer.spatial
    ]
    try:
        model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return found
