"""The trainer: all settings of a training, and `fit`, which carries it out."""

import copy
import logging
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from datasets.spec import Splits
from partial_equiv.refusal import Refusal
from tasks import Task
from together import Team, quick_fabric, team
from training.fit import Fit
from training.offers import penalty_weights, rates
from training.precision import Precision, chosen
from training.settings import Settings
from training.snapshots import FitResult, began_with

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["FitResult", "Trainer"]

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Trainer(Settings):
    """Trains a model and leaves it with the weights that were best on the validation split.

    Its attributes are the settings, see `training.settings.Settings`.
    """

    def check(self, model: nn.Module) -> None:
        """Refuse penalties and rates that the net does not offer.

        Raises:
            ConfigError: naming what it offers.
        """
        penalty_weights(model, self.penalties)
        rates(model, self.rates)

    def fit(self, model: nn.Module, splits: Splits, task: Task) -> FitResult:
        """Train `model` in place; on return it holds the best weights, on the training device.

        Where torchrun, srun or `together.start` has started several processes, they train
        together, and the first of them has the best weights.

        Raises:
            Refusal: if the loss is not finite, the device is not there or `resume` holds no
                checkpoint that fits; the last checkpoint stays. If there are other processes than
                `devices` says.
            Interrupted: after a signal, once the state is saved.
        """
        others = team()
        here = 1 if others is None else others.here
        if self.devices not in (1, here):
            reason = f"there are {here} processes on this machine; main.py or torchrun starts them"
            raise Refusal(reason, devices=self.devices)
        settings = self._settled(model, others)
        fabric = settings._fabric(others)
        before = torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(self.deterministic or before)
        try:
            with nullcontext() if others is None else others.group(fabric.device):
                fabric.launch()
                return Fit(settings, fabric, model, splits, task).run()
        finally:
            torch.use_deterministic_algorithms(before)

    def step_seconds(
        self, model: nn.Module, splits: Splits, task: Task, num_steps: int
    ) -> list[float]:
        """How long steps of such a training take on one device, in seconds, each one by itself.

        They are made on a copy of the model, all of whose parameters learn, and with one batch.

        Raises:
            Refusal: if the training split has no samples.
        """
        one = replace(
            self, tracker=None, probe=None, resume=None, devices=1, epochs=1, warmup_epochs=0
        )._settled(model, None)
        copied = copy.deepcopy(model).requires_grad_()
        return Fit(replace(one, steps=None), one._fabric(None), copied, splits, task).timed(
            num_steps
        )

    def chosen_device(self) -> str:
        """What `device` comes to on this machine: cpu or cuda.

        Raises:
            Refusal: if there are not as many devices here.
        """
        others = team()
        needed = self.devices if others is None else others.here
        available = torch.cuda.device_count() if torch.cuda.is_available() else 0
        device = self.device
        if device == "auto":
            device = "cuda" if available >= needed else "cpu"
        if device == "cuda" and available < needed:
            raise Refusal(f"devices={needed} asked for, {available} here", device="cuda")
        return device

    def _settled(self, model: nn.Module, others: Team | None) -> "Trainer":
        """The same with a precision, if that is left to this machine; all processes have the one
        that the first of them chooses, on its device."""
        if self.precision != "auto":
            return self

        def choose() -> Precision:
            if self.resume is None or (precision := began_with(Path(self.resume))) is None:
                return chosen(model, self.chosen_device())
            log.info("precision: %s, as this training began", precision)
            return precision

        precision = choose() if others is None else others.decided("precision", choose)
        return replace(self, precision=precision)

    def _fabric(self, others: Team | None) -> "Fabric":
        """Fabric for this process, alone or together with others."""
        with quick_fabric():
            from lightning_fabric import Fabric
            from lightning_fabric.plugins.environments.lightning import LightningEnvironment
            from lightning_fabric.strategies.ddp import DDPStrategy

        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
        chosen: Any = {"accelerator": self.chosen_device(), "precision": self.precision}
        if others is None:  # whatever a cluster's variables say of others
            return Fabric(**chosen, devices=1, plugins=[LightningEnvironment()])
        return Fabric(
            **chosen,
            devices=others.here,
            num_nodes=others.size // others.here,
            strategy=DDPStrategy(cluster_environment=others.environment),
        )
