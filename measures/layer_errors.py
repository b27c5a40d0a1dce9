"""probe=[layer_errors]: how far every layer is from equivariance, while the net is trained.

What training makes of broken equivariance: the errors of the last layers grow (Edixhoven, Lengyel,
van Gemert, "Using and Abusing Equivariance", ICCVw 2023). measure=[meter] draws the course of them.
"""

from collections.abc import Mapping, Sequence
from math import isfinite

from torch import Tensor, nn

from measures.measure import Probe
from measures.own_symmetries import OnMovedImages, move_name, moves
from partial_equiv.equivariance import equivariance_error

__all__ = ["LayerErrors", "recorded"]

PREFIX, MOVES = "layer_errors/", "errors/"


class LayerErrors(OnMovedImages, Probe):
    """The relative error of each layer, a mean over the net's own symmetries; that of the net's
    answers by turn as well.

    Args:
        num_images, num_turns: as for `OnMovedImages`; the first images of the validation split.
    """

    def look(self, model: nn.Module, images: Tensor) -> Mapping[str, float]:
        """The errors that are finite, as layer_errors/<layer>; the net itself is the layer output.
        Those of its answers alone are errors/<move>, such as errors/rot90.

        A net that has collapsed, and gives all images the same scores, has none.
        """
        actions = moves(model, self.num_turns)
        try:
            layers = equivariance_error(model, actions, images).layers
        except ValueError:
            return {}
        errors = {PREFIX + layer.label: layer.mean.relative for layer in layers}
        names = [MOVES + move_name(each.group.matrix(each.element)) for each in actions]
        for layer in layers:
            if layer.label == "output":
                found = (each.relative for each in layer.each)
                errors |= dict(zip(names, found, strict=True))
        return {name: error for name, error in errors.items() if isfinite(error)}


def recorded(history: Sequence[Mapping[str, float]]) -> list[tuple[int, dict[str, float]]]:
    """Of every epoch that was looked at: its number, and the errors of the layers by name."""
    return [
        (
            int(record["epoch"]),
            {
                key.removeprefix(PREFIX): error
                for key, error in record.items()
                if key.startswith(PREFIX)
            },
        )
        for record in history
        if any(key.startswith(PREFIX) for key in record)
    ]
