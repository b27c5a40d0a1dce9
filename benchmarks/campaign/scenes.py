"""The tiny runs, sweeps and studies that the campaign works on, and how each of them goes on."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["RANKS", "RUN", "SCENES", "SMALL", "STUDY", "SWEEP", "TINY", "Scene"]

TINY = (
    *("tracking=none", "net.hidden_channels=2", "net.widths=[1]", "base_group.num_samples=4"),
    *("dataset.train_size=40", "train.batch_size=20"),
)
SMALL = (*TINY, "train.epochs=2")
STUDY_FILE = """# @package study
title: A campaign
seeds: [0]
rows:
  autoencoder: {words: [net=vae_mlp, 'net.hidden_sizes=[8]', task=elbo, conv.partial=False]}
  oracle: {words: [net=latent_classifier, 'dataset.autoencoder=${run:autoencoder}']}
words: [dataset=orbits, dataset.num_views=4, dataset.root=DATA, debug=True, tracking=none]
"""


@dataclass(frozen=True)
class Scene:
    """One thing to start.

    Attributes:
        name: of it.
        words: that start it.
        many: it is a sweep or a study, which the same words continue.
    """

    name: str
    words: tuple[str, ...]
    many: bool = False

    def begin(self, folder: Path) -> list[str]:
        """The words that start it in a folder."""
        if self.name == "study":
            return [*self.words, "--config-dir", _study_config(folder), f"hydra.sweep.dir={folder}"]
        return [*self.words, f"hydra.{'sweep' if self.many else 'run'}.dir={folder}"]

    def go_on(self, folder: Path) -> list[str]:
        """The words that its user gives next."""
        if self.many or not (folder / "checkpoints" / "last.pt").exists():
            return self.begin(folder)
        return [f"train.resume={folder}"]


def _study_config(folder: Path) -> str:
    """The folder of a config with the study, whose data lie beside the study's folder."""
    config = folder.parent / "config"
    (config / "study").mkdir(parents=True, exist_ok=True)
    text = STUDY_FILE.replace("DATA", str(folder.parent / "data"))
    (config / "study" / "campaign.yaml").write_text(text)
    return str(config)


RUN = Scene("run", (*TINY, "train.epochs=4", "measure=[angles]", "measure.angles.num_angles=4"))
SWEEP = Scene("sweep", ("-m", "seed=0,1", *SMALL), many=True)
STUDY = Scene("study", ("study=campaign",), many=True)
RANKS = Scene("ranks", (*SMALL, "train.devices=2"))
SCENES = (RUN, SWEEP, STUDY, RANKS)
