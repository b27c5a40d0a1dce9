"""Odd words: each one is told in one line, before anything is written, and soon."""

import re
import shlex
import time
from pathlib import Path

import pytest
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser

from command_line.preparation import prepare
from command_line.spelling import spelled
from command_line.sweep import Sweep
from command_line.words import continued
from composition import Composition
from config_schema import ConfigError
from config_schema.quoting import quoted, typed
from constructors import compose
from run_folder import write_config

OWN = "is not for the command line; of Hydra's own there are hydra.run.dir, "
MUCH = r"net: .*more than .* multiplications|takes .* GiB"
ODD = {
    # choices of the wrong form
    "~net=ckresnet": "~net=ckresnet: ~net leaves it out, net=… chooses another one",
    "+net=gcnn": "+net=gcnn: there is a choice already, write net=gcnn",
    "++net=gcnn": "++net=gcnn: there is a choice already, write net=gcnn",
    "net@foo=gcnn": "net@foo=gcnn: nothing chooses a net for foo",
    "net@=gcnn": "net@=gcnn: nothing chooses a net for no place",
    "experiment=x": "experiment=x: should be ",
    "~net": "net: is missing",
    "net={a:1}": "net={a:1}: should be ",
    # Hydra's own keys
    "hydra.run.dir=???": r"hydra.run.dir=???: is no value for it",
    "hydra.run.dir=${nope}": "hydra.run.dir: Interpolation key 'nope' not found",
    "hydra.sweep.dir=???": "hydra.sweep.dir=???: is no value for it",
    "-m seed=1,2 hydra.sweep.dir=${nope}": "hydra.sweep.dir: Interpolation key 'nope' not found",
    "-m hydra.sweep.subdir=???": "hydra.sweep.subdir=???: is no value for it",
    "hydra.verbose=3": "hydra.verbose=3: is no value for it",
    "hydra.mode=X": "hydra.mode=X: is no value for it",
    "hydra.sweeper.params.a=b": "hydra.sweeper.params.a=b: is below a key that holds nothing",
    "hydra.vebose=1": "(did you mean verbose?)",
    "hydra.job_logging.version=7": f"hydra.job_logging.version=7: {OWN}",
    "hydra.job.name=a/b": f"hydra.job.name=a/b: {OWN}",
    "hydra.job.chdir=true": f"hydra.job.chdir=true: {OWN}",
    "+hydra.job.env_set.A=b": f"+hydra.job.env_set.A=b: {OWN}",
    "+hydra.callbacks.a={_target_:joblib.load,filename:x}": OWN,
    "hydra.launcher._target_=os.system": OWN,
    "hydra.output_subdir=x": OWN,
    "~hydra": OWN,
    "hydra=none": OWN,
    "hydra/sweeper=nope": "hydra/sweeper=nope: should be basic",
    "hydra.searchpath=[/dev/null/nowhere]": ": /dev/null/nowhere is not there",
    "hydra.searchpath=[file:///dev/null/nowhere]": "file:///dev/null/nowhere is not there",
    "hydra.searchpath=[pkg://no.such]": "pkg://no.such is not there",
    "--config-name=net/gcnn": "--config-name=net/gcnn: is an option, write net=gcnn",
    # one key said twice
    "net=gcnn net=ckresnet": "net=ckresnet: net is said twice, net=gcnn before",
    "seed=0 seed=1": "seed=1: seed is said twice, seed=0 before",
    "seed=0 +seed=1": "+seed=1: seed is said twice, seed=0 before",
    "experiment=rotmnist/ckresnet +experiment=rotmnist/ckresnet": "experiment is said twice",
    "-m seed=0,1 seed=2": "seed=2: seed is said twice, seed=0,1 before",
    # values that do not go together, or are none
    "+tracking._partial_=true": "tracking._partial_=true: should be false",
    "tracking._target_=torch.nn.Identity": "tracking._target_=torch.nn.Identity: is not allowed",
    "train.final_learning_rate=1": "train.final_learning_rate=1.0: is above learning_rate=0.01",
    "train.warmup_epochs=100": "train.warmup_epochs=100: is more than epochs=25",
    "net.pools=[0,0]": "net.pools=[0, 0]: names a layer twice",
    "net.dropout=1": "net.dropout=1: should be less than 1",
    "net.widths=[0.001]": "net.widths=[0.001]: layer 1 of 8 x 0.001 channels has none left",
    "train.accumulate=1e20": "should be an integer",
    f"train.accumulate={10**20}": "should be less than or equal to 2147483647",
    "packages=[no,3]": "packages[1]=3: should be a string",
    # sizes that no machine holds, or that images do not have
    "net.hidden_channels=1000000000": MUCH,
    "net.widths=[1000000]": MUCH,
    "base_group.num_samples=100000": MUCH,
    "base_group=cyclic base_group.order=1000": MUCH,
    "dataset.size=100000": MUCH,
    "conv.kernel_size=101": "conv.kernel_size=101: more than 33 serve no image of 16 pixels",
    "net.kernel_size=99": "net.kernel_size=99: more than 33 serve no image of 16 pixels",
    "conv.padding=1000": "conv.padding=1000: more than 33 serve no image of 16 pixels",
    "dataset.size=1": "more than 3 serve no image of 1 pixels",
    "dataset.size=2": "net: cannot answer images of 2 x 2 pixels",
    "net=ckresnet conv.padding=1": "conv.padding=1: with kernel_size=5",
    # hints, and no hint rather than a wrong one
    "debug=1": "debug=1: should be True or False",
    "kernel=SIREN": "(did you mean siren?)",
    "base_group=se2": "(did you mean SE2?)",
    "train.lr=0.1": "(did you mean learning_rate?)",
    "epochs=3": "(did you mean train.epochs?)",
    "measure=[predict]": r"sizes",
    "measure.meter.num_turns=8": "nothing chooses meter, write measure=[meter] too",
}  # fmt: skip


def told(*words: str) -> str:
    """What is said of words that are refused."""

    def refuse(message: str) -> None:
        raise ConfigError(message)

    parser = get_args_parser()
    parser.error = refuse
    with pytest.raises(ConfigError) as caught:
        prepare(parser.parse_intermixed_args(list(words)))
    return str(caught.value)


@pytest.mark.parametrize("words", ODD)
def test_an_odd_word_is_told_in_one_line(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTPUT_DIR", str(tmp_path))
    start = time.process_time()
    line = told(*words.split(" "))
    expected = ODD[words]
    assert expected in line or re.search(expected, line), line
    assert len(line.splitlines()) == 1
    assert time.process_time() - start < 10
    assert not list(tmp_path.iterdir())


PATHS = [
    "~/pictures", "a b", "seed=0,tracking=none", "a,b", "[a]", "it's", "{a: b}", "a\\", "#1", "ü/é",
    "$HOME", "(a)", "a;b", '"a"', "x\\'",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_path_means_itself(path: str) -> None:
    parser = OverridesParser.create()
    (word,) = shlex.split(typed("train.resume", path))  # as it is printed, and pasted
    assert parser.parse_override(word).value() == path
    (again,) = spelled([word])
    assert parser.parse_override(again).value() == path
    if "\\" not in path and path[0] != '"':  # as a user of the shell types it
        (plain,) = spelled([f"dataset.root={path}"])
        assert parser.parse_override(plain).value() == path.replace("~", str(Path.home()))
        assert (
            compose(["dataset=mnist", plain]).dataset.root == parser.parse_override(plain).value()
        )


@pytest.mark.parametrize("name", ["plain", "a b", "seed=0,x", "[1]", "it's", "ü"])
def test_what_an_interrupted_sweep_prints_leads_to_its_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = Sweep(tmp_path / name, (tmp_path / name / "seed=0",))
    _, word, *_ = shlex.split(sweep.how_to_continue)
    assert Composition().config([word], with_hydra=True).hydra.sweep.dir == name


def test_only_paths_are_quoted_and_only_once() -> None:
    kept = ["net.widths=[1,2]", "train.resume=null", "dataset.root='a b'", "seed=1", "net=gcnn"]
    assert spelled(kept) == kept
    assert spelled(["dataset.root=${oc.env:HOME}/x"]) == ["dataset.root=${oc.env:HOME}/x"]
    assert spelled(["dataset.root=a,b"], sweep=True) == ["dataset.root=a,b"]
    assert spelled(["dataset.root=a=b"], sweep=True) == ["dataset.root='a=b'"]
    assert spelled(["experiment=a/b", "+experiment=a/b"]) == ["+experiment=a/b"] * 2


def test_both_spellings_of_an_experiment_are_one() -> None:
    (word,) = spelled(["experiment=exact/p4"])
    assert compose([word]) == compose(["+experiment=exact/p4"])


def test_a_setting_of_what_is_swept_over_is_no_circle(tmp_path: Path) -> None:
    arguments = get_args_parser().parse_args(
        ["-m", "dataset=mnist,rotmnist", "dataset.root=a=b", f"hydra.sweep.dir={tmp_path}"]
    )
    prepared = prepare(arguments)
    assert prepared.runs is not None
    assert len(prepared.runs.jobs) == 2
    assert "dataset=mnist,rotmnist" in prepared.overrides
    line = told("-m", "dataset=digits,mnist", "dataset.root=X")
    assert line.startswith("dataset.root=X: dataset has no root, only ")


def begun(folder: Path, *words: str) -> Path:
    """A run folder with a checkpoint and these words."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last.pt").touch()
    write_config(folder, {}, words)
    return folder


def test_from_a_run_folder_come_plain_values_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = ["net=gcnn", "seed=3", "net.pools=[0]", "+experiment=rotmnist/ckresnet", "tracking=none"]
    bad = [
        "+hydra.callbacks.a={_target_:joblib.load,filename:x}",
        "hydra.searchpath=[/tmp]",
        "hydra.job.env_set={A:b}",
        "hydra.launcher._target_=os.system",
        "hydra.run.dir=/tmp/elsewhere",
        "hydra/launcher=joblib",
        "tracking.mode=online",
        "tracking=wandb",
        "dataset.root=/etc",
        "++dataset.source.root=/etc",
        "train.seed=${oc.env:SECRET}",
        "net=../../../tmp/evil",
        "packages=[evil]",
    ]
    folder = begun(tmp_path / "run", *good, *bad)
    words = continued([f"train.resume={folder}", "seed=4"])
    kept = [word for word in good if word != "seed=3"]
    assert words == [*kept, f"train.resume={folder}", "seed=4", f"hydra.run.dir={quoted(folder)}"]
    assert all(word in caplog.text for word in bad)


def test_a_damaged_word_of_a_run_folder_is_told(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", "net.widths=[1")
    with pytest.raises(ConfigError, match=r"its overrides.yaml is damaged at 'net.widths=\[1'"):
        continued([f"train.resume={folder}"])


def test_packages_are_named_on_the_command_line_only(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\npackages: [os]\n")
    line = told("--config-dir", str(tmp_path), "+experiment=mine")
    assert line == "packages: is for the command line only, a file cannot say it"
    assert Composition().config(["packages=[mypackage]"]).packages == ["mypackage"]
