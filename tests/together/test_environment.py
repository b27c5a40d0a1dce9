"""Who is one of several processes, and who only sits in a shell that Slurm has started."""

import pytest

from composition import Composition
from together import of_srun, several, speaks

TASK = {
    "SLURM_JOB_ID": "7",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "2",
    "SLURM_LOCALID": "1",
}
SCRIPT = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "2", "SLURM_PROCID": "0"}
AGENT = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}


@pytest.mark.parametrize(
    ("variables", "started", "many", "heard"),
    [
        ({}, False, False, True),
        (SCRIPT, False, False, True),
        (TASK, True, True, False),
        (TASK | {"SLURM_PTY_PORT": "1"}, False, False, True),
        (TASK | {"SLURM_STEP_NUM_TASKS": "1"}, True, False, True),
        (AGENT, False, True, True),
        (AGENT | TASK, True, True, True),
        (AGENT | {"WORLD_SIZE": "1"}, False, False, True),
    ],
)
def test_variables_say_who_a_process_is(
    variables: dict[str, str],
    started: bool,
    many: bool,
    heard: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (of_srun(), several(), speaks()) == (started, many, heard)
    place = Composition().config(with_hydra=True).hydra.run.dir
    assert place.endswith("/slurm/7-0") == started
