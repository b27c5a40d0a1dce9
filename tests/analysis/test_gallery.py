"""What the figures of the gallery show: numbers of nets whose answers are known."""

from functools import partial
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from analysis.confusion import confusion_matrix, draw_confusion
from analysis.feature_maps import draw_feature_maps
from analysis.kernels import kernel_over_group
from analysis.responses import responses
from analysis.turn import draw_turn, probabilities_over_turn, swing
from analysis.turntable import inside_disc, turn_back, turned
from datasets.spec import DataSpec
from partial_equiv.ck import Siren
from partial_equiv.gconv import AveragedConv, GroupFeature, GroupPool
from partial_equiv.groups import SO2, Mirror
from partial_equiv.sampling import Sampling
from tests import shipped
from tests.blobs import blobs

SPEC = DataSpec(1, 2, (17, 17), mean=(0.3,), std=(0.5,), class_names=("up", "down"))


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved."""
    saved: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *_, **__: saved.append(self))
    return saved


def plain_images(number: int = 3) -> Tensor:
    """Smooth images in 0..1, dark at the border, normalised."""
    group = SO2()
    values = blobs(group, group.identity(), num_images=number, size=17).float()
    low, high = values.amin((1, 2, 3), keepdim=True), values.amax((1, 2, 3), keepdim=True)
    plain = (values - low) / (high - low) * inside_disc(values)
    return (plain - SPEC.mean[0]) / SPEC.std[0]


class Brighter(nn.Module):
    """Class 0 if the upper half of an image is brighter than the lower one."""

    def __init__(self) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(0.1))

    def forward(self, images: Tensor) -> Tensor:
        difference = images[..., :8, :].sum((1, 2, 3)) - images[..., 9:, :].sum((1, 2, 3))
        return self.sharpness * torch.stack([difference, -difference], dim=-1)


def test_the_turntable_turns_and_turns_back() -> None:
    images = plain_images()
    assert torch.allclose(turned(images, SPEC, 0), images, atol=1e-6)
    quarter = turned(images, SPEC, 90)
    assert torch.allclose(quarter, images.rot90(1, (-2, -1)), atol=1e-6)
    assert torch.equal(turn_back(quarter, 90), quarter.rot90(-1, (-2, -1)))
    mirrored = turned(images, SPEC, 90, mirrored=True)
    assert torch.allclose(mirrored, images.flip(-1).rot90(1, (-2, -1)), atol=1e-6)
    rectangle = torch.rand(1, 1, 8, 12)
    outside = turned(rectangle, SPEC, 30)[0, 0, 0, 0]
    assert outside == pytest.approx(-SPEC.mean[0] / SPEC.std[0]), "black, once normalised"


def test_beliefs_step_where_the_net_changes_its_mind(figures: list[Figure]) -> None:
    images = plain_images()
    images[..., 8:, :] = images.min()  # all of it in the upper half
    classes = torch.zeros(3, dtype=torch.long)
    model = Brighter().eval()
    beliefs = probabilities_over_turn(model, images, SPEC, 8)
    assert beliefs.shape == (3, 8, 2)
    assert (beliefs[:, 0, 0] > 0.9).all()
    assert (beliefs[:, 4, 0] < 0.1).all()
    assert swing(beliefs, classes) > 0.8
    assert swing(torch.full((3, 8, 2), 0.5), classes) == 0
    draw_turn(beliefs, classes, SPEC.class_names, Path())
    (panel,) = figures[0].axes
    means = beliefs[:, :, 0].mean(0).tolist()
    own, rival, _ = panel.get_lines()
    assert own.get_label() == "probability of their own class"
    assert panel.get_title() == "images of “up”\n(rival: “down”)"
    assert rival.get_label() == "probability of the rival"
    assert own.get_ydata() == pytest.approx([*means, means[0]])
    assert list(own.get_xdata()) == [45 * step for step in range(9)]


def test_the_confusion_matrix_counts(figures: list[Figure]) -> None:
    images = plain_images(1)
    images[..., 8:, :] = images.min()
    up, down = images, images.flip(-2)
    batches = [(torch.cat([up, down, down]), torch.tensor([0, 1, 0])), (up, torch.tensor([0]))]
    counts = confusion_matrix(Brighter().eval(), batches, 2)
    assert counts.tolist() == [[2, 1], [0, 1]]
    draw_confusion(counts, SPEC.class_names, Path())
    assert figures[0].axes[0].get_title() == "Test split: 3 of 4 right (75.0%)"
    assert [text.get_text() for text in figures[0].axes[0].texts] == ["2", "1", "1"]


def net() -> nn.Sequential:
    """A small net, equivariant to all rotations and mirrors."""
    torch.manual_seed(0)
    lifting, conv = shipped.layers("E2", kernel_size=5)
    return nn.Sequential(lifting(1, 4), conv(4, 4), GroupPool()).eval()


def test_the_drawn_kernel_is_the_one_that_is_used() -> None:
    """Two by two pixels lie at ±½, where a window of five by five has taps, too."""
    for name, answer in responses(net(), torch.zeros(1, 1, 17, 17)).items():
        layer, empty = answer.layer, torch.zeros(1, 1, 1, 1)
        values, elements = kernel_over_group(answer, 2)  # [C_out, C_in, 16, 2, 2]
        identity = layer.sampling.group.identity()[None]
        if answer.read is None:
            used = layer.kernel_weights(GroupFeature(empty, identity[None]), elements[None])
            used = used[0, :, :, :, 0].permute(1, 2, 0, 3, 4)
        else:
            used = layer.kernel_weights(GroupFeature(empty, elements[None]), identity[None])
            used = used[0, 0] * len(elements)  # each counts for a sixteenth of the mean
        assert values.shape == (4, used.shape[1], 16, 2, 2)
        assert torch.allclose(values, used[..., 1::2, 1::2], atol=1e-5), name
        fine, _ = kernel_over_group(answer, 9)
        assert fine[..., 0, 0].isnan().all()
        assert not fine[..., 4, 0].isnan().any()


def test_of_an_average_every_moved_kernel_is_drawn() -> None:
    torch.manual_seed(0)
    layer = partial(AveragedConv, kernel=Siren, sampling=partial(Sampling, Mirror()), kernel_size=5)
    found = responses(nn.Sequential(layer(1, 4), layer(4, 2)).eval(), torch.zeros(1, 1, 17, 17))
    for answer in found.values():
        assert answer.read is None
        values, elements = kernel_over_group(answer, 9)
        assert torch.equal(elements, Mirror().elements())
        torch.testing.assert_close(values[:, :, 1], values[:, :, 0].flip(-1), equal_nan=True)


def test_feature_maps_of_a_full_net_come_back(figures: list[Figure]) -> None:
    draw_feature_maps(net(), plain_images()[0], SPEC, Path())
    panels = figures[0].axes
    assert len(panels) == 5 * 7
    labels = [panel.get_xlabel() for panel in panels if panel.get_xlabel()]
    assert len(labels) == 14
    assert {labels[3], labels[6], labels[10], labels[13]} == {"0 %"}, "quarter turns are exact"
