"""What a net costs, found out before it is paid for: memory, and multiplications of an image.

A dispatch mode looks at every operation of torch before it is carried out: its result's shape comes
from the same operation on tensors without data (device "meta"), its multiplications from torch's
table of formulas.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import flop_registry

from partial_equiv.refusal import Refusal

__all__ = ["Costly", "building", "try_out"]

log = logging.getLogger(__name__)

GIB = 2**30
MOST_MEMORY = 8.0  # GiB of one tensor
MOST_WRITTEN = 4.0  # GiB of all results while a net is built; published ones take below 0.1
MOST_TO_BUILD = 1e11  # multiplications; nets of the published sizes take below 1e9
MOST_TO_ANSWER = 2e12  # multiplications of one image, 500 times a ResNet-50
SMALL = 10_000  # numbers of a tensor, whose products are nothing to think about
LARGE = 10**6  # bytes of a result that a dry run leaves out
MOST_COMPUTED = 2**26  # bytes of one that it computes where that takes no time, as in a sum of two
PATIENCE = (
    4.0  # seconds of work, whatever else the machine does, until a check says that it is long
)

PRODUCTS = {getattr(torch.ops.aten, name) for name in ("mm", "mv", "addmm", "bmm", "baddbmm")}


class Costly(Refusal):
    """A net that no machine of ours has the memory or the time for."""


class _Budget(TorchDispatchMode):
    """Counts what operations cost, and refuses those that cost too much.

    With `dry`, large results are not computed: zeros take their place. What takes long is told
    once, with the net's `parameters` so far.
    """

    def __init__(self, most: float, what: str, parameters: Callable[[], int], *, dry: bool) -> None:
        super().__init__()
        self.most, self.what, self.dry = most, what, dry
        self.multiplications, self.written = 0.0, 0
        self.parameters, self.told = parameters, False
        self.start = time.thread_time()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, and torch._dynamo takes seconds to import

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: object,
        args: Sequence[object] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        if _is_small(args, kwargs):
            return func(*args, **kwargs)
        most = MOST_MEMORY * GIB if not self.dry else MOST_COMPUTED
        if _at_most(func, args) <= most:  # it can be computed first, and looked at then
            result = func(*args, **kwargs)
            self._account(0, [each.nbytes for each in _tensors(result)])
            return result
        result = _shaped(func, args, kwargs)
        formula = flop_registry.get(func._overloadpacket)
        cost = formula(*args, **kwargs, out_val=result) / 2 if formula and result is not None else 0
        sizes = [] if func.is_view else [each.nbytes for each in _tensors(result)]
        self._account(cost, sizes)
        if self.dry and sum(sizes) > LARGE and not func._schema.is_mutable:
            return tree_map_only(Tensor, _zeros, result)
        return func(*args, **kwargs)

    def _account(self, multiplications: float, sizes: list[int]) -> None:
        """Count the cost of an operation; `sizes` are the bytes of its results."""
        self.multiplications += multiplications
        self.written += sum(sizes)
        if (largest := max(sizes, default=0)) > MOST_MEMORY * GIB:
            raise Costly(f"{self.what} takes {largest / GIB:,.0f} GiB for one tensor alone")
        if not self.dry and self.written > MOST_WRITTEN * GIB:
            raise Costly(f"{self.what} takes more than {MOST_WRITTEN:g} GiB of results on the way")
        if self.multiplications > self.most:
            raise Costly(f"{self.what} takes more than {self.most:.0e} multiplications")
        if not self.told and time.thread_time() - self.start > PATIENCE:
            self.told = True
            log.warning(
                "%s takes long, with %s parameters and %.1f GiB of results so far; Ctrl-C stops",
                self.what,
                f"{self.parameters():,}",
                self.written / GIB,
            )


def _tensors(values: object) -> list[Tensor]:
    return [each for each in tree_leaves(values) if isinstance(each, Tensor)]


def _at_most(func: OpOverload, args: Sequence[object]) -> float:
    """Bytes that a result in float64 has at most, as far as the operation's kind tells; or inf."""
    name, shapes = func._overloadpacket.__name__, [each.shape for each in _tensors(args)]
    if name in ("cat", "index_copy") or name.startswith("native_"):  # norms
        return 8.0 * sum(map(math.prod, shapes))
    tagged = not {tag.name for tag in func.tags}.isdisjoint(("pointwise", "reduction"))
    if tagged or name.endswith("_like"):
        return 8.0 * math.prod(torch.broadcast_shapes(*shapes))
    return math.inf


def _zeros(like: Tensor) -> Tensor:
    """Zeros of a shape, whose memory is not touched before somebody writes to it."""
    return torch.zeros(like.shape, dtype=like.dtype)


def _is_small(args: Sequence[object], kwargs: dict[str, object]) -> bool:
    """Whether an operation has small tensors and small numbers to make its result of."""
    for value in tree_leaves((args, kwargs)):
        if isinstance(value, Tensor):
            if value.numel() > SMALL:
                return False
        elif isinstance(value, int) and value > SMALL // 100:
            return False
    return True


def _shaped(func: OpOverload, args: Sequence[object], kwargs: dict[str, object]) -> object:
    """The result of an operation without its data, or None if they decide upon its shape."""
    if func._overloadpacket in PRODUCTS:  # torch has these in Python, where they need torch._dynamo
        first, second = _tensors(args)[-2:]
        shape = first.shape[:-1] + second.shape[1:][-1:]
        return torch.empty(shape, dtype=first.dtype, device="meta")
    args, kwargs = tree_map_only(Tensor, lambda each: each.to("meta"), (args, kwargs))
    if "device" in kwargs:
        kwargs = {**kwargs, "device": "meta"}
    try:
        return func(*args, **kwargs)
    except RuntimeError:  # among them NotImplementedError: "meta" has not every operation
        return None


@contextmanager
def building() -> Iterator[None]:
    """Refuse a net that takes too much to build, as soon as it does.

    Raises:
        Costly: if it takes too much.
        Refusal: if torch has no memory, or no number, for it.
    """
    sizes: list[int] = []

    def count(_: nn.Module, __: str, parameter: nn.Parameter | None) -> None:
        sizes.append(0 if parameter is None else parameter.numel())

    hook = register_module_parameter_registration_hook(count)
    try:
        with _Budget(MOST_TO_BUILD, "building the net", lambda: sum(sizes), dry=False):
            yield
    except (RuntimeError, OverflowError, MemoryError) as error:
        if isinstance(error, NotImplementedError):  # a RuntimeError, but of a bug: a method that a
            raise  # class of the net lacks has nothing to do with the net's size
        raise Refusal(f"cannot be built: {str(error).splitlines()[0]}") from error
    finally:
        hook.remove()


def try_out(
    model: nn.Module, in_channels: int, size: tuple[int, int], batch_size: int = 1
) -> float:
    """Let a net answer one black image [1, in_channels, H, W], large results left out.

    Returns:
        GiB of all results on the way to the answers for a batch: about what a training step takes,
        which keeps most of them for the gradients. Below 1, it is an upper bound.

    Raises:
        Costly: if it takes too much.
        Refusal: if it cannot answer images of this size.
    """
    training = model.training
    parameters = sum(each.numel() for each in model.parameters())

    def written(num_images: int) -> int:
        budget = _Budget(MOST_TO_ANSWER, "an image", lambda: parameters, dry=True)
        with torch.no_grad(), budget:
            model(torch.zeros(num_images, in_channels, *size))
        return budget.written

    model.eval()
    try:
        one = written(1)
        if one * batch_size < GIB:
            return one * batch_size / GIB
        each = written(2) - one  # the rest are kernels, which all images share
        return (one + (batch_size - 1) * each) / GIB
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise Refusal(f"cannot answer images of {size[0]} x {size[1]} pixels: {reason}") from error
    finally:
        model.train(training)
