"""The further figures of classifiers are those of scikit-learn, over all samples at once."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import recall_score, roc_auc_score, top_k_accuracy_score
from torch import Tensor, nn

from config_schema import ConfigError
from constructors import check, compose
from tasks import Classification
from tester import evaluate

ALL = ("auc", "calibration", "per_class")


def answered(num_classes: int, number: int = 300) -> tuple[Tensor, Tensor]:
    """Logits that are right more often than not, some of them almost without doubt; and classes."""
    generator = torch.Generator().manual_seed(num_classes)
    classes = torch.randint(num_classes, (number,), generator=generator)
    logits = torch.randn(number, num_classes, generator=generator)
    logits[torch.arange(number), classes] += 1
    logits[::7] *= 5
    return logits, classes


def calibration(probabilities: np.ndarray, classes: np.ndarray) -> float:
    """Guo et al. 2017, equation 3: 15 bins of the chosen class's probability."""
    sure, right = probabilities.max(1), probabilities.argmax(1) == classes
    bins = np.minimum((15 * sure).astype(int), 14)
    gaps = [abs(np.sum(right[bins == b] - sure[bins == b])) for b in range(15)]
    return float(sum(gaps) / len(sure))


@pytest.mark.parametrize("num_classes", [2, 7])
@pytest.mark.parametrize("batch_size", [300, 64])
def test_they_are_those_of_scikit_learn(num_classes: int, batch_size: int) -> None:
    logits, classes = answered(num_classes)
    names = (*ALL, "top5") if num_classes > 5 else ALL
    words = tuple(f"kind {number}" for number in range(num_classes))
    batches = zip(logits.split(batch_size), classes.split(batch_size), strict=True)
    found = evaluate(nn.Identity(), batches, Classification(metrics=names, class_names=words))
    probabilities, true = logits.double().softmax(1).numpy(), classes.numpy()
    scores = probabilities[:, 1] if num_classes == 2 else probabilities
    expected = {
        "auc": roc_auc_score(true, scores, multi_class="ovr"),
        "calibration": calibration(probabilities, true),
    }
    shares = recall_score(true, probabilities.argmax(1), average=None)
    expected |= {f"per_class/{w}": share for w, share in zip(words, shares, strict=True)}
    if num_classes > 5:
        expected["top5"] = top_k_accuracy_score(true, probabilities, k=5)
    plain = evaluate(nn.Identity(), ((logits, classes),), Classification())
    assert found == pytest.approx(plain | expected, abs=1e-6)


def test_a_class_without_samples_is_no_wrong_class() -> None:
    """It has no accuracy, and the area is that under the curves of the others."""
    logits, classes = answered(4)
    some = classes < 3
    batch = logits[some], classes[some]
    found = evaluate(nn.Identity(), (batch,), Classification(metrics=("auc", "per_class")))
    assert math.isnan(found["per_class/3"])
    probabilities = batch[0].double().softmax(1).numpy()
    areas = [roc_auc_score(batch[1] == k, probabilities[:, k]) for k in range(3)]
    assert found["auc"] == pytest.approx(np.mean(areas), abs=1e-6)
    alone = (logits[:5], torch.zeros(5, dtype=torch.long))
    assert math.isnan(evaluate(nn.Identity(), (alone,), Classification(metrics=("auc",)))["auc"])


def test_a_step_of_training_is_the_same_with_them() -> None:
    batch = answered(7)
    plain, more = (Classification(metrics=names).step(nn.Identity(), batch) for names in ((), ALL))
    assert torch.equal(plain[0], more[0])
    assert plain[1] == more[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("task.metrics=[auc,top5]", "dataset=digits6_180"),
            "task.metrics=[auc,top5]: top5 is always right: the data set has 2 classes; leave",
        ),
        (("task.metrics=[acu]",), "task.metrics"),
        (
            ("task=regression", "dataset=unit_cells", "+task.metrics=[auc]"),
            "task.metrics=[auc]: Regression takes no metrics",
        ),
        (("+task.class_names=[a]",), "task.class_names=[a]: is set by the program"),
    ],
)
def test_what_does_not_fit_is_told_in_a_line(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(compose(words))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
