"""A finished run, loaded from its folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from torch import nn

from constructors.build import Build
from datasets.spec import DataSpec, MissingData, Splits

__all__ = ["LoadedRun", "load_run"]


@dataclass(frozen=True)
class LoadedRun:
    """A finished run.

    Attributes:
        model: with its best weights, in evaluation mode, frozen, on the CPU.
        config: as it was run, resolved.
        build: makes the run's other parts, such as `build.splits`.
        folder: of the run.
    """

    model: nn.Module
    config: DictConfig
    build: Build
    folder: Path

    @property
    def spec(self) -> DataSpec:
        """What it knew of its data: shapes, classes, normalisation."""
        return self.build.spec

    def splits_at_hand(self) -> Splits:
        """The data, if they are here; nothing is downloaded, also if the config asks for it.

        Raises:
            MissingData: if they are not.
        """
        config: Any = OmegaConf.create(OmegaConf.to_container(self.config, resolve=True))
        if "download" in config.dataset:
            config.dataset.download = False
        root = config.dataset.get("root")
        if isinstance(root, str) and not Path(root).expanduser().is_dir():
            raise MissingData("there is no such folder", root, "dataset.root=… names another one")
        build = Build(config, self.spec)
        build.check_available()
        return build.splits


def load_run(folder: str | Path, packages: Sequence[str] = ()) -> LoadedRun:
    """The trained net of a finished run, with what it was built from; reads no data.

    The folder may be a stranger's: plain values and weights are taken from it, and nothing else.

    Args:
        folder: of the run.
        packages: of your own, whose classes its config may name.

    Raises:
        ConfigError: if there is no finished run in the folder, or one that this program refuses.
        Refusal: if its checkpoint is damaged, or of another net.
    """
    folder = Path(folder).expanduser()
    build = Build.of_finished(folder, packages)
    return LoadedRun(build.model, build.config, build, folder)
