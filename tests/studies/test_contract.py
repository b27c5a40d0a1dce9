"""The contract of a study: every file of cfg/study runs a row to its end, and reports.

A dry run of one row with one seed, and of the runs that it builds on. Data that may not be here are
replaced by bundled ones.
"""

import itertools
import json
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from PIL import Image

from studies.folder import read_study_folder
from tests.studies.test_study_files import STUDIES, study
from tests.terminal import Terminal
from tests.tracking.read_back import told_offline

FEW = ("dataset.train_size=20", "dataset.val_size=10")
DIGITS = ("dataset=digits", *FEW)
SIXES = ("dataset=digits6_180", *FEW)
CELLS = ("dataset.num=40", "dataset.val_size=8", "dataset.test_size=8", "dataset.size=32")
NARROW = ("net.hidden_channels=2", "base_group.num_samples=2")
TASK = ("half_turn/cnn", "dataset.test_size=20", "train.epochs=1")
TINY = {  # row, and words that make it small; by patterns, of which the first one counts
    "benchmark/small": (*TASK, "measure.agreement.num_tests=4", "measure.cost.num_steps=1"),
    "benchmark/full": (
        *("mnist_half_turn/learned_subset", "++dataset.source=digits", "dataset.size=16"),
        *("++dataset.classes=[3,4,6,7]", "dataset.train_size=60", "dataset.test_size=20"),
        *("++net.parameters=null", "net.hidden_channels=2", "measure.cost.num_steps=1"),
    ),
    "exact/nets": ("exact", "dataset.train_size=20", "net.hidden_channels=2"),
    "exact/sizes": ("z2cnn",),
    "exact/small-cifar10": ("p4-33", *FEW, "net.hidden_channels=2"),
    "exact/small-mnist": ("P4CNN-28", *DIGITS, "dataset.size=28", "net.hidden_channels=2"),
    "exact/published": ("mnist-P4CNN-28", *DIGITS, "dataset.size=28", "net.hidden_channels=2"),
    "exact/*": ("*_33",),
    "low_rank": ("rank_2/16", *DIGITS, "dataset.test_size=20", *NARROW),
    "metamaterials/savings": ("d4_shift/all/250", *CELLS, "dataset.train_size=16"),
    "metamaterials/large": (
        "cnn/none",
        "dataset.num=40",
        "dataset.size=32",
        "net.hidden_channels=2",
    ),
    "metamaterials/*": ("shift/flip", *CELLS),
    "parity/*": (
        "*/1",
        "dataset=digits6_180",
        "dataset.copies=mirrored",
        *FEW,
        "net.hidden_channels=2",
    ),
    "parity": ("parity/0.5", "net.hidden_channels=2"),
    "partial_gcnn/mnist6": ("180-partial", *SIXES, "dataset.size=28", *NARROW),
    "partial_gcnn/*": ("GCNN-SE2-8-partial", *DIGITS, *NARROW),
    "small": ("mnist6_180_partial", *SIXES, *NARROW),
    "decided": ("mnist6_m_partial", *SIXES, "dataset.copies=mirrored", *NARROW),
    "speed": ("digits6_180", *FEW, *NARROW),
    "symmetry_discovery/mnist": (
        "oracle/1_2",
        "dataset@dataset.source=plain_digits",
        "dataset.source.train_size=30",
        "dataset.source.val_size=20",
    ),
    "symmetry_discovery/sizes": ("oracle/mlp/2", "dataset.images_per_class=8"),
    "symmetry_discovery/*": ("generators", "dataset.images_per_class=8"),
}
READ_BACK = {  # from W&B: one study for each report
    *("exact/sizes", "exact/unequivariance", "metamaterials/small", "parity"),
    "symmetry_discovery/sizes",
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data: four pictures of each class, for the data set that reads files."""
    root = tmp_path_factory.mktemp("data")
    for part, label, number in itertools.product(("train", "test"), range(10), range(4)):
        file = root / "cifar10-jpeg" / part / f"class{label}" / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (25 * label, 60 * number, 0)).save(file)
    return root


@pytest.mark.parametrize("name", STUDIES)
def test_a_row_runs_to_its_end_and_is_reported(
    name: str, pictures: Path, terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(pictures))
    first = next(iter(study(name).named_rows()))
    row, *words = next(
        (tiny for pattern, tiny in TINY.items() if fnmatchcase(name, pattern)), (first,)
    )
    part = (f"study.rows=[{row}]", "study.seeds=[1]")
    tracking = "tracking.mode=offline" if name in READ_BACK else "tracking=none"
    answer = terminal(f"study={name}", *part, "debug=True", tracking, *words)
    assert answer.status == 0, answer.out + answer.err
    assert "has failed" not in answer.out, answer.out
    folder = read_study_folder(tmp_path / "studies" / "debug" / name)
    told = json.loads((folder.path / "report.json").read_text())
    ran = {job.row for job in folder.jobs if folder.state(job) == "done"}
    ran -= {each.name for trials in study(name).trials().values() for each in trials}
    assert any(fnmatchcase(each, row) for each in ran)
    assert {each for each, about in told["rows"].items() if about["parameters"]} == ran
    for claim in study(name).claims:
        assert f"| {claim} |" in answer.out
    if name in READ_BACK:
        heard, tables = told_offline(folder.path), folder.path / "tables"
        names = {str(path.relative_to(tables))[:-4] for path in tables.rglob("*.csv")}
        assert heard.tables == names != set()
        assert heard.pictures == {f"figures/{p.stem}" for p in folder.path.glob("figures/*.png")}
