"""The point of it all, on real digits: where full equivariance must fail and partial need not."""

import json
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
import torch

import checkpoint
from constructors import Build, compose
from run import warnings
from tests.terminal import Terminal
from tests.tolerances import EXACT

SIXES = ("dataset=digits6_180", "train.epochs=10", "tracking=none")


@pytest.fixture
def run(terminal: Terminal, tmp_path: Path) -> Any:  # noqa: ANN401
    """Run main.py on the sixes; the run folder and its result."""

    def call(*words: str) -> tuple[Path, dict[str, Any]]:
        before = set(tmp_path.rglob("result.json"))
        answer = terminal(*SIXES, *words)
        assert answer.status == 0, answer.err
        (result,) = set(tmp_path.rglob("result.json")) - before
        return result.parent, json.loads(result.read_text())

    return call


def test_the_full_net_cannot_tell_a_six_from_its_half_turn(run: Any) -> None:  # noqa: ANN401
    """Trained as long as the partial one, it gives both the same logits: 50 % to the last image."""
    words = ("conv.partial=False", "base_group=SE2")
    folder, result = run(*words)
    assert result["test/accuracy"] == 0.5
    assert not (folder / "figures").exists(), "it has no ranges to draw"
    build = Build(compose([*SIXES, *words]))
    model = build.model.eval()
    model.load_state_dict(checkpoint.load(folder / "checkpoints" / "best.pt")["model"])
    images, _ = next(build.splits.test.batches(64))
    with torch.no_grad():
        logits, turned = model(images), model(images.rot90(2, (-2, -1)))
    spread = logits.std(0).max()
    assert spread > 0
    assert (logits - turned).abs().max() < EXACT[torch.float32] * max(1, spread)


def test_the_partial_net_learns_to_tell_them_apart(run: Any) -> None:  # noqa: ANN401
    """From θ = 1, where it starts as the full net; seconds are in EXPERIMENTS.md."""
    results = []
    for seed in range(2):
        folder, result = run(f"seed={seed}")
        results.append(result)
        assert min(v for k, v in result.items() if k.startswith("range/")) < 0.95
        assert (folder / "figures" / "learned_ranges.png").stat().st_size > 10_000
    assert mean(result["test/accuracy"] for result in results) >= 0.97


@pytest.mark.parametrize(
    ("relaxation", "figures"),
    [
        ("averaged", {"learned_averaging", "learned_entropy"}),
        ("banks", {"learned_spread"}),
        ("filter_bias", {"learned_filter_bias"}),
    ],
)
def test_so_does_a_net_whose_weights_differ_over_the_group(
    run: Any,  # noqa: ANN401
    relaxation: str,
    figures: set[str],
) -> None:
    """From where it is the full net, too."""
    folder, result = run(f"relaxation={relaxation}", "base_group.num_samples=4", "net.widths=[1,1]")
    assert result["test/accuracy"] >= 0.97
    figures = figures | {"relaxations"}
    assert {path.stem for path in (folder / "figures").glob("*.png")} == figures
    assert result["defect"] > 0.01


def test_the_log_says_where_a_pool_breaks_equivariance(terminal: Terminal) -> None:
    words = ("tracking=none", "debug=True", "dataset.size=17", "net.pools=[0]")
    answer = terminal(*words)
    assert "pool0 subsamples 17 pixels off centre" in answer.out + answer.err
    answer = terminal(*words, "net.pool=blur")
    assert answer.status == 0
    assert "off centre" not in answer.out + answer.err


@pytest.mark.parametrize(
    ("words", "advised"),
    [
        (("dataset.size=17", "net.pools=[0]"), True),
        (("net=resnet18", "net.stem=imagenet", "conv.partial=False"), False),
    ],
)
def test_a_pool_is_advised_to_nets_that_have_one(words: tuple[str, ...], advised: bool) -> None:
    found = warnings(Build(compose(words)))
    assert found
    assert all(("net.pool=blur" in line) == advised for line in found), found
