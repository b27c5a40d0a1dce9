"""The trainer: all settings of a training, and `fit`, which carries it out."""

import copy
import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from datasets.spec import Splits
from partial_equiv.refusal import Refusal
from tasks import Task
from training.fit import Fit
from training.offers import penalty_weights, rates
from training.processes import environment
from training.ranks import other_ranks
from training.settings import Settings
from training.snapshots import FitResult

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["FitResult", "Trainer"]


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

        Raises:
            Refusal: if the loss is not finite, the device is not there or `resume` holds no
                checkpoint that fits; the last checkpoint stays.
            Interrupted: after SIGINT or SIGTERM, once the state is saved.
        """
        if self.devices == 1 or environment() is not None:
            return self._fit(model, splits, task)
        helper = replace(self, tracker=None, probe=None)
        with other_ranks(self.devices, partial(helper._fit, model, splits, task)):
            return self._fit(model, splits, task)

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
        )
        copied = copy.deepcopy(model).requires_grad_()
        return Fit(replace(one, steps=None), one._fabric(), copied, splits, task).timed(num_steps)

    def chosen_device(self) -> str:
        """What `device` comes to on this machine: cpu or cuda.

        Raises:
            Refusal: if there are not as many devices here.
        """
        available = torch.cuda.device_count() if torch.cuda.is_available() else 0
        device = self.device
        if device == "auto":
            device = "cuda" if available >= self.devices else "cpu"
        if device == "cuda" and available < self.devices:
            raise Refusal(f"devices={self.devices} asked for, {available} here", device="cuda")
        return device

    def _fit(self, model: nn.Module, splits: Splits, task: Task) -> FitResult:
        fabric = self._fabric()
        fabric.launch()
        before = torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(self.deterministic or before)
        try:
            return Fit(self, fabric, model, splits, task).run()
        finally:
            torch.use_deterministic_algorithms(before)
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()

    def _fabric(self) -> "Fabric":
        from lightning_fabric import Fabric  # seconds to import
        from lightning_fabric.plugins.environments.lightning import LightningEnvironment
        from lightning_fabric.strategies.ddp import DDPStrategy

        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
        around = environment()
        here = around or LightningEnvironment()
        together = around is not None or self.devices > 1
        num_nodes = 1
        if around is not None:
            num_nodes = around.world_size() // self.devices
        spread = (
            {"strategy": DDPStrategy(cluster_environment=here)} if together else {"plugins": [here]}
        )
        return Fabric(
            accelerator=self.chosen_device(),
            devices=self.devices,
            num_nodes=num_nodes,
            precision=self.precision,
            **spread,
        )
