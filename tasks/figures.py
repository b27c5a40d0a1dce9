"""What users ask of a classifier beyond its accuracy, over all samples of an evaluation at once.

    auc          area under the ROC curve: how often a sample of a class gets a higher probability
                 of it than a sample of another class; the mean over the classes, one against the
                 rest (0.5: by chance)
    calibration  expected calibration error: how far the probability of the chosen class is from the
                 share of right answers, a mean over 15 bins of that probability
    per_class    the share of right answers in each class, "per_class/<name of the class>"
    top5         how often the class is among the five most probable ones

They are computed by torchmetrics, which takes seconds to import; who asks for none does without.
Where several processes evaluate their shares of a split, all get the figures of the whole.

Calibration: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torchmetrics import Metric

__all__ = ["Figures", "Name", "per_class"]

Name: TypeAlias = Literal["auc", "calibration", "per_class", "top5"]
PER_CLASS = "per_class/"
MOST_CERTAIN = math.nextafter(1.0, 0.0)  # torchmetrics puts a probability of 1 in a bin of its own


class Figures:
    """Gathers the answers of one evaluation and says what they come to.

    Args:
        names: of the figures to compute; none of them needs nothing.
        class_names: of all classes; () gives them their numbers.
    """

    def __init__(self, names: Sequence[Name] = (), class_names: Sequence[str] = ()) -> None:
        self.names, self.class_names = names, class_names
        self._metrics: dict[str, Metric] = {}

    def update(self, logits: Tensor, classes: Tensor) -> None:
        """Take the logits [B, K] and the classes [B] of a batch."""
        if not self.names:
            return
        if not self._metrics:
            made = _metrics(self.names, logits.shape[1])
            self._metrics = {name: metric.to(logits.device) for name, metric in made.items()}
        probabilities = logits.double().softmax(1).clamp(max=MOST_CERTAIN)
        for metric in self._metrics.values():
            metric.update(probabilities, classes)

    @torch.inference_mode()
    def values(self) -> dict[str, float]:
        """Return the figures by name; NaN is what no sample tells, such as of a missing class.

        If several processes evaluate, each one must call it.
        """
        with warnings.catch_warnings():  # of classes without samples, which are told below
            warnings.filterwarnings("ignore", "No (positive|negative) samples", UserWarning)
            found = {name: metric.compute() for name, metric in self._metrics.items()}
        values = {name: found[name].item() for name in found if name in ("calibration", "top5")}
        if "counts" not in found:
            return values
        right, wrongly, others, _, samples = found["counts"].double().unbind(1)  # [K] each
        if "auc" in found:
            told = (samples > 0) & (wrongly + others > 0)  # else there is no pair to compare
            values["auc"] = found["auc"][told].mean().item()
        if "per_class" in self.names:
            names = self.class_names or [*map(str, range(len(right)))]
            shares = (right / samples).tolist()
            values |= {f"{PER_CLASS}{name}": s for name, s in zip(names, shares, strict=True)}
        return values


def per_class(values: Mapping[str, float]) -> list[tuple[str, float]]:
    """The classes' names with their accuracies, as far as these are among some figures."""
    return [
        (name.removeprefix(PER_CLASS), value)
        for name, value in values.items()
        if name.startswith(PER_CLASS)
    ]


def _metrics(names: Sequence[str], num_classes: int) -> dict[str, "Metric"]:
    """The metrics that the figures are computed from, which take probabilities and classes."""
    from torchmetrics.classification import (  # seconds to import
        MulticlassAccuracy,
        MulticlassAUROC,
        MulticlassCalibrationError,
        MulticlassStatScores,
    )

    options: dict[str, Any] = {"num_classes": num_classes, "validate_args": False}
    makers: dict[str, Callable[[], Metric]] = {
        "auc": lambda: MulticlassAUROC(average="none", **options),
        "calibration": lambda: MulticlassCalibrationError(n_bins=15, **options),
        "counts": lambda: MulticlassStatScores(average="none", **options),
        "top5": lambda: MulticlassAccuracy(top_k=5, average="micro", **options),
    }
    counted = {"auc", "per_class"} & set(names)
    return {n: make() for n, make in makers.items() if n in names or (n == "counts" and counted)}
