"""Where equivariance breaks: see `routine`."""

from routines.equivariance.routine import run as run

__all__ = ["run"]
