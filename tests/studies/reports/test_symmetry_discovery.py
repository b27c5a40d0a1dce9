"""The report of symmetry discoveries, from finished runs that say what they found."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from config_schema import ConfigError
from run_folder import write_config
from studies.finished import FinishedRun
from studies.jobs import study_jobs
from studies.reports import symmetry_discovery
from studies.study import read_study
from tracking import JsonTracker

HEAD = ["degrees", "accuracy", "same answer as upright"]


def finished(
    folder: Path,
    row: str,
    result: Mapping[str, object],
    words: Sequence[str] = (),
    angles: Sequence[Sequence[float]] = (),
) -> FinishedRun:
    """A run that ended so."""
    place = folder / row / "seed=0"
    place.mkdir(parents=True)
    write_config(place, {"seed": 0}, list(words))
    if angles:
        JsonTracker(place).table("views/angles", HEAD, angles)
    return FinishedRun(row, 0, place, result)


def test_every_discovery_is_a_line_with_its_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[object, object, str, object]] = []
    monkeypatch.setattr(
        symmetry_discovery,
        "draw_over_angles",
        lambda one, other, path, **facts: drawn.append((one, other, path.name, facts)),
    )
    flow = {"flow/is_rotation": False, "flow/lacking": "similarity 0.50 < 0.8"}
    oracle = {"views/accuracy": 0.98764, "views/images": 40, "views/chance": 0.5}
    runs = [
        finished(tmp_path, "autoencoder/mlp/2", {"test/kl": 4.0}, ["seed=0", "net=vae_mlp"]),
        finished(tmp_path, "oracle/mlp/2", oracle, angles=[[0, 1.0, 1.0], [180, 0.5, 0.25]]),
        finished(tmp_path, "generators/mlp/2", flow),
        finished(tmp_path, "generators/deep/2", {"flow/is_rotation": True, "flow/lacking": ""}),
    ]
    found = symmetry_discovery.report(runs, tmp_path / "figures")
    assert found.values == {"judged": 2, "rotations": 1}
    columns, lines = found.tables["discoveries"]
    first, second = (dict(zip(columns, line, strict=True)) for line in lines)
    assert (first["autoencoder"], first["KL"], first["oracle"]) == ("mlp", "4", "0.9876")
    assert (first["is rotation"], first["lacking"]) == ("no", "similarity 0.50 < 0.8")
    assert (second["autoencoder"], second["is rotation"], second["invariant"]) == ("-", "yes", "-")
    name = symmetry_discovery.CLASSIFIERS["oracle"]
    assert drawn == [
        (
            {name: [1.0, 0.5]},
            {name: [1.0, 0.25]},
            "over_angles-mlp-2-seed=0.png",
            {"num_images": 40, "chance": 0.5},
        )
    ]


def test_an_option_may_be_for_some_rows_alone() -> None:
    """What an option says of the autoencoder, the stages that build on it do not hear."""
    rows = {
        "autoencoder": {"words": ["net=a"]},
        "oracle": {"words": ["net=o", "x=${run:autoencoder}"]},
    }
    axes = {"net": {"a": {}, "b": {"autoencoder": ["net=b"]}}, "seen": {"s": ["seen=s"]}}
    said = read_study({"rows": rows, "axes": axes})
    jobs = {job.row: job for job in study_jobs(said, Path("/s"))}
    assert list(jobs) == [f"{row}/{net}/s" for row in rows for net in "ab"]
    assert jobs["autoencoder/b/s"].words == ("net=b", "seen=s", "seed=0")
    place = "x='/s/autoencoder/b/s/seed=0'"
    assert jobs["oracle/b/s"].words == ("net=o", place, "seen=s", "seed=0")
    assert jobs["oracle/b/s"].needs == ("autoencoder/b/s/seed=0",)
    wrong = read_study({"rows": rows, "axes": {"net": {"a": {"oracel": []}}}})
    with pytest.raises(ConfigError, match=r"study.axes.net.a.oracel: there is no such row"):
        study_jobs(wrong, Path("/s"))
