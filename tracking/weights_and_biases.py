"""Tracking with Weights & Biases, beside the plain files and never in the way of a run."""

import logging
import os
import re
import shlex
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from torch import Tensor

from partial_equiv.refusal import Refusal
from plain_files import read_text, write_whole
from tracking.columns import of_one_type
from tracking.json_lines import JsonTracker, binned

if TYPE_CHECKING:
    from wandb import Run

__all__ = ["WandbTracker"]

log = logging.getLogger(__name__)

ID = re.compile(r"[0-9a-z]{8}")  # of a run

# Quiet, and never waiting for long; the environment may say otherwise (WANDB_INIT_TIMEOUT, …).
SETTINGS: dict[str, Any] = {
    "silent": True,
    "console": "off",
    "init_timeout": 20,
    "finish_timeout": 60,
    # Command line, user's folders and host stay here: what made the run is in its config.
    "x_disable_meta": True,
}


class WandbTracker(JsonTracker):
    """Writes the plain files and logs to W&B: online if logged in, else offline; it never asks.

    A run that goes on in the same run folder goes on in W&B too (its id is kept there). Sweeps and
    the variables WANDB_DIR, WANDB_MODE, WANDB_PROJECT and WANDB_RUN_ID keep their meaning. What W&B
    does not take costs that alone, and one warning that names it; a run that W&B does not start
    goes on without it.

    Args:
        run_folder: also holds W&B's own files, unless WANDB_DIR names another place.
        name: of the run, on its W&B page.
        group: that the run belongs to, such as a sweep.
        config: the composed config, nested plain values.
        project: W&B project.
        mode: "auto" obeys WANDB_MODE and without it takes online if logged in.
        entity: W&B user or team; None for the user's default.
        tags: W&B tags.

    Raises:
        ValueError: if wandb is not installed.
    """

    def __init__(
        self,
        run_folder: Path | str,
        name: str = "",
        group: str | None = None,
        config: Mapping[str, Any] | None = None,
        *,
        project: str = "partial_equiv",
        mode: Literal["auto", "online", "offline"] = "auto",
        entity: str | None = None,
        tags: Sequence[str] = (),
    ) -> None:
        super().__init__(run_folder, name, group, config)
        try:
            import wandb
        except ImportError:
            raise Refusal(
                "not installed; install the extra app or use tracking=none", tracking="wandb"
            ) from None
        self._wandb = wandb
        self._run: Run | None = None
        self._said: set[str] = set()
        options: dict[str, Any] = {
            "name": name or None,
            "group": group,
            "config": dict(config or {}),
            "tags": list(tags),
        }
        if "WANDB_SWEEP_ID" not in os.environ:  # else the agent says which project and which run
            options["project"] = os.environ.get("WANDB_PROJECT", project)
            options["entity"] = entity
            if "WANDB_RUN_ID" not in os.environ:
                options["id"] = self._kept_id()
        self._guarded("the run", lambda: self._start(mode, options))

    def scalars(self, values: Mapping[str, float], *, epoch: int, step: int) -> None:
        """Log one record; W&B draws it over epochs."""
        super().scalars(values, epoch=epoch, step=step)
        self._log("a record", lambda: {"epoch": epoch, "step": step, **values})

    def histogram(self, name: str, values: Tensor, *, epoch: int, step: int) -> None:
        """Log a histogram of the finite values of a tensor of any shape."""
        super().histogram(name, values, epoch=epoch, step=step)
        counts, edges = (np.asarray(part) for part in binned(values))
        self._log(
            f"histogram {name}",
            lambda: {
                "epoch": epoch,
                "step": step,
                name: self._wandb.Histogram(np_histogram=(counts, edges)),
            },
        )

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Log a table."""
        super().table(name, columns, rows)
        self._log(
            f"table {name}",
            lambda: {name: self._wandb.Table(columns=list(columns), data=of_one_type(rows))},
        )

    def image(self, name: str, path: Path) -> None:
        """Log an image file."""
        self._log(f"image {name}", lambda: {name: self._wandb.Image(str(path))})

    def artifact(self, name: str, path: Path, kind: str) -> None:
        """Log a file as an artifact of a kind such as "model"."""

        def send(run: "Run") -> None:
            title = re.sub(r"[^\w.-]", "-", f"{name}-{run.id}")
            artifact = self._wandb.Artifact(title, kind)
            artifact.add_file(str(path), policy="immutable")  # no copy under the home folder
            run.log_artifact(artifact)

        self._with_run(f"artifact {name}", send)

    def finish(self, result: Mapping[str, float | int | str]) -> None:
        """Write the result as the run's summary and end the run, within a minute at most."""

        def end(run: "Run") -> None:
            run.finish()
            if run.offline:
                place = shlex.quote(str(Path(run.dir).parent))
                log.info("W&B: offline; `wandb sync %s` uploads it", place)

        self._with_run("the result", lambda run: run.summary.update(dict(result)))
        self._with_run("the end of the run", end)
        self._run = None

    def _start(self, mode: str, options: Mapping[str, Any]) -> None:
        wandb = self._wandb
        wandb.setup(settings=wandb.Settings(silent=True))
        if wandb.run is not None:  # an earlier job of this process failed before its end
            wandb.run.finish(exit_code=1)
        self.run_folder.mkdir(parents=True, exist_ok=True)
        folder = os.environ.get("WANDB_DIR", str(self.run_folder))
        own = {name: v for name, v in SETTINGS.items() if f"WANDB_{name.upper()}" not in os.environ}
        settings = wandb.Settings(**own)
        mode = os.environ.get("WANDB_MODE", "auto") if mode == "auto" else mode
        if mode in ("auto", "online"):
            reason = "not logged in"
            try:
                if wandb.login(prompt=False, verify=False):
                    self._run = wandb.init(
                        mode="online", dir=folder, resume="allow", settings=settings, **options
                    )
            except Exception as error:  # no network, a bad key, a full server, …
                reason = _line(error)
                wandb.teardown()  # the failed attempt would keep the run's id
            if self._run is None and (mode == "online" or reason != "not logged in"):
                log.warning("W&B: offline instead of online: %s", reason)
            mode = "offline"
        if self._run is None:
            self._run = wandb.init(mode=mode, dir=folder, settings=settings, **options)
        elif self._run.url:
            log.info("W&B: %s", self._run.url)
        self._run.define_metric("epoch")
        self._run.define_metric("*", step_metric="epoch")

    def _kept_id(self) -> str:
        path = self.run_folder / "wandb_id"
        try:
            kept = read_text(path, "the run gets a new page").strip()
            if ID.fullmatch(kept):
                return kept
            log.warning("%s is damaged: the run gets a new page", path)
        except FileNotFoundError:
            self.run_folder.mkdir(parents=True, exist_ok=True)
        except Refusal as error:
            log.warning("%s", error)
        new = uuid.uuid4().hex[:8]
        write_whole(path, new)
        return new

    def _log(self, what: str, values: Callable[[], dict[str, Any]]) -> None:
        self._with_run(what, lambda run: run.log(values()))

    def _with_run(self, what: str, action: "Callable[[Run], None]") -> None:
        if (run := self._run) is not None:
            self._guarded(what, lambda: action(run))

    def _guarded(self, what: str, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # whatever W&B raises must not end a training
            warning = f"W&B: {what} is not there: {_line(error)}"
            if warning not in self._said:  # a full disk is full at every epoch
                self._said.add(warning)
                log.warning("%s", warning)


def _line(error: Exception) -> str:
    """The whole message in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
