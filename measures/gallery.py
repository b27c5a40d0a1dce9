"""measure=[gallery]: a net's kernels, feature maps, beliefs under rotation, and confusions."""

import torch
from torch import Tensor, nn

from analysis.confusion import confusion_matrix, draw_confusion
from analysis.feature_maps import draw_feature_maps
from analysis.kernels import draw_kernel
from analysis.responses import responses
from analysis.turn import draw_turn, probabilities_over_turn, swing
from analysis.turntable import turned
from datasets.spec import DataSpec, Split
from measures.measure import Measure, Measured, Subject
from measures.own_symmetries import check_turns
from partial_equiv.gconv import Convolution
from partial_equiv.intervals import Count
from partial_equiv.refusal import Refusal
from partial_equiv.sampling import mirror_group
from tasks import Task

__all__ = ["Gallery"]

MOST_CLASSES = 10  # panels that one can still read


class Gallery(Measure):
    """Pictures: the kernel of the first layer that lifts and of the first that reads a group, the
    answers of two layers to a turned image, and of a classifier the probabilities of each class
    while its images turn through 360 degrees, and its confusions.

    Value, of a classifier: "swing", how far the probability of the own class moves over the turn.

    Args:
        num_images: of each class (of the first ten), to be turned.
        num_angles: of that turn.
        mirror: turn mirrored images too; None does so if the net's group has mirrors.
    """

    def __init__(
        self, num_images: Count = 25, num_angles: Count = 72, mirror: bool | None = None
    ) -> None:
        self.num_images, self.num_angles, self.mirror = num_images, num_angles, mirror

    def check(self, model: nn.Module, spec: DataSpec, task: Task) -> None:
        """Check that this can be measured of the net.

        Raises:
            Refusal: if there is nothing to draw: no convolution of ours, and no classes.
        """
        convolves = any(isinstance(layer, Convolution) for layer in model.modules())
        if not convolves and task.monitor != "accuracy":
            raise Refusal("needs a net with group convolutions, or one that classifies")
        check_turns(spec)

    def measure(self, subject: Subject) -> Measured:
        """Draw all that the net has to show."""
        model, spec = subject.model, subject.spec
        images, classes = _some_of_each_class(subject.splits.test, self.num_images, spec)
        images, classes = images.to(subject.device), classes.to(subject.device)
        answers = responses(model, turned(images[:1], spec, 0))
        pictures = []
        for kind, lifts in (("kernel_lifting", True), ("kernel_group", False)):
            name = next((n for n, a in answers.items() if (a.read is None) == lifts), None)
            if name is not None:
                pictures.append(subject.picture(kind))
                draw_kernel(answers[name], name, pictures[-1])
        if answers:
            pictures.append(subject.picture("feature_maps"))
            draw_feature_maps(model, images[0], spec, pictures[-1])
        if subject.task.monitor != "accuracy":  # an autoencoder tells no classes
            return Measured(pictures=pictures)
        names = spec.class_names or tuple(map(str, range(spec.num_outputs)))
        beliefs = probabilities_over_turn(model, images, spec, self.num_angles)
        mirrored = None
        if mirror_group(model) is not None if self.mirror is None else self.mirror:
            mirrored = probabilities_over_turn(model, images, spec, self.num_angles, mirrored=True)
        pictures += [subject.picture("turn"), subject.picture("confusion")]
        draw_turn(beliefs, classes, names, pictures[-2], mirrored=mirrored)
        with torch.inference_mode():
            batches = subject.batches(subject.splits.test)
            counts = confusion_matrix(model, batches, spec.num_outputs)
        draw_confusion(counts, names, pictures[-1])
        return Measured({"swing": swing(beliefs, classes)}, pictures=pictures)


def _some_of_each_class(split: Split, number: int, spec: DataSpec) -> tuple[Tensor, Tensor]:
    """The first images of each class (of the first ten), in the order of the classes.

    Where there are no classes, just the first images, all of class 0.
    """
    shown = min(spec.num_classes or 1, MOST_CLASSES)
    found: dict[int, list[Tensor]] = {label: [] for label in range(shown)}
    for images, targets in split.batches(256):
        for label, images_so_far in found.items():
            chosen = images[targets == label] if spec.num_classes else images
            images_so_far.extend(chosen[: number - len(images_so_far)])
        if all(len(each) == number for each in found.values()):
            break
    images = torch.stack([image for each in found.values() for image in each])
    labels = [label for label, each in found.items() for _ in each]
    return images, torch.tensor(labels)
