"""Shortages: a full disk, a read-only folder, little memory, few open files."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.campaign.comparing import differences, left
from benchmarks.campaign.counts import Found
from benchmarks.campaign.process import Ended, command, in_process
from benchmarks.campaign.scenes import RUN, SMALL

__all__ = ["full_disk", "less_memory", "limited", "read_only"]

MIB = 2**20


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


def limited(what: int, least: int, folder: Path) -> Found:
    def work() -> int:
        resource.setrlimit(what, (least, least))
        return command(*RUN.begin(folder))()

    return _goes_on(in_process(work, folder), folder, "the limit")


def less_memory(mib: int, folder: Path) -> Found:
    def work() -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + mib * MIB
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        return command(*RUN.begin(folder))()

    return _goes_on(in_process(work, folder), folder, "the limit")


def full_disk(folder: Path) -> Found:
    """Runs of which the disk holds one or two; where none may be mounted, files stay small."""
    disk = folder / "disk"
    disk.mkdir()
    if not _mounted(disk, "size=2m"):
        sys.stdout.write("no disk can be mounted here: files are limited instead\n")
        return limited(resource.RLIMIT_FSIZE, 50_000, folder)
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


def read_only(folder: Path) -> Found:
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
