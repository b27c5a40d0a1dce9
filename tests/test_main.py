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

import budget
import constructors
import main
import run
from command_line.announcement import say
from command_line.options import PRESETS, groups
from composition import CONFIG_FOLDER, Composition
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
        ("study=no/such", "study=no/such: should be /… or exact/… or "),
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


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys, main; main.main(['--help']); "
        "sys.exit(len({'torch', 'hydra', 'pydantic'} & set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=MAIN.parent, check=True, capture_output=True, text=True
    )
    assert re.search(r"base_group .* E2 .*\*SE2 .*T2\b", told.stdout)
    assert "hydra/launcher=joblib" in told.stdout


def test_hydras_own_flags_work(terminal: Terminal, tmp_path: Path) -> None:
    shown = terminal("--cfg", "job", "seed=3", "-p", "net")
    assert (shown.status, yaml.safe_load(shown.out)["hidden_channels"]) == (0, 8)
    assert terminal("seed=3", "--cfg=job", "net.pool=mean").out.count("\n  pool: mean\n") == 1
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "mine.yaml").write_text(
        "_target_: partial_equiv.ck.MLP\n_partial_: true\n"
    )
    shown = terminal("--config-dir", str(tmp_path), "kernel=mine", "--cfg", "job")
    assert yaml.safe_load(shown.out)["kernel"]["_target_"] == "partial_equiv.ck.MLP"
    assert "--cfg hydra" in terminal("--hydra-help", "conv._target_=0.0").out
    wrong = terminal("--info", "config", "nett=3")
    assert (wrong.status, wrong.err.splitlines()[-1][:7]) == (1, "nett=3:")


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
    assert line == f"hydra.run.dir={folder}: holds a run; train.resume={folder} continues it"
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


def test_help_says_of_each_option_what_it_is(terminal: Terminal) -> None:
    shown = terminal("--help").out
    for group in groups(CONFIG_FOLDER).values():
        for option in group.options:
            assert option in shown
            assert group.about(option) in shown or group.name not in PRESETS
    assert "exact/small-mnist" in shown
    assert "P4CNN at 27, 28 and 29 pixels and Z2CNN" in shown
    tracking = terminal("--help", "tracking").out
    assert "tracking=none  Plain files in the run folder only" in tracking
    assert "mode: auto # auto | online | offline" in tracking
    assert "tracking=none" not in terminal("--help", "tracking=wandb").out
    assert terminal("--help", "nett").err.endswith("(did you mean net?)\n")


@pytest.mark.parametrize(
    ("line", "offered", "not_offered"),
    [
        ("", "net= dataset= experiment= train. hydra/launcher=", "sweep= sweep/"),
        ("net=", "net=gcnn net=p4cnn", "net=_x"),
        ("study=exact/", "study=exact/sizes", "study=parity"),
        ("+experiment=g", "+experiment=gcnn", "+experiment=ckresnet"),
        ("experiment=ckresnet train.ep", "train.epochs=", "train.resume="),
        ("net.widths=[1 net.", "", "Traceback"),
        ("no.such=1 ~x train.", "", "Traceback"),
    ],
)
def test_tab_offers_what_can_be_typed(
    line: str,
    offered: str,
    not_offered: str,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COMP_LINE", f"python main.py {line}")
    answer = terminal("--shell-completion", "query=bash")
    assert answer.status == 0
    words = answer.out.split()
    assert set(offered.split()) <= set(words)
    assert not set(not_offered.split()) & {*words, *answer.err.split()}


@pytest.mark.parametrize("words", [[], ["query=tcsh"], ["x=1"], ["install=bash", "query=bash"]])
def test_a_completion_of_nothing_is_told(words: list[str], terminal: Terminal) -> None:
    answer = terminal("--shell-completion", *words)
    assert answer.status == 1
    assert answer.err.startswith("--shell-completion: needs install=")


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


def test_what_takes_long_says_how_much_there_is_of_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = iter(range(0, 1000, 5))
    monkeypatch.setattr("budget.time.thread_time", lambda: next(clock))
    with budget.building():
        net = torch.nn.Linear(200, 100)
        torch.nn.Linear(200, 100)
    budget.try_out(
        torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.Conv2d(8, 9, 3)), 1, (64, 64)
    )
    built, answered = caplog.messages
    assert built.startswith("building the net takes long, with ")
    assert answered.startswith("an image takes long, with 737 parameters and 0.0 GiB of results")
    assert all(each.endswith("Ctrl-C stops") for each in caplog.messages)
    assert sum(each.numel() for each in net.parameters()) == 20_100


def test_the_memory_of_a_step_is_about_what_gradients_need() -> None:
    """What torch keeps for them, of some images more; one step of 512 needs as much of each."""
    build = constructors.Build(constructors.compose(["net.hidden_channels=32", "dataset.size=32"]))
    kept = {}
    for number in (2, 6):
        stored: dict[int, int] = {}

        def note(tensor: torch.Tensor, stored: dict[int, int] = stored) -> torch.Tensor:
            storage = tensor.untyped_storage()
            stored[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            held = build.model(torch.zeros(number, 1, 32, 32))
        kept[number] = sum(stored.values())
        del held
    needed = 512 * (kept[6] - kept[2]) / 4 / 2**30
    told = budget.try_out(build.model, 1, (32, 32), 512)
    assert 1 < told / needed < 2
    assert str(constructors.Checked(7, "cpu", told)) == "7 parameters on the cpu, " + (
        f"a step takes about {told:.0f} GiB"
    )


def test_what_needs_no_net_loads_no_torch() -> None:
    script = (
        "import sys, main; "
        "main.main(['--cfg', 'job', 'experiment=ckresnet', 'dataset.root=~/a']); "
        "main.main(['--shell-completion', 'query=bash']); main.main(['-m', 'seed=0,1', 'nett=3']); "
        "sys.exit(len({'torch', 'pydantic', 'wandb', 'lightning_fabric'} & set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", script],
        cwd=MAIN.parent,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "COMP_LINE": "main.py net="},
    )
    assert "net=gcnn" in told.stdout
    assert "nett=3: the config has no nett" in told.stderr


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
