"""Arguments that are trained nets of other runs."""

from dataclasses import dataclass
from typing import Any

__all__ = ["FromRun", "is_from_run"]


@dataclass(frozen=True)
class FromRun:
    """Marks an argument that a config gives as the folder of a finished run.

    What is called gets the trained net of that run, in evaluation mode and frozen:
    `autoencoder: Annotated[VAE, FromRun()]`.
    """


def is_from_run(annotation: Any) -> bool:  # noqa: ANN401
    """Whether an annotation is so marked."""
    return any(isinstance(each, FromRun) for each in getattr(annotation, "__metadata__", ()))
