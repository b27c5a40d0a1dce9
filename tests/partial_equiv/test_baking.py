"""Baking: a plain graph that answers as the net does, and needs nothing of ours."""

import operator
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import partial_equiv as pe
from tests import shipped
from tests.blobs import images
from tests.shipped import siren_on

PLAIN = {getattr, operator.getitem, operator.eq, operator.mul, operator.add, torch._assert}
TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-10}


def net(base_group: str, *, over: str = "batch", **settings: object) -> nn.Module:
    """Two layers with norms whose statistics, scales and shifts are not those of the start."""
    torch.manual_seed(0)
    lifting, conv = shipped.layers(base_group, **settings)
    between = pe.Norm(3), pe.Activation(), pe.SpatialPool()
    model = nn.Sequential(
        *(lifting(1, 3), *between, conv(3, 4), pe.Norm(4, over), pe.Activation()),
        *(pe.GroupPool("max"), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)),
    )
    with torch.no_grad():
        for norm in (each for each in model if isinstance(each, pe.Norm)):
            for value in (norm.weight, norm.bias):
                value.uniform_(-1, 1)
            for value in (norm.running_mean, norm.running_var) if norm.over == "batch" else ():
                value.uniform_(0.5, 1)
    return model.eval()


def assert_baked(model: nn.Module, size: tuple[int, ...] = (1, 8, 8)) -> nn.Module:
    """Bake a model and hold it to what it promises, for batches of 1 and of 5."""
    dtype = next(model.parameters()).dtype
    baked = pe.bake(model, size)
    for node in baked.graph.nodes:
        if node.op == "call_function":
            assert node.target in PLAIN or node.target.namespace == "aten", node.target
    for batch in (1, 5):
        x = images(batch, *size).to(dtype)
        with torch.no_grad():
            expected, answer = model(x), baked(x)
        assert (answer - expected).abs().max() <= TOLERANCES[dtype] * expected.abs().max()
    return baked


def targets(baked: nn.Module) -> list[str]:
    return [str(node.target) for node in baked.graph.nodes if "aten" in str(node.target)]


CASES = [
    (name, relaxation)
    for name in shipped.names("base_group")
    for relaxation in (None, *shipped.names("relaxation"))
]


@pytest.mark.parametrize(("base_group", "relaxation"), CASES)
def test_a_baked_net_answers_as_the_net_does(base_group: str, relaxation: str | None) -> None:
    settings = {}
    if relaxation is not None:
        settings = {"partial": True, "relaxation": shipped.option("relaxation", relaxation)}
    try:
        model = net(base_group, **settings)
    except pe.Refusal:  # the trivial group has nothing to relax
        return
    if relaxation == "input_subset" and shipped.group(base_group).algebra_size:
        with pytest.raises(pe.Refusal, match=r"^the kernels of 0 depend on the input: ") as refused:
            pe.bake(model, (1, 8, 8))
        assert len(str(refused.value).splitlines()) == 1
        return
    single = relaxation in (None, "averaged")
    baked = assert_baked(model.float() if single else model.double())
    assert not any("batch_norm" in each for each in targets(baked)), "norms are in the kernels"


@pytest.mark.parametrize("over", ["instance", "layer"])
@pytest.mark.parametrize("relaxation", ["learned_subset", "input_subset"])
def test_masks_that_differ_from_image_to_image(relaxation: str, over: str) -> None:
    settings = {"partial": True, "relaxation": shipped.option("relaxation", relaxation)}
    model = net("dihedral", over=over, **settings).double()
    for each in (part for _, part in pe.relaxations_of(model) if relaxation == "input_subset"):
        nn.init.normal_(each.encoder[-1].weight)
        nn.init.zeros_(each.encoder[-1].bias)
    if relaxation == "input_subset":
        first = model[0].relaxation.choose(pe.GroupFeature(images(5, 1, 1, 8, 8), None), 1, None)
        assert len(first.weights.unique(dim=0)) > 1
    assert_baked(model)


@pytest.mark.parametrize(
    "settings",
    [
        {"rank": 2},
        {"padding_mode": "circular"},
        {"channels_last": True},
        {"stride": 2, "dilation": 2},
    ],
    ids=str,
)
def test_settings_of_the_layers(settings: dict[str, object]) -> None:
    assert_baked(net("E2", partial=True, **settings).double())


class Foreign(nn.Module):
    """A net with a part that writes in place, counts its inputs and gives a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.lifting, self.norm = pe.LiftingConv(1, 4, **siren_on()), pe.Norm(4)
        self.relu, self.pool = pe.Activation(nn.ReLU(inplace=True)), pe.GroupPool()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        y = self.pool(self.relu(self.norm(self.lifting(x)))).mean((2, 3))
        out = torch.zeros(len(x), 6, dtype=x.dtype)
        out[:, 2:] = y
        return {"share": out / len(x), "first": out[:, :3] + torch.arange(3)}


def test_a_foreign_net_with_layers_of_ours() -> None:
    model = Foreign().double().eval()
    baked = pe.bake(model, (1, 8, 8))
    for batch in (1, 5):
        x = images(batch, 1, 8, 8)
        torch.testing.assert_close(baked(x), dict(model(x)), rtol=1e-10, atol=1e-12)


class Drawing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn(x.shape)


class Deciding(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Averaging(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sum(0, keepdim=True).expand(len(x), -1, -1, -1) * (1 / len(x))


REFUSED = {
    "training": (nn.Sequential(nn.Dropout()), "^the model is in training mode"),
    "a part": (nn.Sequential(nn.Identity(), nn.Dropout()).eval(), "^1 is in training mode"),
    "random": (nn.Sequential(Drawing()).eval(), "^0 draws at random in evaluation, by aten::randn"),
    "a decision": (nn.Sequential(Deciding()).eval(), "^what 0 does next depends on the values"),
    "a share": (Averaging().eval(), "^the baked model would answer differently"),
    "a feature": (pe.LiftingConv(1, 2, **siren_on()).eval(), "answers with a GroupFeature: "),
    "a small image": (
        pe.LiftingConv(1, 2, **siren_on(), kernel_size=11, padding="valid").eval(),
        "only 8 x 8 pixels reach",
    ),
}
REFUSED["a part"][0][1].train()
REFUSED["another size"] = (
    nn.Sequential(nn.Flatten(), nn.Linear(9, 1)).eval(),
    "^the model does not read inputs of 1 x 8 x 8: ",
)


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_baked_is_refused_in_a_line(case: str) -> None:
    model, message = REFUSED[case]
    with pytest.raises(pe.Refusal, match=message) as refused:
        pe.bake(model, (1, 8, 8))
    assert len(str(refused.value).splitlines()) == 1


def test_it_refuses_inputs_of_another_size_and_shares_no_memory() -> None:
    model = net("SE2")
    baked = pe.bake(model, (1, 8, 8))
    with pytest.raises(AssertionError, match=r"baked for inputs \[batch, 1, 8, 8\]: bake it again"):
        baked(torch.zeros(2, 1, 8, 9))
    x = images(2, 1, 8, 8).float()
    kept = baked(x)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(1)
    assert torch.equal(baked(x), kept)
    assert not list(baked.parameters())


ELSEWHERE = """
import sys, torch
baked, x, expected = torch.load("baked.pt", weights_only=False)
torch.testing.assert_close(baked(x), expected, rtol=1e-9, atol=1e-9)
assert not any(name.startswith("partial_equiv") for name in sys.modules)
"""


def test_it_is_loaded_where_partial_equiv_is_not(tmp_path: Path) -> None:
    settings = {"partial": True, "relaxation": shipped.option("relaxation", "input_subset")}
    model = net("dihedral", **settings).double()
    x = images(5, 1, 8, 8)
    torch.save((pe.bake(model, (1, 8, 8)), x, model(x).detach()), tmp_path / "baked.pt")
    words = [sys.executable, "-I", "-W", "ignore", "-c", ELSEWHERE]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
