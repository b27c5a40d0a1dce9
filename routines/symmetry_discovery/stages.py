"""The nets of a symmetry discovery: each one is trained when it is first asked for, or goes on."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from datasets.orbits import OrbitSplits, whole_orbits
from datasets.randomness import keyed_generator
from datasets.spec import Splits
from models.latent import Generators, OrbitAverage, Transformation, latent_mlp
from models.vae import VAE
from routines.symmetry_discovery.generating import Generating
from routines.symmetry_discovery.judging import answers
from routines.symmetry_discovery.latents import encoded_splits
from routines.symmetry_discovery.settings import Settings, Stage
from routines.symmetry_discovery.turning import Turning
from routines.train import Build, Parts
from run_folder import has_checkpoint
from tasks import Classification, Task
from tracking import StageTracker, Tracker

__all__ = ["Discovery"]

Net = TypeVar("Net", bound=nn.Module)
DEBUG_ORBITS = 8

log = logging.getLogger(__name__)


class Discovery:
    """Trained nets, frozen and in evaluation mode; each has a folder of its own in the run folder.

    A stage that is finished in its folder is read from there, one that was interrupted goes on.
    """

    def __init__(
        self, build: Build, tracker: Tracker, run_folder: Path, debug: bool, settings: Settings
    ) -> None:
        self.build, self.tracker, self.run_folder = build, tracker, run_folder
        self.debug, self.settings = debug, settings

    def check(self) -> None:
        """Refuse what cannot be trained, before anything is.

        Raises:
            ValueError: for settings that do not go together.
        """
        if len(self.names) < 2 and {"oracle", "generators", "invariant"} & {*self.settings.stages}:
            raise ValueError(
                f"dataset.classes={list(self.names)}: one class leaves an oracle nothing to tell"
            )
        tried = [self.autoencoder_parts]
        if {"classifier", "generators"} & {*self.settings.stages}:
            tried.append(self.classifier_parts)
        for parts in tried:
            model, batch = parts.model.eval(), next(iter(self.views.val.batches(2)))
            with torch.no_grad():
                parts.task.step(model, batch)

    @cached_property
    def autoencoder_parts(self) -> Parts:
        """The autoencoder's net and task."""
        settings = self.settings
        return self.build(
            f"net=vae_{settings.autoencoder}",
            f"net.latent_size={settings.latent_size}",
            *(f"++net.{name}={value}" for name, value in settings.autoencoder_settings.items()),
            "task=elbo",
            f"task.beta={settings.beta}",
            "conv.partial=False",
        )

    @cached_property
    def autoencoder(self) -> VAE:
        """E and D."""
        parts = self.autoencoder_parts
        model = self._trained("autoencoder", parts.model, self.views, parts.task)
        assert isinstance(model, VAE)
        return model

    @cached_property
    def classifier_parts(self) -> Parts:
        """The image classifier's net and task."""
        return self.build("conv.partial=False")

    @cached_property
    def classifier(self) -> nn.Module:
        """The config's net, equivariant to the whole group, on the images themselves."""
        parts = self.classifier_parts
        return self._trained(
            "classifier",
            parts.model,
            self.views,
            parts.task,
            learning_rate=parts.trainer.learning_rate,
            batch_size=parts.trainer.batch_size,
        )

    @cached_property
    def transformation(self) -> Transformation:
        """T, trained with supervision."""
        settings, latent_size = self.settings, self.settings.latent_size
        task = Turning(self.autoencoder, settings.loss, settings.steps)
        with self._seeded("transformation"):
            model = Transformation(latent_size, settings.hidden_size)
        orbits = max(1, settings.batch_size // self.views.num_views)
        return self._trained("transformation", model, self.orbits, task, batch_size=orbits)

    @cached_property
    def oracle(self) -> nn.Module:
        """ψ, which classifies latents."""
        with self._seeded("oracle"):
            model = latent_mlp(
                self.settings.latent_size, len(self.names), self.settings.hidden_size
            )
        return self._trained("oracle", model, self.latents, Classification())

    @cached_property
    def generators(self) -> Generators:
        """g_α, along which ψ does not change."""
        settings = self.settings
        task = Generating(
            self.oracle,
            settings.epsilon,
            settings.norm_weight,
            settings.orthogonality_weight,
            settings.closure_weight,
        )
        with self._seeded("generators"):
            model = Generators(settings.latent_size, settings.num_generators, settings.hidden_size)
        return self._trained("generators", model, self.latents, task)

    @cached_property
    def invariant(self) -> OrbitAverage:
        """The classifier of means over orbits that T makes."""
        settings = self.settings
        with self._seeded("invariant"):
            model = OrbitAverage(
                self.transformation,
                self.views.num_views,
                settings.latent_size,
                len(self.names),
                settings.average,
                settings.hidden_size,
            )
        return self._trained("invariant", model, self.latents, Classification())

    @cached_property
    def views(self) -> OrbitSplits:
        """The images, view by view."""
        splits = self.parts.splits
        whole_orbits(splits)  # raises if there are none
        assert isinstance(splits, OrbitSplits)
        if self.settings.steps >= splits.num_views:
            raise ValueError(
                f"routine.steps={self.settings.steps}: an orbit has {splits.num_views} views, "
                f"so that there are at most {splits.num_views - 1} steps"
            )
        return splits

    @cached_property
    def orbits(self) -> Splits:
        """The images, orbit by orbit; a few of them in a dry run."""
        return whole_orbits(self.views)

    @cached_property
    def latents(self) -> Splits:
        """Mean latents of all views in their order, as images of a row [1, 1, d], and classes."""
        most = DEBUG_ORBITS * self.views.num_views if self.debug else None
        return encoded_splits(self.autoencoder, self.views, self.device, most)

    @cached_property
    def parts(self) -> Parts:
        """The parts of the run itself."""
        return self.build()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes."""
        return self.parts.splits.spec.class_names

    @cached_property
    def device(self) -> torch.device:
        """Where the nets are."""
        return next(self.autoencoder.parameters()).device

    @cached_property
    def test_latents(self) -> tuple[Tensor, Tensor]:
        """Latents [N, V, d] of the test images, with classes [N]."""
        latents, classes = next(self.latents.test.batches(len(self.latents.test)))
        num_views = self.views.num_views
        whole = len(classes) // num_views * num_views
        orbits = latents[:whole].flatten(1).unflatten(0, (-1, num_views))
        return orbits.to(self.device), classes[:whole:num_views].to(self.device)

    @cached_property
    def test_views(self) -> Tensor:
        """The images [N, V, C, H, W] whose latents are `test_latents`."""
        wanted = len(self.test_latents[1])
        found, seen = [], 0
        for views, _ in self.orbits.test.batches(64, device=self.device):
            found.append(views[: wanted - seen])
            seen += len(found[-1])
            if seen == wanted:
                break
        return torch.cat(found)

    @cached_property
    def classifier_answers(self) -> Tensor:
        """What the classifier says to them: classes [N, V]."""
        return answers(self.classifier, self.test_views)

    @contextmanager
    def _seeded(self, stage: Stage) -> Iterator[None]:
        """Initialise from the run's seed, each stage in its own way."""
        with torch.random.fork_rng():
            torch.manual_seed(keyed_generator(self.parts.trainer.seed, stage).initial_seed())
            yield

    def _trained(
        self,
        stage: Stage,
        model: Net,
        splits: Splits,
        task: Task,
        *,
        learning_rate: float | None = None,
        batch_size: int | None = None,
    ) -> Net:
        folder = self.run_folder / stage
        trainer = replace(
            self.parts.trainer,
            run_folder=folder,
            tracker=StageTracker(self.tracker, stage, folder),
            resume=folder if has_checkpoint(folder) else None,
            epochs=self.settings.epochs[stage],
            learning_rate=learning_rate or self.settings.learning_rate,
            batch_size=batch_size or self.settings.batch_size,
        )
        log.info("%s: %d epochs", stage, trainer.epochs)
        with torch.enable_grad():  # whoever asked for the net
            trainer.fit(model, splits, task)
        return model.eval().requires_grad_(False)
