"""Training with a penalty: the net becomes as equivariant as it is paid for."""

from pathlib import Path

import pytest
import torch

from constructors import Build, compose
from training import FitResult

WORDS = (
    *("net=gcnn", "base_group=T2", "conv.partial=False", "kernel=grid", "conv.kernel_size=3"),
    *("dataset=digits", "train.epochs=6", "tracking=none", "train.device=cpu"),
)


def trained(folder: Path, *words: str) -> tuple[float, float, FitResult]:
    """The error of quarter turns of a plain net, E‖f(gx) − f(x)‖², and over the spread of f."""
    build = Build(compose([*WORDS, *words]))
    model = build.model
    result = build.trainer(folder, None).fit(model, build.splits, build.task)
    images, _ = next(build.splits.test.batches(200))
    with torch.no_grad():
        said = model.eval()(images)
        turned = torch.stack([model(images.rot90(k, (-2, -1))) for k in (1, 2, 3)])
    spread = (said - said.mean(0)).square().sum(1).mean()
    error = (turned - said).square().sum(2).mean()
    return error.item(), (error / spread).item(), result


@pytest.fixture(scope="module")
def unpenalised(tmp_path_factory: pytest.TempPathFactory) -> tuple[float, float]:
    """The errors of a net that is trained as nets are."""
    return trained(tmp_path_factory.mktemp("plain"))[:2]


def test_the_equivariance_error_falls_tenfold(
    tmp_path: Path, unpenalised: tuple[float, float]
) -> None:
    """And not only because the answers become smaller."""
    error, relative, result = trained(
        tmp_path, "penalty=[equivariance_error]", "penalty.equivariance_error.beta=1.0"
    )
    assert error < unpenalised[0] / 10
    assert relative < unpenalised[1] / 5
    assert result.history[-1]["train/equivariance_error"] > 0


def test_the_weights_come_to_be_equivariant(tmp_path: Path) -> None:
    shares = []
    for weight in (0.0, 0.3):
        words = ["penalty=[projection]", f"penalty.projection.perpendicular={weight}"]
        words += ["dataset.size=8"]
        last = trained(tmp_path / str(weight), *words)[-1].history[-1]
        shares.append(last["train/perpendicular"] / last["train/parallel"])
    assert shares[1] < shares[0] / 10


def test_a_net_that_is_projected_in_every_step_is_strict(tmp_path: Path) -> None:
    words = ["penalty=[projection,equivariance_error]", "penalty.projection.project=True"]
    words += ["penalty.equivariance_error.alpha=2.0", "train.epochs=2", "dataset.size=8"]
    _, relative, result = trained(tmp_path, *words)
    assert relative < 1e-8
    assert result.history[-1]["train/perpendicular"] < 1e-4
