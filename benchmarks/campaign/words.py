"""Words: whatever stands on the command line is refused in a line, or can be run; and soon."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from benchmarks.campaign.counts import Counts
from benchmarks.campaign.process import command, in_process
from benchmarks.campaign.scenes import TINY

__all__ = ["words"]

SECONDS = 120  # for the check of some words; the machine may be busy
RUNS = 12  # of so many sets of words that are accepted, one is run
PROCESSES = 100  # of so many sets of words, one is given to a real process
GIB = 2**30
HYDRA = (
    *("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.verbose", "hydra.mode"),
    *("hydra/launcher", "hydra.launcher.n_jobs", "hydra.job.name", "hydra.searchpath", "hydra"),
    *("hydra.job.chdir", "hydra/sweeper", "hydra.sweeper.params", "hydra/job_logging"),
)
ODD = (
    *("", "null", "None", "true", "False", "0", "1", "-1", "2", "3", "7", "1e-3", "0.5", "1e400"),
    *("nan", "inf", "-inf", "1e20", "123456789012345678901234567890", "[]", "{}", "[0]", "[1,2]"),
    *(
        "[[1]]",
        "{a:1}",
        "[null]",
        "'a b'",
        "'it\\'s'",
        '"x"',
        "???",
        "${seed}",
        "${nope}",
        "${",
        "$",
    ),
    *("${oc.env:NOPE}", "${now:%Y}", "choice(1,2)", "range(3)", "interval(0,1)", "glob(*)", "1,2"),
    *(
        "a,b",
        "ä€",
        "a=b",
        "~/x",
        "/dev/null",
        "..",
        ".",
        "*",
        "a/b",
        "a:b",
        "@",
        "\\",
        "#",
        "[",
        "}",
    ),
    *("os.system", "torch.nn.Identity", "mean", "max", "uniform", "random", "cpu", "auto", "adam"),
)
TARGETS = (
    *("models.gcnn.GCNN", "torch.nn.Identity", "torch.nn.Linear", "os.system", "builtins.dict"),
    *("partial_equiv.groups.SO2", "partial_equiv.ck.Siren", "datasets.digits.Digits", "no.such"),
    *(
        "partial_equiv.gconv.GroupConv",
        "trainer.Trainer",
        "tracking.JsonTracker",
        "models",
        "x.",
        "",
    ),
)
FLAGS = (
    "-m",
    "--multirun",
    "--cfg=job",
    "-p",
    "--resolve",
    "--config-name=x",
    "--info",
    "--hydra-help",
)


def words(count: int, seed: int, place: Path) -> Counts:
    """Check so many sets of words in this process, run some of them, give some to real ones."""
    import resource

    counts, choose = Counts("words"), random.Random(seed)
    root = Path.cwd()
    os.chdir(place)
    resource.setrlimit(resource.RLIMIT_AS, (16 * GIB, resource.getrlimit(resource.RLIMIT_AS)[1]))

    def attempt(said: list[str]) -> None:
        end, seen, accepted = _checked(said)
        counts.case(_shown(said), end, seen)
        if end is None and accepted and choose.randrange(RUNS) == 0:
            _run([*said, *_beside(said)], counts, place)
        if choose.randrange(PROCESSES) == 0:
            _process(said, counts, root)

    explore = given(_sets(_keys()))(attempt)
    quiet = settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    quiet(seeded(seed)(explore))()
    return counts


def _keys() -> dict[str, list[str]]:
    """The groups with their options, and the keys of several configs, which have none."""
    from omegaconf import OmegaConf

    from command_line.options import groups
    from composition import CONFIG_FOLDER
    from constructors import compose

    found = {name: list(group.options) for name, group in groups(CONFIG_FOLDER).items()}
    for beside in ([], ["net=ckresnet"], ["dataset=mnist", "measure=[gallery]"], ["kernel=magnet"]):
        found |= {key: [] for key in _flat(OmegaConf.to_container(compose(beside)))}
    return found | {key: [] for key in (*HYDRA, "study.rows", "train.resume", "packages")}


def _flat(node: object, prefix: str = "") -> Iterator[str]:
    for key, value in node.items() if isinstance(node, dict) else ():
        yield f"{prefix}{key}"
        yield from _flat(value, f"{prefix}{key}.")


def _sets(keys: dict[str, list[str]]) -> st.SearchStrategy[list[str]]:
    """One to four words: right ones with odd values, odd ones, and all that is between."""
    odd = st.sampled_from(ODD)
    numbers = st.one_of(st.integers(-3, 40), st.integers(), st.floats()).map(str)
    text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
    values = st.one_of(odd, odd, numbers, text)
    lists = st.lists(values, max_size=3).map(lambda each: f"[{','.join(each)}]")
    prefix = st.sampled_from(["", "", "", "", "", "+", "++", "~"])
    options = {key: known for key, known in keys.items() if known}
    choice = st.sampled_from(sorted(options)).flatmap(
        lambda key: st.sampled_from(options[key]).map(lambda option: f"{key}={option}")
    )
    value = st.builds("{}{}={}".format, prefix, st.sampled_from(sorted(keys)), values | lists)
    target = st.builds(
        "{}{}._target_={}".format,
        prefix,
        st.sampled_from(["net", "conv", "kernel", "base_group", "dataset", "task", "train"]),
        st.sampled_from(TARGETS),
    )
    further = st.builds(
        "{}{}.{}={}".format,
        prefix,
        st.sampled_from(sorted(keys)),
        st.text("abz_.", max_size=4),
        odd,
    )
    word = st.one_of(value, value, value, choice, choice, target, further, text)
    flags = st.sampled_from([[], [], [], [], [], *([flag] for flag in FLAGS)])
    return st.builds(
        lambda said, flag: [*flag, *said], st.lists(word, min_size=1, max_size=4), flags
    )


def _checked(said: Sequence[str]) -> tuple[str | None, str, bool]:
    """How the check of some words ended: badly (None: not), what was seen, were they accepted."""
    import traceback

    from hydra._internal.utils import get_args_parser

    from command_line.preparation import prepare
    from config_schema import ConfigError, complaint

    def refuse(message: str) -> None:
        raise ConfigError(message)

    parser = get_args_parser()
    parser.error = refuse  # type: ignore[assignment]
    try:
        with _limit(SECONDS):
            prepare(parser.parse_intermixed_args(list(said)))
    except _TooLong:
        return "hangs", traceback.format_exc(), False
    except Exception as error:
        told = complaint(error)
        if told is None:
            return "tracebacks", traceback.format_exc(), False
        if not told.strip() or "Traceback" in told:
            return "tracebacks", f"a complaint without a word: {told!r}", False
        return None, told, False
    return None, "", True


class _TooLong(BaseException):
    """A check took too long."""


@contextmanager
def _limit(seconds: int) -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _TooLong

    before: Callable[[int, FrameType | None], object] | int | None = signal.signal(
        signal.SIGALRM, stop
    )
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _beside(said: Sequence[str]) -> list[str]:
    """Words that keep a run small and where it belongs, as far as the others leave room."""
    taken = {word.lstrip("+~").partition("=")[0] for word in said}
    small = [*TINY, "debug=True"]
    if taken & {"net", "experiment", "study"} or any(word.startswith("-") for word in said):
        small = ["tracking=none", "debug=True"]
    return [word for word in small if word.partition("=")[0] not in taken]


def _run(said: Sequence[str], counts: Counts, place: Path) -> None:
    ended = in_process(command(*said), place / "run")
    counts.case(f"run: {_shown(said)}", ended.bad, ended.output)


def _process(said: Sequence[str], counts: Counts, root: Path) -> None:
    """Give words to a process of their own; with --cfg it runs nothing."""
    line = [sys.executable, str(root / "main.py"), "--cfg=job", *said]
    try:
        ended = subprocess.run(
            line, capture_output=True, text=True, errors="replace", timeout=2 * SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        counts.case(f"process: {_shown(said)}", "hangs")
        return
    bad = "tracebacks" if "Traceback (most recent" in ended.stdout + ended.stderr else None
    counts.case(f"process: {_shown(said)}", bad, ended.stderr)


def _shown(said: Sequence[str]) -> str:
    import shlex

    return shlex.join(said)
