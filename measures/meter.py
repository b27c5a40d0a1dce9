"""measure=[meter]: how far every layer is from equivariance, which one breaks it, and why."""

import logging

from analysis.broken_equivariance import draw_errors_over_layers
from measures.layer_errors import recorded
from measures.measure import Measure, Measured, Subject
from measures.own_symmetries import TOLERANCE, OnMovedImages, described, moves
from partial_equiv.equivariance import equivariance_error

__all__ = ["Meter"]

MOST_PANELS = 8

log = logging.getLogger(__name__)


class Meter(OnMovedImages, Measure):
    """The errors of all layers on test images, for each symmetry of the net's group that fits the
    pixel grid, or for equal steps of a full turn.

    Values: the errors of the net itself ("relative", "mse", "l1"), as means over these moves, and
    the "first_break" with its "reason". Tables: "layers", a row for each layer and move; "epochs",
    a row for each epoch and layer, if probe=[layer_errors] looked at the training.

    Args:
        num_images, num_turns: as for `OnMovedImages`; test images, drawn once and for all.
    """

    def measure(self, subject: Subject) -> Measured:
        """Measure on the test images; a net that has collapsed has no errors but a reason."""
        model, split = subject.model, subject.splits.test
        images, _ = next(split.batches(min(self.num_images, len(split)), seed=0))
        images = images.to(subject.device)
        actions = moves(model, self.num_turns)
        try:
            report = equivariance_error(model, actions, images, tolerance=TOLERANCE)
            found = {
                described(move.group.matrix(move.element)): equivariance_error(
                    model, move, images, tolerance=TOLERANCE
                ).layers
                for move in actions
            }
        except ValueError as error:
            log.warning("measure=meter: %s", error)
            return Measured({"reason": str(error)})
        rows = [
            [layer.label, layer.kind, move, error.mse, error.l1, error.relative]
            for move, layers in found.items()
            for layer in layers
            for error in layer.each  # one, under this move
        ]
        values: dict[str, float | str] = {}
        if report.layers and report.layers[-1].label == "output":
            values = {"relative": report.relative, "mse": report.mse, "l1": report.l1}
        broken = report.first_break
        values |= {"first_break": broken.label if broken else "", "reason": report.reason}
        history = recorded(subject.history)
        tables = {"layers": (["layer", "kind", "move", "mse", "l1", "relative"], rows)}
        if history:
            epochs = [[epoch, *each] for epoch, errors in history for each in errors.items()]
            tables["epochs"] = (["epoch", "layer", "relative"], epochs)
        last = int(subject.history[-1]["epoch"])
        panels = {
            name: [(last, {layer.label: layer.mean.relative for layer in layers})]
            for name, layers in list(found.items())[:: -(-len(found) // MOST_PANELS)]
        }
        if history:
            panels["mean over training"] = history
        picture = subject.picture("error_over_layers")
        draw_errors_over_layers(panels, TOLERANCE, picture)
        return Measured(values, tables, [picture])
