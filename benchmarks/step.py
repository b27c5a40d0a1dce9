"""What equivariance costs: forward, training step and peak memory, against the dense floor.

    python -m benchmarks.step [workload …] [--precision bf16-mixed] [--batch-size 16] [--repeats 10]
    python -m benchmarks.step a b --against outputs/before
    OMP_NUM_THREADS=1 python -m benchmarks.step a b --processor-time

The second one tells what is slower than in an earlier result, a file or a folder with a step.json,
beyond the noise: where the intervals of the ratios lie apart. Then the exit status is 1. The third
one counts processor time, which neighbours on a busy machine disturb less than the clock.

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
from time import perf_counter, process_time
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from benchmarks.pairing import interleaved, ratio
from benchmarks.workloads import WORKLOADS, ReadyMade, Workload, dense_floor
from partial_equiv.gconv import frozen_kernels
from partial_equiv.relaxations import collected_terms, project_
from training.offers import offered_penalties

STEPS_FOR_MEMORY = 3
TITLES = {"train": "training step", "forward": "forward", "eval": "eval, cached kernels"}

Result: TypeAlias = dict[str, Any]
"""Of one workload: seconds, ratios to the floor with their intervals, memory; and how measured."""


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
    workload: Workload,
    precision: str,
    batch_size: int,
    repeats: int,
    clock: Callable[[], float] = perf_counter,
) -> Result:
    """Seconds and ratios of one workload."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images = workload.images(batch_size).to(device)
    ours, floor = workload.model().to(device), dense_floor(workload, batch_size).to(device)
    layout = images
    if precision == "bf16-mixed":
        layout = images.to(memory_format=torch.channels_last)
    forwards = {"ours": forward(ours, layout, precision), "floor": forward(floor, images)}
    fresh = interleaved(forwards, repeats, clock)
    with frozen_kernels(ours.eval()):
        cached = interleaved(forwards, repeats, clock)
    steps = {"ours": training_step(ours, layout, precision), "floor": training_step(floor, images)}
    train = interleaved(steps, repeats, clock)  # last: it moves what the net keeps of its group
    found: Result = {}
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


def slower(now: Result, then: Result) -> list[str]:
    """What a workload takes more of than it did: sentences.

    Ratios to the floor are compared, which two machines share, and not seconds. More than their
    intervals (of memory, which varies by a tenth, 15 %) allow counts.

    Args:
        now: of this run, as `timings` and `main` leave it.
        then: of an earlier one.

    Raises:
        SystemExit: with a line, if they were not measured alike.
    """
    for setting in ("precision", "batch_size"):
        if now[setting] != then.get(setting, now[setting]):
            raise SystemExit(f"{setting} was {then[setting]} then, and is {now[setting]} now")
    found = []
    for name, title in TITLES.items():
        low, high = now[f"interval_{name}"], then[f"interval_{name}"]
        if low[0] > high[1]:
            was, is_ = then[f"ratio_{name}"], now[f"ratio_{name}"]
            found.append(f"{title} {is_:.3f} times the floor, {was:.3f} before")
    if now["ratio_memory"] > 1.15 * then["ratio_memory"]:
        was, is_ = then["ratio_memory"], now["ratio_memory"]
        found.append(f"memory {is_:.3f} times the floor's, {was:.3f} before")
    return found


def read(place: Path) -> dict[str, Result]:
    """The results in a file, or in the step.json of a folder, by the names of the workloads.

    Raises:
        SystemExit: with a line, if there are none.
    """
    path = place / "step.json" if place.is_dir() else place
    try:
        results: dict[str, Result] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SystemExit(f"--against {place}: holds no earlier result ({error})") from None
    return results


def main(words: list[str] | None = None) -> int:
    """Print a table, a line for each workload as it is done; write the JSON file.

    Returns:
        the exit status: 1 if something is slower than `--against` says.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("workloads", nargs="*", choices=[*WORKLOADS, []], default=[])
    parser.add_argument("--precision", choices=["32-true", "bf16-mixed"], default="32-true")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--processor-time", action="store_true", help="not the clock's")
    parser.add_argument("--output", type=Path, default=Path("outputs/benchmarks/step.json"))
    parser.add_argument("--against", type=Path, help="an earlier result: a file, or its folder")
    parser.add_argument("--measure-memory", choices=["ours", "floor"], help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    if given.measure_memory:
        name = given.workloads[0]
        mebibytes = measure_memory(name, given.measure_memory, given.precision, given.batch_size)
        sys.stdout.write(f"{mebibytes}\n")
        return 0
    before = read(given.against) if given.against else {}
    titles = tuple(TITLES.values())
    sys.stdout.write(f"{'':3}{titles[0]:>36}{titles[1]:>30}{titles[2]:>30}{'memory, MiB':>22}\n")
    results, worse = {}, 0
    for name in given.workloads or WORKLOADS:
        clock = process_time if given.processor_time else perf_counter
        sizes = given.batch_size, given.repeats
        found = timings(WORKLOADS[name], given.precision, *sizes, clock)
        peaks = {
            who: peak_memory(name, who, given.precision, given.batch_size)
            for who in ("ours", "floor")
        }
        found |= {"precision": given.precision, "batch_size": given.batch_size}
        found |= {f"memory_{who}": peak for who, peak in peaks.items()}
        found["ratio_memory"] = peaks["ours"] / peaks["floor"]
        results[name] = found
        row = f"{name:3}{found['seconds_train_ours']:8.3f} s = "
        for measure in TITLES:
            low, high = found[f"interval_{measure}"]
            row += f"{found[f'ratio_{measure}']:>10.3f} [{low:.3f}, {high:.3f}]  "
        sys.stdout.write(f"{row}{peaks['ours']:10.0f} = {found['ratio_memory']:.3f}\n")
        for sentence in slower(found, before[name]) if name in before else []:
            sys.stdout.write(f"   slower: {sentence}\n")
            worse += 1
        sys.stdout.flush()
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(json.dumps(results, indent=2) + "\n")
    return int(worse > 0)


if __name__ == "__main__":
    sys.exit(main())
