"""What a net costs: told where it takes long, and close to what a step needs."""

import pytest
import torch

import budget
import constructors


def test_what_takes_long_says_how_much_there_is_of_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = iter(range(0, 1000, 5))
    monkeypatch.setattr("budget.time.thread_time", lambda: next(clock))
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
