"""The measures of a symmetry discovery, each on a tiny run of its stage."""

from pathlib import Path

import pytest
import torch
from torch import nn

from config_schema import ConfigError
from constructors import check, compose
from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit
from measures.measure import Subject
from measures.views import Views, agreement
from tasks import Classification
from tests.discovery import STAGES, Discovery, finished_run

GENERATORS = ("net=generators", "net.number=2", "task=generating", "task.oracle={oracle}")
LATENTS = "dataset.autoencoder={autoencoder}"
INVARIANT = ("net=orbit_average", "net.transformation={transformation}", LATENTS)
JUDGED = ("measure=[flow]", "measure.flow.classifier={classifier}")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            (*STAGES["transformation"], "task.steps=4"),
            "task.steps=4: an orbit has 4 views, so that there are fewer steps than that",
        ),
        (
            (*STAGES["transformation"], "dataset.whole=False"),
            "try dataset=orbits dataset.whole=True",
        ),
        (("task=turning", "net=transformation"), "task.autoencoder: has to be given"),
        (("task=turning", "task.autoencoder={oracle}"), "should be that of a VAE"),
        ((LATENTS, "dataset.whole=True"), "dataset.whole=True: orbits are of images"),
        ((LATENTS, "dataset.source.size=18"), "was trained on other images than these ones of 1x1"),
        ((*GENERATORS, "dataset.whole=False"), "try dataset=orbits dataset.autoencoder=RUN"),
        (("dataset.whole=True",), "the samples are whole orbits"),
        (('dataset.classes=["1"]',), "one class, which leaves a net nothing to tell"),
        ((*STAGES["autoencoder"], "measure=[views]"), "the net is no classifier"),
        (("measure=[turning]",), "the net is no turn of latents"),
        (("measure=[latent_space]",), "the net is no autoencoder"),
        (JUDGED, "the net has no generators"),
    ],
)
def test_what_cannot_be_is_told_in_a_line_before_anything_is_trained(
    words: tuple[str, ...], reason: str, discovery: Discovery
) -> None:
    with pytest.raises(ConfigError) as caught:
        check(compose(discovery.words(*words)))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_turn_of_other_latents_is_refused(discovery: Discovery, tmp_path: Path) -> None:
    autoencoder = discovery.words(*STAGES["autoencoder"], "net.latent_size=3", "train=none")
    finished_run(tmp_path, *autoencoder)
    words = discovery.words(*INVARIANT[:2], f"dataset.autoencoder={tmp_path}")
    with pytest.raises(ConfigError, match="turns latents of size 2, not 3"):
        check(compose(words))


def test_agreement_counts_answers_and_their_majorities() -> None:
    told = torch.tensor([[0, 0, 0, 1], [1, 1, 0, 0]])
    found = agreement(told, torch.tensor([0, 1]))
    assert found == {"accuracy": 5 / 8, "consistency": (3 / 4 + 2 / 4) / 2}


class Bright(nn.Module):
    """Class 1 for a pixel above ½."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        level = images.flatten(1).mean(1) - 0.5
        return torch.stack([-level, level], dim=1)


def test_views_are_told_apart_by_their_angle(tmp_path: Path) -> None:
    """Of three images in two views, one is answered otherwise once it is turned."""
    spec = DataSpec(1, 2, (1, 1), (0.0,), (1.0,), num_views=2)
    pixels = torch.tensor([0.1, 0.2, 0.3, 0.9, 0.8, 0.7])[:, None, None, None]
    split = TensorSplit(pixels, torch.tensor([0, 0, 0, 0, 1, 1]), spec)
    splits = Splits(spec, split, split, split)
    subject = Subject(Bright().eval(), splits, Classification(), [], tmp_path, 0, 4)
    found = Views().measure(subject)
    columns, rows = found.tables["angles"]
    assert list(columns) == ["degrees", "accuracy", "same answer as upright"]
    assert [list(row) for row in rows] == [[0, 1.0, 1.0], [180, 2 / 3, 2 / 3]]
    figures = {"accuracy": 5 / 6, "consistency": 5 / 6, "chance": 1 / 2, "images": 3}
    assert found.values == figures
