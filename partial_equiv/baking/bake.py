r"""Baking: a trained net as plain convolutions, norms and pools, with its kernels ready-made."""

from collections.abc import Iterator

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_leaves

from partial_equiv.baking.recording import recorded
from partial_equiv.baking.simplifying import simplify
from partial_equiv.refusal import Refusal

__all__ = ["bake"]


def bake(model: nn.Module, size: tuple[int, ...]) -> fx.GraphModule:
    """The model as it evaluates now, as a module of torch's own operations and constants.

    Its kernels are made once and for all, its fixed norms are part of them, and nothing of
    partial_equiv is left in it: it can be pickled, exported (`torch.export.export`,
    `torch.onnx.export(dynamo=True)`) and loaded where partial_equiv is not installed. Any module
    can be baked, also one that only has some layers of ours. It answers as the model does, to float
    error, with plain tuples in place of named ones; it shares no memory with it and learns nothing.

    The batch may have any number of inputs. Their size is fixed: where windows lie, how borders are
    padded and pools end, follows from it, and a net that is exact at one size may not be at
    another, so that every size has a graph of its own.

    Args:
        model: in evaluation mode, from one tensor [B, *size] to tensors.
        size: of one input, such as (C, H, W); without the batch.

    Raises:
        Refusal: if a part of the model is in training mode or draws at random; if a decision, a
            shape or a kernel depends on the values of the input (relaxation=input_subset can be
            baked for finite groups: an image then masks elements of kernels that all share); if the
            answer has parts that are no tensors, such as a `GroupFeature`; if the model does not
            read inputs of this size.

    >>> from functools import partial
    >>> import partial_equiv as pe
    >>> mirror = partial(pe.Sampling, pe.Mirror())
    >>> lifting = pe.LiftingConv(1, 2, kernel=pe.GridKernel, sampling=mirror)
    >>> net = nn.Sequential(lifting, pe.Norm(2), pe.Activation(), pe.GroupPool()).eval()
    >>> baked = bake(net, (1, 6, 6))
    >>> [str(node.target) for node in baked.graph.nodes if "aten" in str(node.target)]
    ['aten.conv2d.default', 'aten.relu.default', 'aten.reshape.default', 'aten.mean.dim']
    """
    for name, part in model.named_modules():
        if part.training:
            raise Refusal(f"{name or 'the model'} is in training mode, call model.eval() first")
    example = next(floating(model), torch.empty(0))
    with torch.no_grad():
        try:
            model(example.new_zeros(2, *size))
        except (RuntimeError, IndexError) as error:  # of torch, for shapes that do not fit
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            given = " x ".join(map(str, size))
            raise Refusal(f"the model does not read inputs of {given}: {reason}") from error
    baked = recorded(model, tuple(size), example.dtype, example.device)
    simplify(baked)
    compare(model, baked, size, example)
    return baked.eval()


def floating(model: nn.Module) -> Iterator[Tensor]:
    """The parameters and buffers of a model that are no whole numbers."""
    for value in (*model.parameters(), *model.buffers()):
        if value.is_floating_point():
            yield value


@torch.no_grad()
def compare(model: nn.Module, baked: nn.Module, size: tuple[int, ...], example: Tensor) -> None:
    """Check that a baked model answers as the model does to two random inputs.

    Raises:
        Refusal: if not, which is so for what cannot be seen while it is recorded, such as random
            numbers of another library's, or a share 1/len(x) of the batch.
    """
    draws = torch.randn(2, *size, generator=torch.Generator().manual_seed(0))
    inputs = draws.to(example)
    for one, other in zip(tree_leaves(model(inputs)), tree_leaves(baked(inputs)), strict=True):
        allowed = torch.finfo(example.dtype).eps ** 0.5 * one.abs().max()
        if one.shape != other.shape or not (one - other).abs().max() <= allowed:
            raise Refusal(
                "the baked model would answer differently: does the model draw at random in "
                "evaluation, or divide by the number of its inputs?"
            )
