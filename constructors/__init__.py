"""From a config to objects: the only reader of the config.

    compose(["net=gcnn", …])   the config that main.py would see
    construct_model(config)    its nn.Module
    Build(config)              net, data, task, trainer, measures and tracker of a run
    matched(config)            it, with the width that `net.parameters` asks for
    load_run(folder)           a finished run: its trained net, and what it was built from
    load_pretrained(folder)    a net that `python -m export` left as safetensors, likewise
    read_metrics(folder)       what any run has recorded: flat records, as for a data frame

Each section names a class and lists its arguments (see `config_schema`); what a config cannot say,
because it follows from another section or from the run, is handed in here by name.
"""

from constructors.build import Build, construct_model, matched
from constructors.checking import Checked, check
from constructors.finished import LoadedRun, load_run
from constructors.pretrained import load_pretrained
from constructors.sections import INJECTED, components, compose
from tracking import read_metrics

__all__ = [
    "INJECTED",
    "Build",
    "Checked",
    "LoadedRun",
    "check",
    "components",
    "compose",
    "construct_model",
    "load_pretrained",
    "load_run",
    "matched",
    "read_metrics",
]
