"""measure=[mirror]: what an invariant net, a plain one and a collapsed one come to."""

from math import isnan
from pathlib import Path

import pytest
import torch
from torch import nn

from config_schema import ConfigError
from constructors import Build, check, compose, construct_model
from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit
from measures.measure import Subject
from measures.mirror import MirrorImages, answers_to_mirror_images, sensitivities
from tasks import Classification

NET = "net=parity", "kernel=grid", "conv.partial=False", "dataset.size=12", "net.hidden_channels=4"
MIRRORED = "base_group=mirror"


def net(*words: str) -> nn.Module:
    torch.manual_seed(0)
    return construct_model(compose([*NET, *words])).eval().requires_grad_(False)


def subject(model: nn.Module, folder: Path) -> Subject:
    """A net with noise as its data, whose image 5 is the least like its mirror image."""
    noise = torch.rand(30, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    images = (noise + noise.flip(-1)) / 2
    images[5, :, :, :6] = 0
    spec = DataSpec(1, 10, (12, 12), (0.0,), (1.0,))
    part = TensorSplit(images, torch.arange(30) % 10, spec)
    return Subject(model, Splits(spec, part, part, part), Classification(), [], folder, 0, 7)


@pytest.mark.parametrize("words", [(MIRRORED,), ("net=gcnn", "base_group=dihedral")])
def test_an_invariant_net_answers_mirror_images_alike(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    found = MirrorImages(num_images=20).measure(subject(net(*words), tmp_path))
    assert found.values["same_answers"] == 1
    assert found.values["least_corr_equiv"] == pytest.approx(1, abs=1e-5)
    assert found.values["odd_image"] == 5
    columns, rows = found.tables["sensitivity"]
    assert {abs(row[columns.index("corr_equiv")] - 1) < 1e-5 for row in rows} == {True}
    assert max(row[columns.index("relative_error")] for row in rows) < 1e-4
    assert [path.stat().st_size > 10_000 for path in found.pictures] == [True]


def test_a_plain_net_does_not(tmp_path: Path) -> None:
    given = subject(net("base_group=T2"), tmp_path)
    given.splits.test.images[:] = torch.rand_like(given.splits.test.images)
    found = MirrorImages(num_images=20).measure(given)
    assert found.values["least_corr_equiv"] < 0.9
    columns, rows = found.tables["sensitivity"]
    assert {abs(row[columns.index("corr_equiv")] - 1) > 1e-5 for row in rows} == {True}


def test_answers_are_counted() -> None:
    """A net that says which half is brighter is right about images, wrong about mirror images."""

    class Half(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.stack([images[..., 0].sum((1, 2)), images[..., 1].sum((1, 2))], 1)

    images = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 2.0]]).view(4, 1, 1, 2)
    found = answers_to_mirror_images(Half().eval(), [(images, torch.tensor([0, 1, 0, 0]))])
    assert found == {"mirrored_accuracy": 0.5, "same_answers": 0.25}


def test_a_net_that_has_collapsed_is_measured_all_the_same() -> None:
    """It gives all images the same scores: its last layers say nothing, the others do."""
    model = net(MIRRORED)
    model.readout.weight.data.zero_()
    rows = {row.layer: row for row in sensitivities(model, torch.randn(3, 1, 12, 12))}
    assert all(isnan(row.relative_error) for row in rows.values())
    assert rows["conv1"].least_corr_equiv == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("net=vae_small", "task=elbo"), "^measure=mirror: compares accuracies on mirror images"),
        (("measure.mirror.num_images=1",), "^measure.mirror.num_images=1: should be greater"),
    ],
)
def test_what_cannot_be_measured_is_told_before_training(
    words: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        check(compose(["measure=[mirror]", *words]))


def test_a_dry_run_looks_at_few_images() -> None:
    build = Build(compose(["measure=[mirror]", "debug=True"]))
    (measure,) = build.measures.values()
    assert isinstance(measure, MirrorImages)
    assert measure.num_images == 8
