"""The parts of the trainer: epochs, steps, the optimiser, progress, interruption and ranks."""

from interruption import Interrupted
from training.snapshots import FitResult

__all__ = ["FitResult", "Interrupted"]
