"""Tracking: where the numbers and figures of a run go. The only place that imports wandb."""

from tracking.dashboard import save_view
from tracking.json_lines import JsonTracker, read_metrics, rewind
from tracking.stage import StageTracker
from tracking.tracker import Tracker
from tracking.weights_and_biases import WandbTracker

__all__ = [
    "JsonTracker",
    "StageTracker",
    "Tracker",
    "WandbTracker",
    "read_metrics",
    "rewind",
    "save_view",
]
