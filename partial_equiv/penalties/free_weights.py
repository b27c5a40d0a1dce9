"""The weights of a plain net, and how a group acts on the axes of each one."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from partial_equiv.ck import GridKernel
from partial_equiv.gconv import Convolution
from partial_equiv.refusal import Refusal

__all__ = ["Weight", "free_weights"]

STATISTICS = ("running_mean", "running_var")
KINDS = "convolutions with free weights, norms, and a linear read-out of means or maxima over space"


@dataclass(frozen=True)
class Weight:
    """A parameter, or a running statistic.

    Attributes:
        value: W.
        layer: the name of the layer that it is of.
        on_group: its axes of channels that are seen as [|G| × C/|G|].
        on_pixels: whether its last two axes are a window.
        answers: whether its first axis is the answers of the net.
    """

    value: Tensor
    layer: str
    on_group: tuple[int, ...] = ()
    on_pixels: bool = False
    answers: bool = False


def free_weights(model: nn.Module, size: int) -> list[Weight]:
    """The weights of a net that a group of so many elements acts on.

    The first convolution, in the order of the modules, reads the images; the first linear layer
    reads what the last convolution says. Whatever comes after it is free: it has to do with what
    the group leaves as it is.

    Raises:
        Refusal: for a net with other layers, with windows that are not square, with weights that
            are not free, or without a convolution or a linear layer.
    """
    modules = list(model.named_modules())
    linear = [place for place, (_, each) in enumerate(modules) if isinstance(each, nn.Linear)]
    first = linear[0] if linear else len(modules)
    found: list[Weight] = []
    channels: int | None = None  # of the last convolution
    for name, module in modules[:first]:
        if isinstance(module, Convolution | nn.Conv2d):
            kernel = _free(name, module)
            ins = () if channels is None else _on_group(kernel, 1, size)
            outs, channels = _on_group(kernel, 0, size), kernel.shape[0]
            found.append(Weight(kernel, name, outs + ins, on_pixels=True))
            if module.bias is not None:
                found.append(Weight(module.bias, name, outs))
        else:
            found += [Weight(each, name, _on_group(each, 0, size)) for each in _of_channels(module)]
    if channels is None or not linear:
        raise Refusal(f"is for nets of {KINDS}, in this order")
    name, module = modules[first]
    found += _readout(name, module, channels, size, final=len(linear) == 1)
    known = {id(each.value) for each in found}
    known |= {id(each) for _, module in modules[first:] for each in module.parameters()}
    for name, parameter in model.named_parameters():
        if id(parameter) not in known:
            raise Refusal(f"is for nets of {KINDS}; {name} is none of these")
    return found


def _on_group(value: Tensor, axis: int, size: int) -> tuple[int, ...]:
    """The axis, if it is seen as a function on a group of so many elements."""
    return () if value.shape[axis] % size else (axis,)


def _of_channels(module: nn.Module) -> Iterator[Tensor]:
    """The parameters and running statistics of a norm, one number a channel."""
    yield from (each for each in module.parameters(recurse=False) if each.dim() == 1)
    yield from (getattr(module, name) for name in STATISTICS if hasattr(module, name))


def _free(name: str, layer: Convolution | nn.Conv2d) -> Tensor:
    """The free weight [C_out, C_in, …, k, k] of a convolution."""
    if isinstance(layer, nn.Conv2d):
        if layer.groups > 1 or len({*layer.kernel_size}) > 1:
            raise Refusal(f"{name} is grouped, or its window is no square")
        return layer.weight
    if layer.sampling.group.size != 1:
        kind = type(layer.sampling.group).__name__
        raise Refusal(
            f"{name} is tied over {kind}, its weights are not free; use base_group=T2 "
            "conv.partial=False kernel=grid"
        )
    if not isinstance(layer.kernel, GridKernel):
        kind = type(layer.kernel).__name__
        raise Refusal(f"{name} has the kernel {kind}, whose weights are not free; use kernel=grid")
    return layer.kernel.weight


def _readout(
    name: str, layer: nn.Module, channels: int, size: int, *, final: bool
) -> Iterator[Weight]:
    """The weight and bias of the linear layer that reads so many channels."""
    assert isinstance(layer, nn.Linear)
    if layer.in_features != channels:
        raise Refusal(
            f"{name} reads {layer.in_features} numbers of {channels} channels, pixels where they "
            "are; a mean or maximum over space has to stand before it"
        )
    yield Weight(layer.weight, name, _on_group(layer.weight, 1, size), answers=final)
    yield Weight(layer.bias, name, answers=final)
