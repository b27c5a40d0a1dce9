"""The saved W&B view of a project: ranges of the layers, accuracy, loss and cost."""

import warnings
from typing import TYPE_CHECKING

from partial_equiv.refusal import Refusal

if TYPE_CHECKING:
    from wandb_workspaces.workspaces import Workspace

__all__ = ["save_view", "view"]

NAME = "Partial equivariance"
HINT = "install the extra app"


def save_view(project: str, entity: str | None = None) -> str:
    """Save the view in a W&B project, and return its address.

    Args:
        project: W&B project.
        entity: W&B user or team; None for the user's default.

    Raises:
        Refusal: in one line, if W&B is not installed, not logged in, or refuses.
    """
    try:
        import wandb
    except ImportError:
        raise Refusal(f"wandb is not installed; {HINT}") from None
    wandb.setup(settings=wandb.Settings(silent=True))
    try:
        logged_in = wandb.login(prompt=False, verify=False)
        if logged_in:
            entity = entity or wandb.Api().default_entity
            return str(view(project, str(entity)).save().url)
    except ValueError:
        raise
    except Exception as error:  # whatever W&B raises: no network, a bad key, no such project, …
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise Refusal(f"W&B: {reason}") from None
    raise Refusal("W&B: not logged in; run `wandb login`, or set WANDB_API_KEY")


def view(project: str, entity: str) -> "Workspace":
    """The view, not yet saved.

    Raises:
        Refusal: if wandb-workspaces is not installed.
    """
    try:
        with warnings.catch_warnings():  # it still declares its types in the old way of pydantic
            warnings.simplefilter("ignore")
            from wandb_workspaces.reports.v2.interface import BarPlot, LinePlot, PanelTypes
            from wandb_workspaces.workspaces import Section, Workspace
    except ImportError:
        raise Refusal(f"wandb-workspaces is not installed; {HINT}") from None

    def over_epochs(title: str, *names: str) -> LinePlot:
        return LinePlot(title=title, x="epoch", y=list(names), title_x="epoch")

    ranges = LinePlot(
        title="kept range (in units of 180°) and keep-probability",
        x="epoch",
        metric_regex="range/.*",
        range_y=(0, 1),
        title_x="epoch",
    )
    accuracy: list[PanelTypes] = [
        over_epochs("validation accuracy", "val/accuracy"),
        over_epochs("training accuracy", "train/accuracy"),
        BarPlot(title="test accuracy of the best model", metrics=["test/accuracy"]),
    ]
    loss: list[PanelTypes] = [
        over_epochs("validation loss", "val/loss"),
        over_epochs("training loss", "train/loss"),
        over_epochs("learning rate", "lr"),
    ]
    cost: list[PanelTypes] = [
        over_epochs("seconds an epoch", "seconds/epoch"),
        BarPlot(title="seconds of training", metrics=["seconds/train"]),
        BarPlot(title="parameters", metrics=["parameters"]),
    ]
    return Workspace(
        entity=entity,
        project=project,
        name=NAME,
        sections=[
            Section(name="What the layers keep", panels=[ranges], is_open=True),
            Section(name="Accuracy", panels=accuracy, is_open=True),
            Section(name="Loss", panels=loss, is_open=True),
            Section(name="Cost", panels=cost, is_open=True),
        ],
    )
