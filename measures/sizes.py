"""measure=[sizes]: at which sizes of the image the net is exactly equivariant, and what breaks it.

By the stride rule one pixel makes or breaks it (Edixhoven, Lengyel, van Gemert, "Using and Abusing
Equivariance", ICCVw 2023); the images are noise, so that an untrained net will do: train=none.
"""

import logging
from collections.abc import Sequence

import torch
from torch import nn

from analysis.broken_equivariance import draw_errors_over_sizes
from datasets.randomness import keyed_generator
from datasets.spec import DataSpec
from measures.measure import Measure, Measured, Subject
from measures.own_symmetries import TOLERANCE, check_turns, own_actions
from partial_equiv.equivariance import equivariance_error, inexact_layers
from partial_equiv.intervals import Count, Several
from partial_equiv.refusal import Refusal
from tasks import Task

__all__ = ["Sizes"]

COLUMNS = ("size", "mse", "l1", "relative", "first break", "reason")

log = logging.getLogger(__name__)


class Sizes(Measure):
    """The error of the net on noise of each size, as a mean over its own symmetries.

    Values: "relative/<size>", and "exact", the number of sizes without an error but rounding.
    Table: "errors", a row for each size, with the layer that breaks first, and why.

    Args:
        sizes: of the noise, in pixels.
        num_images: of noise, the same for every net.

    Raises:
        Refusal: if there is no size, or one twice.
    """

    def __init__(
        self, sizes: Sequence[Count] = (27, 28, 29, 32, 33), num_images: Several = 8
    ) -> None:
        if not sizes or len(set(sizes)) < len(sizes):
            raise Refusal("name one at least, each once", sizes=list(sizes))
        self.sizes, self.num_images = sizes, num_images

    def check(self, model: nn.Module, spec: DataSpec, task: Task) -> None:
        """Check that this can be measured of the net.

        Raises:
            Refusal: if the net does not classify images, or a size is too small for it.
        """
        if task.monitor != "accuracy":
            raise Refusal("needs a net that classifies; try task=classification")
        check_turns(spec)
        size = min(self.sizes)
        try:
            inexact_layers(model, spec.in_channels, (size, size))
        except (RuntimeError, ValueError) as error:
            raise Refusal(str(error).splitlines()[0], sizes=size) from error

    def measure(self, subject: Subject) -> Measured:
        """Measure on each size.

        Raises:
            Refusal: if the net cannot take it, or gives all images the same scores.
        """
        rows: list[list[object]] = []
        errors: dict[int, float] = {}
        moves = own_actions(subject.model)
        for size in self.sizes:
            shape = self.num_images, subject.spec.in_channels, size, size
            images = torch.randn(shape, generator=keyed_generator(size, "noise"))
            images = images.to(subject.device)
            try:
                report = equivariance_error(subject.model, moves, images, tolerance=TOLERANCE)
            except (RuntimeError, ValueError) as error:
                reason = str(error).splitlines()[0]
                raise Refusal(f"{size} pixels: {reason}", measure="sizes") from error
            broken = report.first_break
            said = f", {broken.label} breaks first, {report.reason}" if broken else ""
            log.info("%d pixels: error %.2g%s", size, report.relative, said)
            first = broken.label if broken else ""
            rows.append([size, report.mse, report.l1, report.relative, first, report.reason])
            errors[size] = report.relative
        picture = subject.picture("error_over_size")
        draw_errors_over_sizes({"the net": errors}, TOLERANCE, picture)
        values: dict[str, float] = {f"relative/{size}": error for size, error in errors.items()}
        exact = sum(error <= TOLERANCE for error in errors.values())
        return Measured(values | {"exact": exact}, {"errors": (COLUMNS, rows)}, [picture])
