"""Files: what a program reads is damaged; it says so in a line, or comes to the right outcome."""

import random
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.campaign.comparing import differences, left
from benchmarks.campaign.counts import Counts
from benchmarks.campaign.damage import DAMAGES, damage
from benchmarks.campaign.data import DATA
from benchmarks.campaign.process import Ended, command, in_process
from benchmarks.campaign.scenes import RUN, STUDY, SWEEP, TINY

__all__ = ["files"]

Use = Callable[[Path], Callable[[], int]]
RUN_FILES = (
    *("config.yaml", "overrides.yaml", "result.json", "metrics.jsonl"),
    *("checkpoints/last.pt", "checkpoints/best.pt"),
)


def files(count: int, seed: int, place: Path) -> Counts:
    """Damage files of runs, sweeps, studies and data sets so many times, and use them."""
    counts, choose = Counts("files"), random.Random(seed)
    kinds = _Kinds(place)
    cases = [
        (use, file, kind) for use, named in kinds.uses.items() for file in named for kind in DAMAGES
    ]
    choose.shuffle(cases)
    ordered = cycle(sorted(cases, key=lambda case: _turn(case, cases)))
    for _ in range(count):
        use, file, kind = next(ordered)
        kinds.try_one(counts, use, file, kind, choose)
    return counts


def _turn(case: tuple[str, str, str], cases: list[tuple[str, str, str]]) -> int:
    """All files come once before any of them comes twice."""
    same = [each for each in cases if each[:2] == case[:2]]
    return same.index(case)


class _Kinds:
    """The folders that are damaged, each one made once, and what is done with them."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.whole: dict[str, dict[str, Any]] = {}
        jobs = ("config.yaml", "overrides.yaml", "result.json", "metrics.jsonl")
        sweep = [f"{_job(seed)}/{name}" for seed in (0, 1) for name in jobs]
        study = [
            "study.json",
            *(f"{row}/seed=0/{name}" for row in ("autoencoder", "oracle") for name in jobs),
        ]
        study.append("autoencoder/seed=0/checkpoints/best.pt")
        self.uses: Mapping[str, list[str]] = {
            "resume": list(RUN_FILES),
            "prolong": list(RUN_FILES),
            "measure": list(RUN_FILES),
            "load": list(RUN_FILES),
            "sweep": sweep,
            "comparison": sweep,
            "study": study,
            "status": study,
            "report": study,
            "experiments": study,
            **{f"data {name}": list(data.files) for name, data in DATA.items()},
        }

    def try_one(
        self, counts: Counts, use: str, file: str, kind: str, choose: random.Random
    ) -> None:
        """Damage a file of a fresh copy, use it, and judge what came of it."""
        whole = self._whole(use)
        folder = whole.parent / "damaged"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        what = f"{use}: {file} {kind}"
        damage(next(folder.glob(file.replace("[", "[[]"))), kind, choose)
        ended = in_process(self._work(use, folder), folder)
        end = ended.bad
        named = Path(file).name in ended.output or file.split("/")[0] in ended.output
        few = len(_complaints(ended)) <= 2 or use in ("sweep", "study")
        refused = ended.status != 0 and named and few
        if end is None and ended.status != 0 and not refused:
            end = "tracebacks"
        if end is None and ended.status == 0 and not use.startswith("data"):
            wrong = self._differences(use, whole, folder, ended)
            end = "different" if wrong and not named else None
            ended = Ended(0, ended.output + "\n".join(wrong), 0, 0)
        counts.case(what, end, ended.output)

    def _differences(self, use: str, whole: Path, folder: Path, ended: Ended) -> list[str]:
        """What is other than it would be had nothing been damaged."""
        if use not in self.whole:
            after = whole.parent / "after"
            folder.rename(after)
            shutil.copytree(whole, folder)
            told = in_process(self._work(use, folder), folder)
            if told.bad or told.status != 0:
                raise RuntimeError(f"{use} does not work: {told.output}")
            self.whole[use] = {**left(folder), "": _plain(told.output)}
            shutil.rmtree(folder)
            after.rename(folder)
        expected = self.whole[use]
        if use in ("load", "comparison", "status", "report", "experiments"):
            return [] if _plain(ended.output) == expected[""] else ["it says something else"]
        try:
            return differences({**expected, "": ""}, {**left(folder), "": ""})
        except (ValueError, OSError) as error:
            return [str(error)]

    def _whole(self, use: str) -> Path:
        """The folder that a use is for."""
        name = (
            use
            if use.startswith("data")
            else {
                **dict.fromkeys(("resume", "prolong", "measure", "load"), "run"),
                **dict.fromkeys(("sweep", "comparison"), "sweep"),
            }.get(use, "study")
        )
        folder = self.place / name.replace(" ", "_") / "whole"
        if folder.exists():
            return folder
        folder.parent.mkdir(parents=True)
        if use.startswith("data"):
            name = use.partition(" ")[2]
            told = in_process(lambda: DATA[name].write(folder) or 0, folder)
            if told.status != 0:
                raise RuntimeError(f"the data {name} cannot be written: {told.output}")
            return folder
        scene = {"run": RUN, "sweep": SWEEP, "study": STUDY}[name]
        made = folder.parent / "damaged"  # where it will be looked at: its words name the place
        ended = in_process(command(*scene.begin(made)), made)
        if ended.bad or ended.status != 0:
            raise RuntimeError(f"{name} does not run: {ended.output}")
        return made.rename(folder)

    def _work(self, use: str, folder: Path) -> Callable[[], int]:
        resume = f"train.resume={folder}"
        if use.startswith("data"):
            data = DATA[use.partition(" ")[2]]
            small = [word for word in TINY if not word.startswith("dataset.train_size")]
            shutil.rmtree(f"{folder}.run", ignore_errors=True)
            place = f"hydra.run.dir={folder}.run"
            return command(*data.words, *small, f"dataset.root={folder}", "debug=True", place)
        works: dict[str, Callable[[], int]] = {
            "resume": command(resume),
            "prolong": command(resume, "train.epochs=5"),
            "measure": command(resume, "measure=[angles]", "measure.angles.num_angles=2"),
            "load": lambda: _load(folder),
            "sweep": command(*SWEEP.begin(folder)),
            "comparison": lambda: _main("analysis.comparison", folder),
            "study": command(*STUDY.begin(folder)),
            "status": lambda: _main("studies.status", folder),
            "report": lambda: _main("studies.report", folder),
            "experiments": lambda: _experiments(folder),
        }
        return works[use]


def _job(seed: int) -> str:
    """The folder of a job of the sweep."""
    from run_folder import folder_name

    return folder_name([f"seed={seed}", *SWEEP.words[2:]])


def _main(module: str, *arguments: object) -> int:
    from importlib import import_module

    return import_module(module).main([str(each) for each in arguments])


def _experiments(folder: Path) -> int:
    file = folder.parent / "EXPERIMENTS.md"
    file.write_text("# Of the campaign\n")
    status = _main("studies.experiments", folder, "--file", file)
    sys.stdout.write(file.read_text().partition("<!-- study: campaign")[2])
    return status


def _load(folder: Path) -> int:
    """Load a trained net as notebooks do, and show what it says of images."""
    import torch

    from config_schema import exit_status
    from constructors import load_run

    def show() -> int:
        loaded = load_run(folder)
        images = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        sys.stdout.write(f"{loaded.model(images).tolist()}\n")
        return 0

    return exit_status(show)


def _complaints(ended: Ended) -> list[str]:
    """The lines that are not those of a run that goes well."""
    usual = re.compile(
        r"\s|epoch |(test|val|range|seconds)/|run folder|study|\[|\d+ of|\||\*\*|\w+ {3,}"
        r"|.*: unchecked$"
    )
    return [line for line in ended.output.splitlines() if line and not usual.match(line)]


def _plain(output: str) -> str:
    """What is told, without times and folders."""
    return re.sub(r"\d+:\d\d:\d\d|\| \d+ \|", "", output)
