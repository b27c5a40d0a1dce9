"""What a training step costs with each relaxation, relative to that of the strict net.

    python -m benchmarks.relaxations [relaxation …] [--batch-size 16] [--repeats 10]

The net is the workload a of `benchmarks.workloads`: with every relaxation of cfg/relaxation, as it
is shipped, and without. All of them run in turns in this process; what counts is the median of the
paired ratios, with its 90 % interval. Those that the net's group does not allow say why.
"""

import argparse
import sys

from torch import nn

from benchmarks.pairing import interleaved, ratio
from benchmarks.step import training_step
from benchmarks.workloads import WORKLOADS, Workload
from composition import CONFIG_FOLDER
from config_schema import ConfigError
from partial_equiv.relaxations import set_progress

STRICT = "strict"
SHIPPED = sorted(path.stem for path in (CONFIG_FOLDER / "relaxation").glob("*.yaml"))
TARGETS = {"residual": 1.35, "averaged": 1.35, "banks": 1.25, "filter_bias": 1.10}
"""What a step may cost at most, in steps of the strict net."""


def nets(workload: Workload, names: list[str]) -> tuple[dict[str, nn.Module], dict[str, str]]:
    """The strict net and those with these relaxations, by name; why there is none of the others."""
    found, refused = {STRICT: workload.model("conv.partial=False")}, {}
    for name in names:
        try:
            found[name] = workload.model("conv.partial=True", f"relaxation={name}")
        except ConfigError as error:
            refused[name] = str(error)
            continue
        set_progress(found[name], 0.5)  # what a schedule does in the middle of a training
    return found, refused


def main(words: list[str] | None = None) -> None:
    """Print a line for each relaxation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("relaxations", nargs="*", choices=[*SHIPPED, []], default=[])
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=10)
    given = parser.parse_args(words)
    workload = WORKLOADS["a"]
    models, refused = nets(workload, given.relaxations or SHIPPED)
    images = workload.images(given.batch_size)
    steps = {name: training_step(model, images) for name, model in models.items()}
    seconds = interleaved(steps, given.repeats)
    out = sys.stdout.write
    out(f"{'relaxation':16}{'parameters':>12}{'step':>10}{'to the strict net':>24}{'target':>16}\n")
    for name, model in models.items():
        found, target = ratio(seconds[name], seconds[STRICT]), TARGETS.get(name)
        verdict = "-"
        if target is not None:
            verdict = f"<= {target:.2f} {'met' if found.median <= target else 'missed'}"
        number = sum(parameter.numel() for parameter in model.parameters())
        took = sorted(seconds[name])[given.repeats // 2]
        out(f"{name:16}{number:12}{took:8.3f} s{found!s:>24}{verdict:>16}\n")
    for name, reason in refused.items():
        out(f"{name:16}{reason}\n")


if __name__ == "__main__":
    main()
