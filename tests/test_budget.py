"""What a net costs: told where it takes long, and close to what a step needs."""

import pytest
import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.nn.functional import conv1d, conv2d, conv_transpose2d
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

import budget
import constructors
from budget.operations import multiplications, shaped
from partial_equiv.refusal import Refusal


def test_what_takes_long_says_how_much_there_is_of_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = iter(range(0, 1000, 5))
    monkeypatch.setattr("budget.limits.time.thread_time", lambda: next(clock))
    with budget.building():
        net = torch.nn.Linear(200, 100)
        torch.nn.Linear(200, 100)
    budget.try_out(
        torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.Conv2d(8, 9, 3)), 1, (64, 64)
    )
    built, answered = caplog.messages
    assert built.startswith("building the net takes long, with ")
    assert answered.startswith("an image takes long, with 737 parameters and 0.0 GiB of results")
    assert all(each.endswith("Ctrl-C stops") for each in caplog.messages)
    assert sum(each.numel() for each in net.parameters()) == 20_100


def test_the_memory_of_a_step_is_about_what_gradients_need() -> None:
    """What torch keeps for them, of some images more; one step of 512 needs as much of each."""
    build = constructors.Build(constructors.compose(["net.hidden_channels=32", "dataset.size=32"]))
    kept = {}
    for number in (2, 6):
        stored: dict[int, int] = {}

        def note(tensor: torch.Tensor, stored: dict[int, int] = stored) -> torch.Tensor:
            storage = tensor.untyped_storage()
            stored[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            held = build.model(torch.zeros(number, 1, 32, 32))
        kept[number] = sum(stored.values())
        del held
    needed = 512 * (kept[6] - kept[2]) / 4 / 2**30
    told = budget.try_out(build.model, 1, (32, 32), 512)
    assert 1 < told / needed < 2
    assert str(constructors.Checked(7, "cpu", told)) == "7 parameters on the cpu, " + (
        f"a step takes about {told:.0f} GiB"
    )


class Foretold(TorchDispatchMode):
    """Adds up the multiplications of operations, whose results have the shapes foretold."""

    total = 0.0

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        """As torch asks for it."""
        told, result = shaped(func, args, kwargs or {}), func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            assert (told.shape, told.dtype) == (result.shape, result.dtype), func
        self.total += multiplications(func, args, kwargs or {}, told)
        return result


def test_shapes_and_multiplications_are_those_of_torch() -> None:
    def drawn(*sizes: int) -> Tensor:
        return torch.randn(sizes, dtype=torch.float64)

    heads = drawn(2, 4, 5, 8)
    cases = (
        lambda: conv2d(drawn(2, 6, 9, 8), drawn(4, 3, 3, 2), None, (2, 1), (1, 2), (1, 2), 2),
        lambda: conv_transpose2d(
            drawn(2, 6, 5, 4), drawn(6, 3, 3, 2), drawn(6), (3, 2), (1, 0), (2, 1), 2, (1, 2)
        ),
        lambda: conv1d(drawn(3, 2, 9), drawn(4, 2, 3), padding="same"),
        lambda: drawn(3, 4) @ drawn(4, 5),
        lambda: drawn(2, 3, 4) @ drawn(2, 4, 5),
        lambda: torch.nn.functional.linear(drawn(3, 4), drawn(5, 4), drawn(5)),
        lambda: torch.nn.functional.scaled_dot_product_attention(heads, heads, heads),
    )
    for number, case in enumerate(cases):
        with FlopCounterMode(display=False) as theirs:
            case()
        with Foretold() as ours:
            case()
        assert ours.total == theirs.get_total_flops() / 2 > 0, number
    net = torch.nn.Conv2d(1, 1, 9)
    with pytest.raises(Refusal, match="Kernel size"):
        budget.try_out(net, 1, (8, 8))
