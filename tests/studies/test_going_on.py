"""A study with waves: a failure, killed processes and two runs at once change no result."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from joblib.externals.loky import get_reusable_executor

import main
from studies import status
from studies.folder import read_study_folder
from tests.studies.test_running_a_study import results
from tests.terminal import Answer, Terminal

STUDY = """\
# @package study
words: [tracking=none, dataset=orbits, dataset.num_views=4, dataset.images_per_class=8,
        conv.partial=False, 'dataset.root={root}', train.epochs=2]
rows:
  oracle: {{words: [net=latent_classifier, 'dataset.autoencoder=${{run:autoencoder}}']}}
  autoencoder: {{words: [net=vae_mlp, 'net.hidden_sizes=[8]', task=elbo]}}
  broken: {{words: [net.hidden_channels=2, conv.kernel_size=4]}}
  unfounded: {{words: [net=latent_classifier, 'dataset.autoencoder=${{run:broken}}']}}
seeds: [0, 1]
"""
KILLER = """\
import os, signal
from pathlib import Path

def replace(self, target, replace=Path.replace, left=[{number}]):
    left[0] -= 1
    if left[0] == 0:
        try:
            os.close(os.open({once!r}, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return replace(self, target)
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)

Path.replace = replace
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of configs with the study, and of its data."""
    root = tmp_path_factory.mktemp("waves")
    (root / "cfg" / "study").mkdir(parents=True)
    (root / "cfg" / "study" / "waves.yaml").write_text(STUDY.format(root=root))
    return root


def words(root: Path, folder: Path, *further: str) -> list[str]:
    """The command line of the study."""
    place = ["--config-dir", str(root / "cfg"), f"hydra.sweep.dir={folder}"]
    return [*place, "study=waves", *further]


@pytest.fixture
def expected(root: Path, terminal: Terminal) -> Answer:
    """The study, one run after the other; made once."""
    if not (root / "expected").exists():
        answer = terminal(*words(root, root / "expected"))
        (root / "told").write_text(answer.out + answer.err)
        (root / "status").write_text(str(answer.status))
    return Answer(int((root / "status").read_text()), (root / "told").read_text(), "")


def killer(folder: Path, number: int) -> str:
    """A PYTHONPATH with which the first process to finish so many files is killed before that."""
    folder.mkdir()
    code = KILLER.format(number=number, once=str(folder / "killed"))
    (folder / "sitecustomize.py").write_text(code)
    return os.pathsep.join([str(folder), str(Path(main.__file__).parent)])


def test_a_failed_run_stops_what_builds_on_it_alone(expected: Answer, root: Path) -> None:
    assert expected.status == 1
    assert [*results(root / "expected")] == [
        f"{row}/seed={seed}" for row in ("autoencoder", "oracle") for seed in (0, 1)
    ]
    for seed in (0, 1):
        assert f"not run: unfounded/seed={seed} needs broken/seed={seed}\n" in expected.out
        assert f"failed: {os.path.relpath(root / 'expected')}/broken/seed={seed} " in expected.out
    assert "Traceback" not in expected.out
    told = status.lines(read_study_folder(root / "expected"))
    assert "waiting  unfounded/seed=0: not run, needs broken/seed=0" in told
    assert told[-2] == "study=waves: 4 done, 2 failed, 2 waiting"


@pytest.mark.slow
@pytest.mark.usefixtures("expected")
def test_two_at_once_of_which_one_is_killed_end_alike(
    root: Path, terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the wave is launched again, by the same command."""
    monkeypatch.setenv("PYTHONPATH", killer(tmp_path / "killer", 5))
    get_reusable_executor().shutdown()  # processes of another test know no killer
    launcher = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "study.rows=[oracle]")
    answer = terminal(*words(root, tmp_path / "out", *launcher))
    assert (tmp_path / "killer" / "killed").exists()
    assert "a process of the launcher's has died: TerminatedWorkerError" in answer.out
    assert answer.status == 0
    assert results(tmp_path / "out") == results(root / "expected")


@pytest.mark.slow
@pytest.mark.usefixtures("expected")
def test_a_driver_that_is_killed_twice_goes_on(
    root: Path, terminal: Terminal, tmp_path: Path
) -> None:
    rng, part = random.Random(0), ("study.rows=[oracle]", "study.seeds=[0]")
    command = [sys.executable, main.__file__, *words(root, tmp_path / "out", *part)]
    for kill in range(2):
        path = killer(tmp_path / f"killer{kill}", rng.randrange(3, 8))
        environment = {**os.environ, "PYTHONPATH": path}
        ended = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert len(results(tmp_path / "out")) < 2
    assert terminal(*command[2:]).status == 0
    there, uninterrupted = results(tmp_path / "out"), results(root / "expected")
    assert there == {
        f"{row}/seed=0": uninterrupted[f"{row}/seed=0"] for row in ("autoencoder", "oracle")
    }
