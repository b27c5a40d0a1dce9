"""Surroundings: odd paths and variables, readers that go away, two processes, many epochs."""

import os
import resource
import subprocess
import sys
from pathlib import Path

from benchmarks.campaign.comparing import differences, left
from benchmarks.campaign.counts import Found
from benchmarks.campaign.process import command, in_process
from benchmarks.campaign.scenes import SMALL, TINY

__all__ = ["closed_output", "many_epochs", "odd_path", "surrounded", "two"]

EPOCHS = 200
MIB = 2**20


def surrounded(variables: dict[str, str | None], folder: Path) -> Found:
    """A run from another folder, in a process of its own, with these variables (None: without)."""
    told = {**os.environ, "OMP_NUM_THREADS": "1", **variables, "OUTPUT_DIR": None}
    given = {name: value for name, value in told.items() if value is not None}
    main = Path(sys.modules["main"].__file__ or "")
    ended = subprocess.run(
        [sys.executable, main, *SMALL],
        cwd=folder,
        env=given,
        capture_output=True,
        timeout=600,
        check=False,
    )
    seen = (ended.stdout + ended.stderr).decode(errors="replace")
    done = list(folder.glob("outputs/**/result.json"))
    bad = "tracebacks" if "Traceback" in seen else None
    return bad or (None if ended.returncode == 0 and done else "lost"), seen


def odd_path(name: str, folder: Path) -> Found:
    """A run in such a folder, named as the program's own advice quotes it, which goes on."""
    import shlex

    from config_schema.quoting import typed

    place = folder / name
    for word, further in (("hydra.run.dir", SMALL), ("train.resume", ("train.epochs=3",))):
        said = shlex.split(typed(word, place))
        ended = in_process(command(*said, *further), folder)
        if ended.bad or ended.status != 0:
            return ended.bad or "lost", ended.output
    return (None if (place / "result.json").exists() else "lost"), ended.output


def closed_output(folder: Path) -> Found:
    """`main.py … | head -1`: a reader that has gone away."""
    main = Path(sys.modules["main"].__file__ or "")
    process = subprocess.Popen(
        [sys.executable, main, *SMALL, f"hydra.run.dir={folder}/run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    process.stdout.close()
    seen = process.communicate(timeout=600)[1].decode(errors="replace")
    done = (folder / "run" / "result.json").exists()
    return ("tracebacks" if "Traceback" in seen else None if done else "lost"), seen


def two(folder: Path) -> Found:
    """The second of two processes is told that the first is at work; the first is not disturbed."""
    run = folder / "run"
    begin = command(*TINY, "train.epochs=40", f"hydra.run.dir={run}")

    def work() -> int:
        first = os.fork()
        status = begin()
        if not first:
            os._exit(status)
        other = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
        return 0 if sorted((status, other)) == [0, 1] else 2

    ended = in_process(work, folder)
    told = "another process is running in" in ended.output or "holds a run" in ended.output
    whole = folder / "whole"
    in_process(command(*TINY, "train.epochs=40", f"hydra.run.dir={whole}"), folder)
    if ended.bad or ended.status != 0 or not told:
        return ended.bad or "lost", ended.output
    wrong = differences(left(whole), left(run))
    return ("different" if wrong else None), "\n".join(wrong)


def many_epochs(folder: Path) -> Found:
    """Memory and open files after many epochs are those after a few."""
    words = (*TINY, f"train.epochs={EPOCHS}", "train.schedule=none", f"hydra.run.dir={folder}/run")

    def work() -> int:
        from training.fit import Fit

        seen: list[tuple[int, int]] = []
        end_epoch = Fit._end_epoch

        def counted(self: Fit) -> None:
            end_epoch(self)
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            seen.append((pages * resource.getpagesize(), len(os.listdir("/proc/self/fd"))))  # noqa: PTH208

        Fit._end_epoch = counted  # type: ignore[method-assign]
        status = command(*words)()
        early, late = seen[EPOCHS // 4], seen[-1]
        grown = (late[0] - early[0]) / MIB
        sys.stdout.write(f"{grown:.1f} MiB and {late[1] - early[1]} open files more\n")
        return status or int(grown > 16 or late[1] > early[1])

    ended = in_process(work, folder, patience=900)
    return ended.bad or (None if ended.status == 0 else "lost"), ended.output
