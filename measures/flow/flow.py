"""The measure: every generator is judged, and the one that is most like rotation is drawn."""

import logging
from typing import Annotated

from torch import nn

from analysis.flows import draw_decoded_flow, draw_streamlines, draw_turns
from datasets.orbits import LatentSplits
from datasets.spec import DataSpec
from from_run import FromRun
from measures.flow.judging import judge
from measures.measure import Measure, Measured, Subject
from measures.orbits import test_orbits
from models.latent import Generators
from partial_equiv.intervals import Count
from partial_equiv.refusal import Refusal
from tasks import Generating, Task

__all__ = ["Flow"]

log = logging.getLogger(__name__)


class Flow(Measure):
    """Decides by numbers, on test images, whether a generator of latents is rotation.

    Args:
        classifier: tells whether decoded images keep their class.
        num_starts: test images from which flows start.
    """

    def __init__(self, classifier: Annotated[nn.Module, FromRun()], num_starts: Count = 64) -> None:
        self.classifier, self.num_starts = classifier, num_starts

    def check(self, model: nn.Module, spec: DataSpec, task: Task) -> None:
        """Check that this can be measured of the net.

        Raises:
            Refusal: unless the net is of generators.
        """
        if not (isinstance(model, Generators) and isinstance(task, Generating)):
            raise Refusal("the net has no generators; try net=generators task=generating")
        if spec.num_views == 1:
            raise Refusal("the data set has no orbits; try dataset=orbits")

    def measure(self, subject: Subject) -> Measured:
        """The numbers of the generator that is most like rotation, and a line for each one."""
        model, splits, task = subject.model, subject.splits, subject.task
        assert isinstance(model, Generators)
        assert isinstance(splits, LatentSplits)
        assert isinstance(task, Generating)
        orbits, classes = test_orbits(subject)
        latents = orbits.flatten(2)  # [N, V, d]
        oracle = task.oracle.to(subject.device)
        judged = [
            judge(
                model,
                number,
                splits.autoencoder.to(subject.device),
                oracle,
                self.classifier.to(subject.device),
                latents,
                classes,
                splits.views.spec,
                self.num_starts,
            )
            for number in range(model.shape[0])
        ]
        best = max(range(len(judged)), key=lambda number: judged[number].values["tangent_cosine"])
        found = judged[best]
        reason = ", ".join(found.lacking)
        if found.is_rotation:
            log.info("generator %d is rotation", best)
        else:
            log.info("generator %d is NOT rotation: %s", best, reason)
        columns = ["generator", *found.values, "is rotation"]
        rows = [[number, *e.values.values(), e.is_rotation] for number, e in enumerate(judged)]
        pictures = [subject.picture(name) for name in ("flow_turns", "flow_decoded")]
        draw_turns(found.degrees, found.values["length"], pictures[0])
        draw_decoded_flow(found.frames, found.degrees, pictures[1])
        if latents.shape[-1] == 2:
            pictures.append(subject.picture("streamlines"))
            draw_streamlines(
                lambda latents: model(latents)[:, best],
                oracle,
                latents,
                classes,
                subject.spec.class_names,
                pictures[-1],
            )
        values: dict[str, float | str] = {
            **found.values,
            "is_rotation": found.is_rotation,
            "lacking": reason,
        }
        return Measured(values, {"generators": (columns, rows)}, pictures)
