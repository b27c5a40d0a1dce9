"""The command line: what it refuses, what a run leaves, how it goes on."""

import functools
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import torch
import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl

import main
import run
from command_line.announcement import say
from composition import Composition
from constructors import checking
from models.gcnn import GCNN
from run_folder import claim
from tests.terminal import Terminal

MAIN = Path(main.__file__)
TINY = [
    "tracking=none",
    "net.hidden_channels=2",
    "net.widths=[1]",
    "base_group.num_samples=4",
    "dataset.train_size=40",
    "train.epochs=1",
]


def epochs(folder: Path) -> list[int]:
    """The epochs that a run has recorded."""
    return [
        json.loads(line)["epoch"] for line in (folder / "metrics.jsonl").read_text().splitlines()
    ]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("net.hiden_channels=3", "net.hiden_channels=3: net has no hiden_channels, only dropout, "),
        ("net.hiden_channels=3", "(did you mean hidden_channels?)"),
        ("nett=gcnn", "nett=gcnn: the config has no nett, only "),
        ("nett=gcnn", "(did you mean net?)"),
        ("nte.pool=max", "nte=max: the config has no nte, only "),
        ("net=gcn", "net=gcn: should be "),
        ("net=gcn", "(did you mean gcnn?)"),
        ("net=null", "net=null: should be "),
        ("kernel=[siren,sirem]", "kernel=sirem: should be "),
        ("+extra=1", "extra=1: the config has no extra, only "),
        ("+net.foo=1", "net.foo=1: GCNN takes no foo, only "),
        ("+net.pool=max", "+net.pool=max: is there already, leave out the +"),
        ("study=no/such", " or small or speed or benchmark/… or exact/… or "),
        ("+experiment=ckrsnet", "(did you mean ckresnet?)"),
        ("net", "net: should be written net=value"),
        ("=3", "=3: should be written key=value"),
        ("seed='a", "seed='a: cannot be read"),
        ("net.widths=[1,", "net.widths=[1,: cannot be read"),
        ("seed=0,1", "seed=0,1: several values need --multirun"),
        ("seed.x=1", "seed.x=1: seed is a value and has no x"),
        ("~net.foo", "net.foo=null: net has no foo"),
        ("~net", "net: is missing"),
        ("hydra/launcher=jobli", "(did you mean joblib?)"),
        ("hydra.vebose=1", "(did you mean verbose?)"),
        ("hydra.job.chdir=maybe", "hydra.job.chdir=maybe: "),
        ("net.hidden_channels=abc", "net.hidden_channels=abc: should be an integer"),
        ("base_group=T2", "conv.partial=True: the trivial group has no proper subset"),
        ("net._target_=os.system", "net._target_=os.system: is not allowed"),
        ("train.resume=/no/such", "train.resume=/no/such: the run folder does not exist"),
        ("--nonsense", "--nonsense"),
        ("--config-dir=/no/such", "/no/such: there is no such folder"),
        ("--multirun --cfg=job", "Only one of --run, --multirun, --cfg"),
        ("-m net=gcnn,gcn", "net=gcn: should be "),
        ("-m seed=0,a", "seed=a: should be an integer"),
        ("-m seed=interval(0,1)", "seed=interval(0,1): cannot be read"),
        ("-m seed=0,1 train.epochs=-1", "train.epochs=-1: should be greater than or equal to 0"),
        ("-m +extra=1,2", "extra=1: the config has no extra"),
        (
            "dataset=mnist dataset.root=nowhere dataset.download=False tracking=none",
            "looked in nowhere",
        ),
    ],
)
def test_a_wrong_word_is_told_in_one_line(
    words: str, complaint: str, terminal: Terminal, tmp_path: Path
) -> None:
    answer = terminal(*words.split(" "))
    told = answer.err or answer.out
    assert answer.status != 0
    assert complaint in told
    assert "Traceback" not in answer.err + answer.out
    assert len(told.splitlines()) == (2 if "1,2" in words else 1), told
    assert not list(tmp_path.rglob("result.json"))
    assert not list(tmp_path.rglob("multirun.yaml")), "a wrong sweep starts nothing"


def test_all_wrong_words_are_told_at_once(terminal: Terminal) -> None:
    answer = terminal("net.hiden_channels=3", "kernel=sirn", "sed=1", "net.widths=[1")
    assert sorted(line.partition("=")[0] for line in answer.err.splitlines()) == [
        "kernel", "net.hiden_channels", "net.widths", "sed",
    ]  # fmt: skip


def test_the_traceback_is_there_if_asked_for(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(ValueError, match="should be an integer"):
        terminal("seed=a")


def test_a_run_leaves_its_result(terminal: Terminal, tmp_path: Path) -> None:
    answer = terminal(*TINY, "seed=3")
    assert answer.status == 0, answer.err
    (result,) = tmp_path.rglob("result.json")
    assert json.loads(result.read_text())["test/accuracy"] >= 0
    config = yaml.safe_load((result.parent / "config.yaml").read_text())
    about = config["about"]
    assert (config["seed"], about["chosen"]["net"], len(about["commit"])) == (3, "gcnn", 40)
    assert about["threads"] >= 1
    assert about["torch"] == torch.__version__.partition("+")[0]
    assert (result.parent / "metrics.jsonl").stat().st_size > 0
    assert "test/accuracy" in answer.out
    assert "range/lifting" in answer.out
    assert f"run folder: {os.path.relpath(result.parent)}" in answer.out


def test_the_way_of_a_run_is_short(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Composed for the check and by Hydra, built for the check and for the run, and no more.

    Hydra composes twice: to know its mode, and for the job.
    """
    counts: Counter[str] = Counter()

    def counted(owner: type, name: str) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def call(*arguments: object, **named: object) -> object:
            counts[name] += 1
            return original(*arguments, **named)

        monkeypatch.setattr(owner, name, call)

    counted(Composition, "config")
    counted(ConfigLoaderImpl, "load_configuration")
    counted(GCNN, "__init__")
    assert terminal(*TINY, "debug=True").status == 0
    assert counts == {"config": 1, "load_configuration": 1 + 2, "__init__": 2}


def test_a_run_goes_on_in_its_folder(terminal: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert terminal(*TINY, f"hydra.run.dir={folder}").status == 0
    again = terminal(*TINY, f"hydra.run.dir={folder}")
    told, parameters, line = again.out.splitlines()
    assert told.startswith("gcnn SE2 digits hidden_channels=2 widths=[1] num_samples=4 ")
    assert re.fullmatch(r"[\d,]+ parameters on the (cpu|cuda)", parameters)
    words = f"train.resume={folder} continues it"
    assert line == f"hydra.run.dir={folder}: holds a finished run; {words}"
    other = terminal(f"train.resume={folder}", "net.hidden_channels=3")
    assert other.out.splitlines()[2].startswith("net.hidden_channels=3: the run in ")
    assert len(other.out.splitlines()) - 2 == again.status == other.status == 1
    assert terminal(f"train.resume={folder}", "train.epochs=2").status == 0
    assert max(epochs(folder)) == 2
    assert json.loads((folder / "result.json").read_text())["epochs"] == 2


def test_a_folder_in_use_is_left_alone(terminal: Terminal, tmp_path: Path) -> None:
    with claim(tmp_path):
        answer = terminal(*TINY, f"hydra.run.dir={tmp_path}")
    assert answer.status == 1
    assert answer.out.splitlines()[2:] == [f"another process is running in {tmp_path}"]
    assert not (tmp_path / "config.yaml").exists()


def test_an_output_folder_that_cannot_be_made(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("OUTPUT_DIR", str(tmp_path / "file"))
    answer = terminal(*TINY)
    assert answer.status == 1
    assert answer.err.endswith(": Not a directory\n")


@pytest.mark.parametrize(
    ("error", "lines"), [(OSError(28, "No space left on device", "x"), 1), (KeyError("bug"), None)]
)
def test_a_bug_is_shown_and_a_full_disk_is_told(
    error: Exception, lines: int | None, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(run, "run", fail)
    answer = terminal(*TINY)
    assert answer.status == 1
    assert ("Traceback" in answer.err) == (lines is None)
    assert lines is None or answer.out.splitlines()[2:] == ["x: No space left on device"]


@pytest.mark.slow
def test_an_interrupted_run_says_how_to_go_on(terminal: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = [*TINY[:-1], f"hydra.run.dir={folder}", "train.epochs=5000"]
    process = subprocess.Popen(
        [sys.executable, MAIN, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (folder / "checkpoints" / "last.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out.splitlines()[-1] == (
        f"interrupted; train.resume={os.path.relpath(folder)} continues the run"
    )
    assert "Traceback" not in err
    assert not (folder / "result.json").exists()
    records = (folder / "metrics.jsonl").read_text().splitlines()
    assert terminal(f"train.resume={folder}", f"train.epochs={len(records) + 2}").status == 0
    assert (folder / "metrics.jsonl").read_text().splitlines()[: len(records)] == records


def test_a_run_says_what_it_is_before_torch_is_loaded(tmp_path: Path) -> None:
    script = (
        "import sys, main, command_line.preparation as module; "
        "module._check = lambda *_, **__: sys.exit(len({'torch', 'wandb'} & set(sys.modules))); "
        f"main.main(['debug=True', 'seed=3', {f'hydra.run.dir={tmp_path}'!r}])"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=MAIN.parent, check=True, capture_output=True, text=True
    )
    place = os.path.relpath(tmp_path, MAIN.parent)
    assert told.stdout == f"dry run: gcnn SE2 digits seed 3, device auto, in {place}\n"


def test_an_interrupted_check_is_one_line(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(checking, "try_out", lambda *_: signal.raise_signal(signal.SIGINT))
    answer = terminal(*TINY, f"hydra.run.dir={tmp_path / 'run'}")
    assert (answer.status, answer.err) == (130, "interrupted before anything was written\n")
    assert len(answer.out.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("encoding", "written"), [("ascii", "in ?ber\n"), ("utf-8", "in über\n")])
def test_a_line_is_said_in_any_encoding(
    encoding: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(heard, encoding=encoding))
    say("in über")
    assert heard.getvalue().decode() == written


def test_a_line_that_nobody_reads_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in `python main.py | head -1`."""
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as closed:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", closed)
        say("gcnn SE2 digits")
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), write)  # what is left to write goes there
