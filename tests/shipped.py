"""What cfg/ ships, for contract tests: a new file is tested without editing a test."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from partial_equiv.ck import Siren
from partial_equiv.gconv import GroupConv, LiftingConv
from partial_equiv.groups import SO2, Group
from partial_equiv.sampling import Sampling

CFG = Path(__file__).parents[1] / "cfg"


def names(section: str) -> list[str]:
    """The option files of a config group."""
    return sorted(path.stem for path in (CFG / section).glob("*.yaml"))


def option(section: str, name: str, **changes: object) -> Any:  # noqa: ANN401
    """What an option file makes: a factory, for the sections used here."""
    return instantiate(settings(section, name), **changes)


def settings(section: str, name: str) -> DictConfig:
    """An option file, on top of those of its group that it names as its defaults."""
    own = OmegaConf.load(CFG / section / f"{name}.yaml")
    assert isinstance(own, DictConfig)
    defaults = own.pop("defaults", [])
    below = [settings(section, each) for each in defaults if isinstance(each, str)]
    merged = OmegaConf.merge(*below, own)
    assert isinstance(merged, DictConfig)
    return merged


def sampling(name: str, **changes: object) -> Callable[..., Sampling]:
    """The sampling of a shipped base group."""
    return option("base_group", name, **changes)


def group(name: str) -> Group:
    """The group of a shipped base group."""
    return sampling(name)().group


def grid_size(name: str) -> int:
    """Samples of a shipped base group."""
    return sampling(name)().num_samples


def has_subset(name: str) -> bool:
    """Whether a layer can learn a proper subset of a shipped base group."""
    return bool(group(name).algebra_size or group(name).optional_parts)


def is_allowed(base_group: str, kernel: str) -> bool:
    """Whether a shipped kernel can serve a shipped base group."""
    return kernel != "grid" or group(base_group).permutes_pixels


def layers(
    base_group: str, kernel: str | None = None, **settings: object
) -> tuple[Callable[..., LiftingConv], Callable[..., GroupConv]]:
    """Factories of lifting and group convolutions on a shipped group with a shipped kernel."""
    make_kernel = partial(Siren, hidden_channels=8) if kernel is None else option("kernel", kernel)
    settings = {"kernel": make_kernel, "sampling": sampling(base_group), **settings}
    return partial(LiftingConv, **settings), partial(GroupConv, **settings)


def siren_on(group: Group | None = None, n: int = 4, **sampling: object) -> dict[str, Any]:
    """What a layer with a small SIREN needs, on n samples of a group (SO2)."""
    kernel = partial(Siren, hidden_channels=8)
    return {"kernel": kernel, "sampling": partial(Sampling, group or SO2(), n, **sampling)}
