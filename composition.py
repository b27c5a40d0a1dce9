"""Composition: one set of config files, from which any number of configs can be composed.

Works inside and outside of a running Hydra application, whose own state it leaves alone.
"""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import hydra
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from config_schema.quoting import quoted
from partial_equiv.refusal import Refusal
from run_folder import folder_name
from together import of_srun

__all__ = ["CONFIG_FOLDER", "Composition", "merged"]

CONFIG_FOLDER = Path(__file__).parent / "cfg"

# config.yaml names a sweep's folders with it; sweep workers that unpickle a job import this module.
OmegaConf.register_new_resolver("folder_name", lambda words: folder_name(list(words)), replace=True)
OmegaConf.register_new_resolver("slurm_step_or", lambda time: _slurm_step() or time, replace=True)

# cfg/hydra/launcher stands before the launchers' own defaults, which Hydra merges in, and remarks.
warnings.filterwarnings("ignore", r"\s*'hydra/launcher/\w+' is validated", UserWarning)


def _slurm_step() -> str | None:
    """A folder for what srun has started: the same one when Slurm starts the job once more."""
    return "slurm/{SLURM_JOB_ID}-{SLURM_STEP_ID}".format_map(os.environ) if of_srun() else None


@dataclass(frozen=True)
class Composition:
    """Config files: the folder of the primary config, its name, and further folders of options."""

    folder: Path = CONFIG_FOLDER
    name: str = "config"
    further: tuple[Path, ...] = ()

    def config(self, overrides: Sequence[str] = (), *, with_hydra: bool = False) -> DictConfig:
        """The composed config, read-only; `with_hydra` keeps Hydra's own settings in it.

        Raises:
            hydra.errors.HydraException: for overrides that Hydra cannot use.
            Refusal: for a key below one that is null.
        """
        places = ",".join(quoted(f"file://{folder}") for folder in self.further)
        words = [*overrides, f"hydra.searchpath=[{places}]"] if places else list(overrides)
        with self._initialised():
            try:
                config = hydra.compose(self.name, words, return_hydra_config=with_hydra)
            except AssertionError:  # OmegaConf's, about what is None
                raise Refusal("is below a key that holds nothing (null)") from None
        OmegaConf.set_readonly(config, not with_hydra)
        return config

    @contextmanager
    def loader(self) -> Iterator[ConfigLoader]:
        """Hydra's loader, to look up groups and their options."""
        with self._initialised():
            yield GlobalHydra.instance().config_loader()

    @contextmanager
    def _initialised(self) -> Iterator[None]:
        outer = GlobalHydra.instance().hydra
        GlobalHydra.instance().clear()
        try:
            folder = str(self.folder.absolute())
            with hydra.initialize_config_dir(folder, job_name="main", version_base="1.3"):
                yield
        finally:
            GlobalHydra.instance().hydra = outer


@cache
def _key(word: str) -> str:
    """What a word sets. (To parse one takes a millisecond; a study's rows share most of theirs.)"""
    key: str = OverridesParser.create().parse_override(word).get_key_element()
    return key.lstrip("+~")


def merged(words: Sequence[str]) -> list[str]:
    """The words, of which a later one replaces an earlier one of the same key; ++ says no more.

    >>> merged(["seed=0", "net=gcnn", "seed=1", "++net=vae"])
    ['seed=1', 'net=vae']
    """
    found: dict[str, str] = {}
    for word in words:
        key = _key(word)
        if word.startswith("++") and key in found:  # Hydra has no ++ for options of groups
            earlier = found[key]
            word = earlier[: len(earlier) - len(earlier.lstrip("+"))] + word[2:]
        found[key] = word
    return list(found.values())
