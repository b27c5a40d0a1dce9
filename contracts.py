"""What the `_target_` of each section of a config must be, wherever the config comes from.

A class of ours that serves there (or of a package that the user names, `packages=[mypackage]`);
never a function of a library.
"""

from collections.abc import Mapping

from torch import nn

from config_schema.contracts import Contract
from datasets.dataset import DataSet
from matching import CHANNELS, PARAMETERS
from measures.measure import Measure, Probe
from partial_equiv.ck import Kernel
from partial_equiv.gconv import GroupConv
from partial_equiv.intervals import Count
from partial_equiv.penalties import Penalty
from partial_equiv.relaxations import Relaxation
from partial_equiv.sampling import Sampling
from tasks import Task
from tracking import Tracker
from trainer import Trainer

__all__ = ["CONTRACTS"]

CONTRACTS: Mapping[str, Contract] = {
    "dataset": Contract("a data set", DataSet, "datasets"),
    "task": Contract("a task", Task, "tasks"),
    "net": Contract(
        "a net",
        nn.Module,
        "models",
        takes=("in_channels", "inner", "latent_size", "size"),
        asked={PARAMETERS: (CHANNELS, Count | None)},
    ),
    "conv": Contract("a group convolution", GroupConv, "partial_equiv", factory=True),
    "kernel": Contract("a kernel", Kernel, "partial_equiv", factory=True),
    "base_group": Contract("a sampling", Sampling, "partial_equiv", factory=True),
    "relaxation": Contract(
        "a relaxation", Relaxation, "partial_equiv", takes=("layer",), factory=True
    ),
    "train": Contract("a trainer", Trainer, "trainer"),
    "penalty": Contract("a penalty", Penalty, "partial_equiv", many=True),
    "measure": Contract("a measure", Measure, "measures", many=True),
    "probe": Contract("a probe", Probe, "measures", many=True),
    "tracking": Contract("a tracker", Tracker, "tracking"),
}
