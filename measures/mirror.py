"""The mirror: how a net, and each of its layers, answers to mirror images.

A net that is invariant to the mirror is right as often about the mirror images of the test images,
which keep their classes, and every one of its layers that is equivariant has a corr_equiv of 1.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from math import isfinite, nan

import torch
from torch import Tensor, nn

from analysis.mirrored_maps import draw_mirrored_maps
from analysis.responses import responses
from datasets.spec import DataSpec
from measures.measure import Measure, Measured, Subject
from measures.own_symmetries import check_turns
from partial_equiv.equivariance import Action, equivariance_error, layer_correlations
from partial_equiv.gconv import frozen_kernels
from partial_equiv.groups import Mirror
from partial_equiv.intervals import Several
from partial_equiv.refusal import Refusal
from partial_equiv.sampling import mirror_group
from tasks import Classification, Task

__all__ = ["MirrorImages", "Sensitivity", "answers_to_mirror_images", "sensitivities"]


@dataclass(frozen=True)
class Sensitivity:
    """How one layer answers to mirror images.

    Attributes:
        layer, kind: its name and class; "output" is the net itself.
        corr_raw, corr_equiv: means over the images (see `layer_correlations`); NaN if no image has
            one.
        least_corr_equiv: the least of an image.
        relative_error: as the meter has it (see `Errors`); NaN if all images get the same scores.
    """

    layer: str
    kind: str
    corr_raw: float
    corr_equiv: float
    least_corr_equiv: float
    relative_error: float


class MirrorImages(Measure):
    """Compares the answers to the test images with those to their mirror images.

    Leaves mirrored_accuracy (with the classes of the images), same_answers (the share of the images
    that get the answer that their mirror images get), least_corr_equiv (of all layers and images),
    odd_image (the number of the one that is least like its mirror image), the table "sensitivity"
    (a row for each layer), and the answers of the first layers to the odd image.

    Args:
        num_images: of the test split, that layers are measured on.
    """

    def __init__(self, num_images: Several = 200) -> None:
        self.num_images = num_images

    def check(self, model: nn.Module, spec: DataSpec, task: Task) -> None:
        """Check that this can be measured of the net.

        Raises:
            Refusal: if the net tells no classes of images.
        """
        if not isinstance(task, Classification):
            raise Refusal("compares accuracies on mirror images, use task=classification")
        check_turns(spec)

    def measure(self, subject: Subject) -> Measured:
        """Look at the test images and their mirror images."""
        model, test = subject.model, subject.splits.test
        images, _ = next(test.batches(self.num_images))
        layers = sensitivities(model, images.to(subject.device))
        least = [each.least_corr_equiv for each in layers]
        odd = int((images - images.flip(-1)).square().flatten(1).mean(1).argmax())
        values = {
            **answers_to_mirror_images(model, subject.batches(test)),
            "least_corr_equiv": min(filter(isfinite, least), default=nan),
            "odd_image": odd,
        }
        columns = [field.name for field in fields(Sensitivity)]
        pictures = []
        if responses(model, images[:1].to(subject.device)):
            pictures = [subject.picture("mirrored_maps")]
            draw_mirrored_maps({"the net": model}, images[odd], subject.spec, pictures[0])
        return Measured(values, {"sensitivity": (columns, [*map(astuple, layers)])}, pictures)


def answers_to_mirror_images(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]
) -> dict[str, float]:
    """How often a net is right about mirror images, and answers them as it does the images."""
    device = next((each.device for each in model.parameters()), torch.device("cpu"))
    found = []
    with torch.inference_mode(), frozen_kernels(model):
        for images, targets in batches:
            told = [model(each.to(device)).argmax(1).cpu() for each in (images, images.flip(-1))]
            found.append(torch.stack([told[1] == targets, told[0] == told[1]]))
    shares = torch.cat(found, dim=1).double().mean(1).tolist()
    return dict(zip(("mirrored_accuracy", "same_answers"), shares, strict=True))


def sensitivities(model: nn.Module, images: Tensor) -> tuple[Sensitivity, ...]:
    """How the layers of a model, and last the model itself, answer to the mirror images.

    Args:
        model: in evaluation mode; where its group has no mirror, maps are mirrored in space alone.
        images: x [B, C, H, W], on its device.
    """
    action = Action(mirror_group(model) or Mirror(), torch.tensor([0.0, 1.0]))
    try:
        measured = equivariance_error(model, action, images).layers
    except ValueError:  # the net has collapsed, it gives all images the same scores
        measured = ()
    errors = {each.name: each.mean.relative for each in measured}
    rows = []
    for each in layer_correlations(model, action, images):
        equivariant = each.equivariant[each.equivariant.isfinite()]
        rows.append(
            Sensitivity(
                each.name or "output",
                each.kind,
                each.raw.nanmean().item(),
                equivariant.mean().item(),
                equivariant.min().item() if len(equivariant) else nan,
                errors.get(each.name, nan),
            )
        )
    return tuple(rows)
