"""Tasks: the loss of a batch, the metrics to report and the one that selects the best model."""

from tasks.figures import Figures, per_class
from tasks.generating import Generating
from tasks.task import ELBO, Classification, Regression, Task
from tasks.turning import Turning

__all__ = [
    "ELBO",
    "Classification",
    "Figures",
    "Generating",
    "Regression",
    "Task",
    "Turning",
    "per_class",
]
