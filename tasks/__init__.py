"""Tasks: the loss of a batch, the metrics to report and the one that selects the best model."""

from tasks.classification import Classification
from tasks.elbo import ELBO
from tasks.figures import Figures, per_class
from tasks.generating import Generating
from tasks.regression import Regression
from tasks.task import Task
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
