"""What tests of measures share: a net with its data, not trained, as a run would hand it over."""

from collections.abc import Callable
from pathlib import Path

import pytest

from constructors import Build, compose
from measures.measure import Subject

TINY = (
    *(
        "dataset=plain_digits",
        "dataset.circle_crop=True",
        "dataset.train_size=40",
        "net=p4cnn",
        "kernel=grid",
    ),
    *("base_group=p4", "conv.partial=False", "net.hidden_channels=2", "net.widths=[1]"),
    *("net.pools=[0]", "net.dropout_after=[]", "net.last_kernel_size=null", "tracking=none"),
)


@pytest.fixture
def subject(tmp_path: Path) -> Callable[..., Subject]:
    """A tiny p4 net of one pool on upright digits, or what further words make of it."""

    def make(*words: str) -> Subject:
        build = Build(compose([*TINY, *words]))
        model = build.model.eval().requires_grad_(False)
        return Subject(model, build.splits, build.task, [{"epoch": 0}], tmp_path, 0, 64)

    return make
