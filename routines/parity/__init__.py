"""Mirror parity: one net with and without the mirror, trained on mirrored images or not."""

from routines.parity.routine import run

__all__ = ["run"]
