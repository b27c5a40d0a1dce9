"""What equivariance costs: forward, training step and peak memory, against the dense floor.

    python -m benchmarks.step [workload …] [--precision bf16-mixed] [--batch-size 16] [--repeats 10]

The *dense floor* is the same net with one conv2d of the same shape and ready-made weights in place
of each convolution: nothing is sampled and no kernel generated. Both run in turns in this process;
what counts is the median of the paired ratios, with its 90 % interval. Ratios are always to the
float32 floor. "eval" is a forward pass with cached kernels (`frozen_kernels`). Memory is the peak
resident memory of a process that makes three training steps, less what it had after its imports.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.pairing import interleaved, ratio
from benchmarks.workloads import WORKLOADS, ReadyMade, Workload, dense_floor
from partial_equiv.gconv import frozen_kernels
from partial_equiv.relaxations import collected_terms, project_
from training.offers import offered_penalties

STEPS_FOR_MEMORY = 3


def training_step(
    model: nn.Module, images: Tensor, precision: str = "32-true"
) -> Callable[[], object]:
    """A function that makes one training step of the model on these images, with the terms that
    its relaxations add to the loss."""
    ready = {id(m.ready) for m in model.modules() if isinstance(m, ReadyMade)}
    optimizer = torch.optim.Adam([p for p in model.parameters() if id(p) not in ready])
    targets = torch.arange(len(images), device=images.device) % 10
    weights = offered_penalties(model)

    def step() -> None:
        model.train()
        model.zero_grad()
        with collected_terms(model) as terms:
            with torch.autocast(images.device.type, torch.bfloat16, precision == "bf16-mixed"):
                loss = nn.functional.cross_entropy(model(images), targets)
            for name, term in terms.totals().items():
                loss = loss + weights[name] * term
        loss.backward()
        optimizer.step()
        project_(model)

    return step


def forward(model: nn.Module, images: Tensor, precision: str = "32-true") -> Callable[[], object]:
    """A function that evaluates the model on these images, without gradients."""

    def evaluate() -> None:
        model.eval()
        with (
            torch.no_grad(),
            torch.autocast(images.device.type, torch.bfloat16, precision == "bf16-mixed"),
        ):
            model(images)

    return evaluate


def timings(
    workload: Workload, precision: str, batch_size: int, repeats: int
) -> dict[str, float | list[float]]:
    """Seconds and ratios of one workload."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images = workload.images(batch_size).to(device)
    ours, floor = workload.model().to(device), dense_floor(workload, batch_size).to(device)
    layout = images
    if precision == "bf16-mixed":
        layout = images.to(memory_format=torch.channels_last)
    forwards = {"ours": forward(ours, layout, precision), "floor": forward(floor, images)}
    fresh = interleaved(forwards, repeats)
    with frozen_kernels(ours.eval()):
        cached = interleaved(forwards, repeats)
    steps = {"ours": training_step(ours, layout, precision), "floor": training_step(floor, images)}
    train = interleaved(steps, repeats)  # last: it moves what the net keeps of its group
    found: dict[str, float | list[float]] = {}
    for name, seconds in (("train", train), ("forward", fresh), ("eval", cached)):
        value = ratio(seconds["ours"], seconds["floor"])
        found[f"ratio_{name}"] = value.median
        found[f"interval_{name}"] = [value.low, value.high]
        for who in ("ours", "floor"):
            found[f"seconds_{name}_{who}"] = sorted(seconds[who])[repeats // 2]
    return found


def peak_memory(name: str, who: str, precision: str, batch_size: int) -> float:
    """MiB that three training steps take in a process of their own."""
    words = [sys.executable, "-m", "benchmarks.step", name, "--measure-memory", who]
    words += ["--precision", precision, "--batch-size", str(batch_size)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return float(done.stdout)


def measure_memory(name: str, who: str, precision: str, batch_size: int) -> float:
    """MiB between this process's memory now and its peak after three training steps."""
    workload = WORKLOADS[name]
    before = resident("VmRSS")
    model = workload.model() if who == "ours" else dense_floor(workload, batch_size)
    step = training_step(model, workload.images(batch_size), precision)
    for _ in range(STEPS_FOR_MEMORY):
        step()
    return (resident("VmHWM") - before) / 1024


def resident(what: str) -> int:
    """KiB of this process's memory now (VmRSS) or at its peak (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+)", status)[1])


def main(words: list[str] | None = None) -> None:
    """Print a table, a line for each workload as it is done; write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("workloads", nargs="*", choices=[*WORKLOADS, []], default=[])
    parser.add_argument("--precision", choices=["32-true", "bf16-mixed"], default="32-true")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--output", type=Path, default=Path("outputs/benchmarks/step.json"))
    parser.add_argument("--measure-memory", choices=["ours", "floor"], help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    if given.measure_memory:
        name = given.workloads[0]
        mebibytes = measure_memory(name, given.measure_memory, given.precision, given.batch_size)
        sys.stdout.write(f"{mebibytes}\n")
        return
    titles = ("training step", "forward", "eval, cached kernels")
    sys.stdout.write(f"{'':3}{titles[0]:>36}{titles[1]:>30}{titles[2]:>30}{'memory, MiB':>22}\n")
    results = {}
    for name in given.workloads or WORKLOADS:
        found = timings(WORKLOADS[name], given.precision, given.batch_size, given.repeats)
        peaks = {
            who: peak_memory(name, who, given.precision, given.batch_size)
            for who in ("ours", "floor")
        }
        found |= {f"memory_{who}": peak for who, peak in peaks.items()}
        found["ratio_memory"] = peaks["ours"] / peaks["floor"]
        results[name] = found
        row = f"{name:3}{found['seconds_train_ours']:8.3f} s = "
        for measure in ("train", "forward", "eval"):
            low, high = found[f"interval_{measure}"]
            row += f"{found[f'ratio_{measure}']:>10.3f} [{low:.3f}, {high:.3f}]  "
        sys.stdout.write(f"{row}{peaks['ours']:10.0f} = {found['ratio_memory']:.3f}\n")
        sys.stdout.flush()
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
