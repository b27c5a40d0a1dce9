r"""What a net does with its inputs, as a graph of torch's operations; all else is computed once.

The net is run on inputs that have a shape but no values (torch's fake tensors). An operation on
what depends on them is written down. One that does not, such as the making of a kernel, is carried
out, and its result becomes a constant of the graph. (Jones, Gomard & Sestoft, "Partial Evaluation
and Automatic Program Generation", 1993, chapter 1.)

The batch has a number of inputs that occurs nowhere else, so that whatever was counted in inputs is
known again among the sizes: 2·BATCH was 2·len(x).
"""

import operator
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from partial_equiv.refusal import Refusal

__all__ = ["Recorder", "recorded"]

BATCH = 1_299_709  # a prime
REMAINDER = 8  # sizes such as len(x) - 1 are known again up to this
aten = torch.ops.aten
VALUES = (DataDependentOutputException, DynamicOutputShapeException)
SAME = {aten.detach.default, aten.alias.default, aten.lift_fresh.default}  # y is x


class Recorder(TorchDispatchMode):
    """Writes down, while it is entered, the operations on what depends on `inputs`.

    Args:
        shape: of one input.
        dtype: of the inputs.
        device: that the model is on.

    Attributes:
        inputs: [BATCH, *shape], without values.
        root: the constants, as buffers that have the names of their layers.
        graph: the operations; it has no output yet.
        layer: the name of the layer that runs.
    """

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> None:
        super().__init__()
        self.graph, self.root, self.layer = fx.Graph(), nn.Module(), ""
        self.fakes = FakeTensorMode(allow_non_fake_inputs=True)
        with self.fakes:
            self.inputs = torch.empty(BATCH, *shape, dtype=dtype, device=device)
        self._nodes: dict[int, tuple[Tensor, fx.Node]] = {}  # the tensors live on: ids stay theirs
        self._constants: dict[int, tuple[Tensor, fx.Node]] = {}
        self._note(self.inputs, self.graph.placeholder("x"))
        self._check_shape(shape)

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        """Let the graph refuse inputs of other sizes, in words."""
        (x,) = self.graph.nodes
        given = self.graph.call_function(getattr, (x, "shape"))
        given = self.graph.call_function(operator.getitem, (given, slice(1, None)))
        fits = self.graph.call_function(operator.eq, (given, shape))
        sizes = ", ".join(map(str, shape))
        message = f"this net was baked for inputs [batch, {sizes}]: bake it again for other sizes"
        self.graph.call_function(torch._assert, (fits, message))
        self._count = self.graph.call_function(aten.sym_size.int, (x, 0))

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        kwargs = kwargs or {}
        draws = torch.Tag.nondeterministic_seeded in func.tags
        if draws and "attention" not in func.name():
            raise Refusal(f"{self._place} draws at random in evaluation, by {func.name()}")
        if not any(map(self._depends, tree_leaves((args, kwargs)))):
            return func(*args, **kwargs)
        if func._schema.is_mutable:
            raise InPlace
        if func is aten.convolution.default and self._depends(args[1]):
            raise Refusal(
                f"the kernels of {self._place} depend on the input: only nets whose inputs share "
                "their kernels can be baked, such as those with relaxation=input_subset on a "
                "finite group"
            )
        try:
            with self.fakes:
                answer = func(*args, **kwargs)
        except VALUES as error:
            raise Refusal(
                f"what {self._place} does next depends on the values of its input ({func.name()})"
            ) from error
        if func in SAME:
            self._nodes[id(answer)] = answer, self._nodes[id(args[0])][1]
            return answer
        node = self.graph.call_function(func, *tree_map(self.argument, (args, kwargs)))
        self._note(answer, node)
        return answer

    def argument(self, value: object) -> Any:  # noqa: ANN401
        """What stands for a value in the graph."""
        if isinstance(value, Tensor):
            known = self._nodes.get(id(value))
            return known[1] if known else self._constant(value)
        if counts_inputs(value):
            whole, rest = divmod(value + REMAINDER, BATCH)  # type: ignore[operator]
            node, rest = self._count, rest - REMAINDER
            if whole != 1:
                node = self.graph.call_function(operator.mul, (node, whole))
            return self.graph.call_function(operator.add, (node, rest)) if rest else node
        return value

    @property
    def _place(self) -> str:
        return self.layer or "the model"

    def _depends(self, value: object) -> bool:
        return isinstance(value, FakeTensor) or counts_inputs(value)

    def _constant(self, value: Tensor) -> fx.Node:
        if id(value) not in self._constants:
            name = f"{self.layer or 'model'}.constant".replace(".", "_")
            names, count = dict(self.root.named_buffers()), 1
            while f"{name}{count}" in names:
                count += 1
            self.root.register_buffer(f"{name}{count}", value.detach().clone())
            node = self.graph.get_attr(f"{name}{count}")
            self._constants[id(value)] = value, node
        return self._constants[id(value)][1]

    def _note(self, answer: object, node: fx.Node) -> None:
        if isinstance(answer, Tensor):
            node.meta["val"] = answer
            self._nodes[id(answer)] = answer, node
        elif isinstance(answer, tuple | list):
            for place, part in enumerate(answer):
                picked = self.graph.call_function(operator.getitem, (node, place))
                self._note(part, picked)


class InPlace(Exception):
    """Something that depends on the input is written in place."""


def counts_inputs(value: object) -> bool:
    """Whether a number says how many inputs there are, or a multiple of it.

    >>> counts_inputs(2 * BATCH - 1), counts_inputs(10**6), counts_inputs(2.0 * BATCH)
    (True, False, False)
    """
    if not isinstance(value, int) or not BATCH // 2 < value < 2**62:
        return False
    return (value + REMAINDER) % BATCH <= 2 * REMAINDER


@contextmanager
def naming(model: nn.Module, recorder: Recorder) -> Iterator[None]:
    """Tell the recorder which layer of the model runs."""
    outer: list[str] = []

    def begin(name: str) -> Callable[..., None]:
        def enter(*_: object) -> None:
            outer.append(recorder.layer)
            recorder.layer = name

        return enter

    def end(*_: object) -> None:
        recorder.layer = outer.pop()

    hooks = []
    for name, layer in model.named_modules():
        hooks += [layer.register_forward_pre_hook(begin(name)), layer.register_forward_hook(end)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def plain(answer: object) -> Any:  # noqa: ANN401
    """A model's answer, with plain tuples in place of named ones.

    Raises:
        Refusal: if there is anything in it but tensors in tuples, lists and dicts.
    """
    if isinstance(answer, Tensor):
        return answer
    if isinstance(answer, tuple | list):
        return (tuple if isinstance(answer, tuple) else list)(map(plain, answer))
    if isinstance(answer, dict):
        return {key: plain(part) for key, part in answer.items()}
    raise Refusal(
        f"the model answers with a {type(answer).__name__}: a baked one can only give tensors, end "
        "it with a GroupPool"
    )


@torch.no_grad()
def recorded(
    model: nn.Module, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device
) -> fx.GraphModule:
    """The graph of what a model does with inputs [B, *shape].

    Raises:
        Refusal: if what it does depends on the values of its inputs, or on chance.
    """

    def answer(inputs: Tensor) -> Any:  # noqa: ANN401
        return plain(model(inputs))

    for run in (answer, torch.func.functionalize(answer)):  # the second one writes nothing in place
        recorder = Recorder(shape, dtype, device)
        try:
            with naming(model, recorder), recorder:
                given = run(recorder.inputs)
        except InPlace:
            continue
        recorder.graph.output(tree_map(recorder.argument, given))
        return fx.GraphModule(recorder.root, recorder.graph, "Baked")
    raise Refusal("the model writes what depends on its input into memory of its own")
