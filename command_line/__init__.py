"""What `main.py` does with its words: help, checks, jobs and sweeps. Loads nothing by itself."""

__all__ = ["NO_OPTIONS"]

NO_OPTIONS = ("experiment", "hydra", "sweep")
"""Folders of cfg/ that hold no options of one thing: rows of EXPERIMENTS.md, settings of Hydra, and
W&B's sweeps."""
