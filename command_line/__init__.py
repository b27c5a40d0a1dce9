"""What `main.py` does with its words: help, checks, jobs and sweeps. Loads nothing by itself."""

__all__ = ["NO_OPTIONS"]

NO_OPTIONS = ("hydra", "sweep")
"""Folders of cfg/ that are no groups of options: settings of Hydra, and W&B's sweeps."""
