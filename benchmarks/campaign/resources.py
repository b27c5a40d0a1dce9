"""Resources: a full disk, a read-only folder, little memory, few open files, odd surroundings."""

import os
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.campaign.comparing import differences, left
from benchmarks.campaign.counts import Counts
from benchmarks.campaign.process import Ended, command, in_process
from benchmarks.campaign.scenes import RUN, TINY

__all__ = ["resources"]

MIB = 2**20
EPOCHS = 200
SMALL = (*TINY, "train.epochs=2")


def resources(count: int, seed: int, place: Path) -> Counts:
    """Try all shortages and surroundings, or `count` of them; nothing in them is random."""
    counts, attempts = Counts("resources"), list(_attempts().items())
    if count < len(attempts):
        attempts = random.Random(seed).sample(attempts, count)
    for name, attempt in attempts:
        folder = place / name.replace(" ", "_")
        folder.mkdir()
        counts.case(name, *attempt(folder))
    return counts


Found = tuple[str | None, str]
"""How a case ended badly (None: well), and what was seen."""


def _attempts() -> dict[str, Callable[[Path], Found]]:
    odd = {
        "a space": "a b",
        "accents": "ü é 漢字",
        "an equals sign": "a=b,c",
        "brackets": "[a]{b}",
        "quotes": 'it\'s "so"',
        "a dollar and a star": "$HOME *",
    }
    files = {
        f"{least} bytes a file": partial(_limited, resource.RLIMIT_FSIZE, least)
        for least in (0, 100, 2000, 20_000, 100_000)
    }
    few = {
        f"{number} open files": partial(_limited, resource.RLIMIT_NOFILE, number)
        for number in (8, 16, 24, 32)
    }
    memory = {f"{mib} MiB more memory": partial(_less_memory, mib) for mib in (1, 20, 60, 200)}
    return {
        "a full disk": _full_disk,
        **files,
        **few,
        **memory,
        "a read-only folder": _read_only,
        "no home": partial(_surrounded, {"HOME": None, "USER": None, "LOGNAME": None}),
        "a home that is not there": partial(_surrounded, {"HOME": "/nowhere"}),
        "the locale C": partial(_surrounded, {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"}),
        "an encoding of 7 bits": partial(_surrounded, {"PYTHONIOENCODING": "ascii"}),
        "no variables": partial(_surrounded, dict.fromkeys(os.environ)),
        **{f"a path with {what}": partial(_odd_path, path) for what, path in odd.items()},
        "another working directory": partial(_surrounded, {}),
        "a closed output": _closed_output,
        "two processes in one folder": _two,
        "many epochs": _many_epochs,
    }


def _told(ended: Ended) -> Found:
    """Either it has run, or it says in a few lines why not."""
    if ended.bad or ended.status == 0:
        return ended.bad, ended.output
    lines = [line for line in ended.output.splitlines() if line.strip()]
    return (None if lines and (ended.status or 0) > 0 else "lost"), ended.output


def _goes_on(ended: Ended, folder: Path, limits: str) -> Found:
    """After a shortage that was told, the run goes on where there is enough."""
    end, seen = _told(ended)
    if end is not None or ended.status == 0:
        return end, seen
    again = in_process(command(*RUN.go_on(folder)), folder)
    if again.bad or again.status != 0:
        return again.bad or "lost", f"{seen}\n{limits} is over:\n{again.output}"
    whole = folder.with_name(f"{folder.name}-whole")
    expected = in_process(command(*RUN.begin(whole)), whole)
    wrong = differences(left(whole), left(folder)) if expected.status == 0 else ["the reference"]
    return ("different" if wrong else None), "\n".join(wrong)


def _limited(what: int, least: int, folder: Path) -> Found:
    def work() -> int:
        resource.setrlimit(what, (least, least))
        return command(*RUN.begin(folder))()

    return _goes_on(in_process(work, folder), folder, "the limit")


def _less_memory(mib: int, folder: Path) -> Found:
    def work() -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + mib * MIB
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        return command(*RUN.begin(folder))()

    return _goes_on(in_process(work, folder), folder, "the limit")


def _full_disk(folder: Path) -> Found:
    """Runs of which the disk holds one or two; where none may be mounted, files stay small."""
    disk = folder / "disk"
    disk.mkdir()
    if not _mounted(disk, "size=2m"):
        sys.stdout.write("no disk can be mounted here: files are limited instead\n")
        return _limited(resource.RLIMIT_FSIZE, 50_000, folder)
    try:
        full = 0
        for free in (0, 1, 4, 16, 64, 100, 200):  # KiB, of which a run needs about 150
            for each in disk.iterdir():
                shutil.rmtree(each)
            filling = disk / "filling"
            space = os.statvfs(disk)
            filling.write_bytes(bytes(max(0, space.f_bavail * space.f_bsize - free * 1024)))
            run = disk / str(free)
            ended = in_process(command(*RUN.begin(run)), folder)
            end, seen = _told(ended)
            full += ended.status != 0
            filling.unlink()
            if end is None and ended.status:
                end, seen = _goes_on(ended, run, "the disk's shortage")
            if end is not None:
                return end, f"{free} KiB: {seen}"
        return (None if full else "lost"), "no run was stopped by the full disk"
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def _read_only(folder: Path) -> Found:
    """A folder that may not be written: for root, who may write anywhere, a disk of that kind."""
    place = folder / "place"
    place.mkdir(mode=0o555)
    mounted = os.getuid() == 0 and _mounted(place, "ro")
    if os.getuid() == 0 and not mounted:
        return None, "no disk can be mounted here, and root may write anywhere"
    try:
        ended = in_process(command(*SMALL, f"hydra.run.dir={place}/run"), folder)
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=False)
    told = ended.output.count("\n") <= 3  # what it is about to do, in two lines, and why not
    return ended.bad or (None if ended.status == 1 and told else "lost"), ended.output


def _mounted(place: Path, options: str) -> bool:
    """Mount a small disk in memory, if that is permitted."""
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    return not subprocess.run(mount, capture_output=True, check=False).returncode


def _surrounded(variables: dict[str, str | None], folder: Path) -> Found:
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


def _odd_path(name: str, folder: Path) -> Found:
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


def _closed_output(folder: Path) -> Found:
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


def _two(folder: Path) -> Found:
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


def _many_epochs(folder: Path) -> Found:
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
