r"""A recorded graph in fewer and plainer operations, which give the same answers to float error.

- How maps lie in memory is left to torch: there are no copies in another order.
- The names are those that people write: conv2d, batch_norm, max_pool2d, linear, reshape.
- A norm with fixed statistics, y = (x - μ)/√(v + ε)·a + b, goes into the convolution before it: its
  weight is multiplied by r = a/√(v + ε), its bias β becomes (β - μ)r + b.
- Elements of the group and channels lie beside each other as they are convolved. What acts on each
  value alone does not look at that, and need not wait for a reshape; two reshapes are one.
"""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx
from torch._ops import OpOverload
from torch.fx import Node

from partial_equiv.baking.recording import counts_inputs

__all__ = ["simplify"]

aten = torch.ops.aten
NORMS: dict[object, tuple[int, ...]] = {
    aten.batch_norm.default: (1, 2, 3, 4),
    aten.group_norm.default: (2, 3),
}  # parameters
RESHAPES = {
    *(aten.view.default, aten._unsafe_view.default, aten.reshape.default),
    *(aten.unsqueeze.default, aten.squeeze.dim, aten.squeeze.dims, aten.squeeze.default),
}


def simplify(module: fx.GraphModule) -> None:
    """Simplify the graph of a recorded module, in place."""
    graph = module.graph
    graph.eliminate_dead_code()
    for node in list(graph.nodes):
        if rename := RENAMED.get(node.target):
            rename(module, node)
    for node in list(graph.nodes):
        if node.target is aten.reshape.default:
            drop_reshape(node)
        elif node.target is aten.clone.default:
            node.replace_all_uses_with(given(node)[0])
            graph.erase_node(node)
        elif node.target in NORMS:
            hoist_norm(module, node)
            absorb_norm(module, node)
        elif node.target is aten.max_pool2d.default:
            pool_first(node)
        elif isinstance(node.target, OpOverload) and torch.Tag.pointwise in node.target.tags:
            hoist(node, node.all_input_nodes)
    graph.eliminate_dead_code()
    module.delete_all_unused_submodules()
    used = {node.target for node in graph.nodes if node.op == "get_attr"}
    for name in [name for name, _ in module.named_buffers() if name not in used]:
        delattr(module, name)
    module.recompile()


def put(node: Node, target: Callable[..., Any], args: tuple[Any, ...], picks: bool = False) -> None:
    """Another operation in place of a node, or of the first of the values that it gives.

    Nothing happens if any other one of them is used.
    """
    replaced = list(node.users) if picks else [node]
    if picks and [(each.target, given(each)[1]) for each in replaced] != [(operator.getitem, 0)]:
        return
    with node.graph.inserting_before(node):
        made = node.graph.call_function(target, args)
    made.meta = dict(replaced[0].meta)
    replaced[0].replace_all_uses_with(made)
    for each in dict.fromkeys([*replaced, node]):
        node.graph.erase_node(each)


def given(node: Node) -> tuple[Any, ...]:
    """The arguments of a node, which torch types as whatever a graph may hold."""
    return node.args


def constant(module: fx.GraphModule, node: object) -> Tensor | None:
    """The constant that a node stands for, if it does."""
    if not isinstance(node, Node) or node.op != "get_attr":
        return None
    return module.get_buffer(str(node.target))


def new_constant(module: fx.GraphModule, name: str, value: Tensor) -> Node:
    """A node for a constant that the module gets under this name."""
    module.register_buffer(name, value.contiguous())
    return module.graph.get_attr(name)


def convolution(module: fx.GraphModule, node: Node) -> None:
    x, weight, bias, stride, padding, dilation, transposed, _, groups = given(node)
    if not transposed and len(stride) == 2:
        put(node, aten.conv2d.default, (x, weight, bias, stride, padding, dilation, groups))


def batch_norm(module: fx.GraphModule, node: Node) -> None:
    x, scale, shift, mean, var, training, _, eps = given(node)
    if not training:
        args = (x, scale, shift, mean, var, False, 0.0, eps, False)
        put(node, aten.batch_norm.default, args, picks=True)


def group_norm(module: fx.GraphModule, node: Node) -> None:
    x, scale, shift, _, _, _, groups, eps = given(node)
    put(node, aten.group_norm.default, (x, groups, scale, shift, eps, False), picks=True)


def max_pool(module: fx.GraphModule, node: Node) -> None:
    put(node, aten.max_pool2d.default, given(node), picks=True)


def linear(module: fx.GraphModule, node: Node) -> None:
    bias, x, matrix = given(node)
    weight = constant(module, matrix)
    if weight is not None and not node.kwargs and isinstance(matrix, Node):
        with node.graph.inserting_before(node):
            turned = new_constant(module, f"{node.name}_weight", weight.mT)
        put(node, aten.linear.default, (x, turned, bias))


def reshape(module: fx.GraphModule, node: Node) -> None:
    shape = sizes(node)
    if shape is not None:
        put(node, aten.reshape.default, (given(node)[0], shape))
    elif node.target in (aten.view.default, aten._unsafe_view.default):
        node.target = aten.reshape.default


RENAMED: dict[object, Callable[[fx.GraphModule, Node], None]] = {
    aten.convolution.default: convolution,
    aten.native_batch_norm.default: batch_norm,
    aten.native_group_norm.default: group_norm,
    aten.max_pool2d_with_indices.default: max_pool,
    aten.addmm.default: linear,
    **dict.fromkeys(RESHAPES, reshape),
}


def shape_of(node: object) -> torch.Size | None:
    """The shape of a node's value, with `BATCH` inputs, if it is recorded."""
    value = node.meta.get("val") if isinstance(node, Node) else None
    return value.shape if isinstance(value, Tensor) else None


def sizes(node: Node) -> list[int] | None:
    """A node's shape with -1 for the size that grows with the batch; None if there is not one."""
    shape = list(shape_of(node) or ())
    growing = [place for place, size in enumerate(shape) if counts_inputs(size)]
    if len(growing) != 1:
        return None
    return [-1 if place in growing else size for place, size in enumerate(shape)]


def drop_reshape(node: Node) -> None:
    """Reshape what a reshape was made of, or nothing if it has that shape."""
    source = given(node)[0]
    assert isinstance(source, Node)
    if source.target is aten.reshape.default:
        source = move_up(node, source)
    if shape_of(source) == shape_of(node):
        node.replace_all_uses_with(source)
        node.graph.erase_node(node)


def move_up(node: Node, read: Node) -> Node:
    """Let a node read what the reshape that it reads is made of."""
    source = given(read)[0]
    assert isinstance(source, Node)
    node.replace_input_with(read, source)
    if not read.users:
        node.graph.erase_node(read)
    return source


def hoist(node: Node, read: list[Node]) -> None:
    """Move a node before the reshape of what it reads, if all of that is reshaped alike."""
    if not read or any(each.target is not aten.reshape.default for each in read):
        return
    sources = [given(each)[0] for each in read]
    if (
        len(
            {(shape_of(each), shape_of(source)) for each, source in zip(read, sources, strict=True)}
        )
        > 1
    ):
        return
    with node.graph.inserting_after(node):
        made = node.graph.call_function(aten.reshape.default, (node, given(read[0])[1]))
    made.meta["val"] = node.meta["val"]
    node.replace_all_uses_with(made, lambda user: user is not made)
    for each in read:
        move_up(node, each)
    node.meta["val"] = sources[0].meta["val"]


def pool_first(node: Node) -> None:
    """Pool by the maximum before a ReLU, which then has less to do: both keep the order."""
    relu = given(node)[0]
    if isinstance(relu, Node) and relu.target is aten.relu.default and len(relu.users) == 1:
        node.replace_input_with(relu, given(relu)[0])
        node.replace_all_uses_with(relu)
        relu.args = (node,)
        node.append(relu)
        relu.meta = dict(node.meta)


def hoist_norm(module: fx.GraphModule, node: Node) -> None:
    """Normalise before a reshape from [B, C·G, …] to [B, C, G, …], with parameters for each of the
    C·G, instead of after it."""
    read = given(node)[0]
    values = {place: constant(module, given(node)[place]) for place in NORMS[node.target]}
    source, shape = shape_of(given(read)[0]) if read.args else None, shape_of(read)
    if read.target is not aten.reshape.default or source is None or shape is None:
        return
    if source[0] != shape[0] or source[1] % shape[1]:
        return
    repeated = {
        place: value.repeat_interleave(source[1] // shape[1])
        for place, value in values.items()
        if value is not None
    }
    if len(repeated) < len(values):
        return
    with node.graph.inserting_before(node):
        for place, value in repeated.items():
            node.update_arg(place, new_constant(module, f"{node.name}_{place}", value))
    hoist(node, [read])


def absorb_norm(module: fx.GraphModule, node: Node) -> None:
    """Fold a norm into the convolution that it follows, if nothing else reads that."""
    conv = given(node)[0]
    if node.target is not aten.batch_norm.default or conv.target is not aten.conv2d.default:
        return
    x, kernel, bias, *settings = given(conv)
    read = [kernel, *given(node)[1:5], *([] if bias is None else [bias])]
    known = [value for each in read if (value := constant(module, each)) is not None]
    if len(known) < len(read) or len(conv.users) > 1:
        return
    weight, scale, shift, mean, var, *beta = known
    rate = scale / (var.double() + given(node)[7]).sqrt()
    offset = shift + (sum(beta) - mean) * rate
    folded = {"kernel": weight * rate[:, None, None, None], "bias": offset}
    with node.graph.inserting_before(conv):
        made = [
            new_constant(module, f"{conv.name}_{name}", value.to(weight.dtype))
            for name, value in folded.items()
        ]
    conv.args = (x, *made, *settings)
    node.replace_all_uses_with(conv)
    node.graph.erase_node(node)
