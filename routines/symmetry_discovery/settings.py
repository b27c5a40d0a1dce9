"""The stages of a symmetry discovery, and its settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

__all__ = ["STAGES", "Settings", "Stage"]

Stage = Literal["autoencoder", "transformation", "oracle", "generators", "classifier", "invariant"]
STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `routines.symmetry_discovery.run` is told, see there."""

    stages: Sequence[Stage]
    autoencoder: str
    autoencoder_settings: Mapping[str, Any]
    latent_size: int
    beta: float
    loss: Literal["image", "latent"]
    steps: int
    num_generators: int
    epsilon: float
    norm_weight: float
    orthogonality_weight: float
    closure_weight: float
    average: Literal["features", "latents"]
    hidden_size: int
    learning_rate: float
    batch_size: int
    epochs: Mapping[Stage, int]
