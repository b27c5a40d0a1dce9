"""Finished runs for options that build on others: those of a tiny symmetry discovery."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from constructors import Build, compose
from run import run
from run_folder import write_config, write_result

__all__ = ["Discovery", "finished_run"]

ORBITS = ("dataset=orbits", "dataset.num_views=4")
STAGES = {  # untrained nets of a few weights; {…} is the folder of another one's run
    "autoencoder": ("net=vae_mlp", "net.hidden_sizes=[8]", "task=elbo", "conv.partial=False"),
    "transformation": (
        *("net=transformation", "dataset.whole=True"),
        *("task=turning", "task.autoencoder={autoencoder}"),
    ),
    "oracle": ("net=latent_classifier", "dataset.autoencoder={autoencoder}"),
    "classifier": ("net.hidden_channels=2", "conv.partial=False"),
}


def finished_run(folder: Path, *words: str) -> dict[str, Any]:
    """Run what the words say in a folder, without a command line; its result."""
    config = compose([*words, "tracking=none"])
    values: Any = OmegaConf.to_container(config, resolve=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_config(folder, values, list(words))
    result = run(Build(config), folder)
    write_result(folder, result)
    return result


class Discovery(dict[str, Path]):
    """The folders of the stages' runs, each one made when it is first asked for.

    Args:
        folder: of them all, and of their data.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def __missing__(self, stage: str) -> Path:
        self[stage] = self.folder / stage
        finished_run(self[stage], *self.words(*STAGES[stage]), "train=none")
        return self[stage]

    def words(self, *words: str) -> list[str]:
        """Words on tiny orbits, with {stage} replaced by the folder of its run."""
        root = f"dataset.root={self.folder}"
        return [*ORBITS, root, "debug=True", *(self.placed(word) for word in words)]

    def placed(self, word: str) -> str:
        """A word with the folder of a run in the place of its stage's name in braces."""
        for stage in STAGES:
            if f"={{{stage}}}" in word:
                word = word.replace(f"{{{stage}}}", str(self[stage]))
        return word
