"""Kills: runs, sweeps, studies and ranks are killed, go on, and must come to the same bits."""

import random
import shutil
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.campaign.comparing import differences, left
from benchmarks.campaign.counts import Counts
from benchmarks.campaign.process import Ended, Kill, command, in_process
from benchmarks.campaign.scenes import RANKS, RUN, STUDY, SWEEP, Scene

__all__ = ["kills"]

SHARES = (RUN, RUN, SWEEP, RUN, STUDY, RUN, SWEEP, STUDY, RANKS)
MOST = 3  # kills of one run


def kills(count: int, seed: int, place: Path) -> Counts:
    """Kill so many times in all; half of them by the clock, half at a write or shortly after."""
    counts, choose = Counts("kills"), random.Random(seed)
    references: dict[str, tuple[Ended, dict[str, Any]]] = {}
    scenes = cycle(SHARES)
    left_over = {scene.name: _writes(choose) for scene in SHARES}
    for number in range(count):
        scene = next(scenes)
        if scene.name not in references:
            references[scene.name] = _reference(scene, place)
        whole, expected = references[scene.name]
        folder = place / scene.name / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        times: list[Kill] = []
        while True:
            if (number + len(times)) % 2:
                kill = Kill(seconds=choose.uniform(0, 1.1 * whole.seconds))
            else:
                delay = choose.choice([0.0, choose.uniform(0, 0.004)])
                write = next(left_over[scene.name]) % whole.writes + 1
                kill = Kill(write=write, delay=delay)
            times.append(kill)
            words = scene.go_on(folder)
            ended = in_process(command(*words), folder, kill=kill)
            if ended.bad or ended.status != -9 or len(times) == MOST or choose.random() < 0.6:
                break
        if not ended.bad and ended.status != 0:
            ended = in_process(command(*scene.go_on(folder)), folder)
        what = f"{scene.name} {times}"
        if ended.bad or ended.status != 0:
            counts.case(what, ended.bad or "lost", ended.output)
            continue
        try:
            wrong = differences(expected, left(folder))
        except ValueError as error:
            wrong = [str(error)]
        wrong += [line for line in ended.output.splitlines() if "damaged" in line]
        counts.case(what, "different" if wrong else None, "\n".join(wrong))
    return counts


def _writes(choose: random.Random) -> Iterator[int]:
    """All numbers below 1000 in a random order: modulo the writes of a run, all of them soon."""
    return cycle(choose.sample(range(1000), 1000))


def _reference(scene: Scene, place: Path) -> tuple[Ended, dict[str, Any]]:
    """A run that nobody kills: how it ended, and what it left."""
    folder = place / scene.name / "whole"
    folder.parent.mkdir(parents=True, exist_ok=True)
    if scene is STUDY:  # its data are there before
        in_process(command(*scene.begin(folder)), folder)
        shutil.rmtree(folder)
    ended = in_process(command(*scene.begin(folder)), folder)
    if ended.bad or ended.status != 0:
        raise RuntimeError(f"{scene.name} does not run: {ended.output}")
    return ended, left(folder)
