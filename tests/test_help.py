"""What the command line shows without a run: help, Hydra's own flags, what Tab offers."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import main
from command_line.options import PRESETS, groups
from composition import CONFIG_FOLDER
from tests.terminal import Terminal

MAIN = Path(main.__file__)


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
