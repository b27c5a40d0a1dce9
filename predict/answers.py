"""The answers of a trained net to pictures, upright and turned, as flat records."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from budget import try_out
from constructors import LoadedRun
from datasets.files import FileSplit
from datasets.pictures import Bits
from datasets.spec import DataSpec, one_line
from measures.angles import turned
from measures.own_symmetries import check_turns
from partial_equiv.gconv import frozen_kernels
from partial_equiv.intervals import Count, Several
from partial_equiv.refusal import Refusal
from predict.progress import Progress
from predict.readable import ReadablePictures

__all__ = ["Predicted", "predict"]

BATCH = 64  # pictures at once, at one angle after another
MEMORY = 4.0  # GiB of results on the way that they may take
DIGITS = 6  # of a number that is told: the rest depends on the machine


@dataclass
class Predicted:
    """What a net says of pictures.

    Attributes:
        records: of one picture after another. Of a classifier one for each of the likeliest
            classes, with file, rank, class and probability; else one with the file and its numbers.
            With angles, likewise for each angle, with its degrees; and `kept`, the share of the
            other angles at which the likeliest class is that of 0°, or `change`, the relative
            difference ‖a(θ) − a(0)‖ / ‖a(0)‖ of the numbers. What is not finite is None.
        unreadable: what could not be answered, by its path, with the reason.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)


def predict(
    run: LoadedRun,
    pictures: Sequence[str | Path],
    *,
    top: Count = 3,
    angles: Several | None = None,
    bits: Bits | None = None,
) -> Predicted:
    """Ask the net of a run about picture files, which are made ready as its test images were.

    They may be of any size and mode. The net is asked on the GPU, if there is one, and every kernel
    is generated once.

    Args:
        run: a finished one, of a net that tells classes or numbers from images.
        pictures: paths of the files.
        top: how many classes to tell of each.
        angles: equal steps of a full turn; each picture is turned counter-clockwise once it has its
            size, bilinearly, on black, as `measure=[angles]` does. None: upright alone.
        bits: that count in pictures of 16 bits; None: as in the training.

    Raises:
        Refusal: if the run has another kind of net, or if all pictures of 16 bits are almost black.
    """
    spec, batch_size = run.spec, _batch_size(run)
    files = ReadablePictures.like(spec, [str(Path(each).expanduser()) for each in pictures], bits)
    indices = files.beginnings(torch.arange(len(files.names)))
    split = FileSplit(files, indices, indices, spec)
    degrees = [360 * step / (angles or 1) for step in range(angles or 1)]
    found = Predicted(unreadable=files.reasons)
    with (
        torch.inference_mode(),
        _on_device(run.model) as device,
        frozen_kernels(run.model),
        Progress(len(indices)) as progress,
    ):
        for images, places in split.batches(batch_size, device=device):
            names = [files.names[place] for place in places.tolist()]
            read = [row for row, name in enumerate(names) if name not in files.reasons]
            given = images[read]
            answers = [
                run.model(turned(given, spec, each) if each else given).double().cpu()
                for each in (degrees if read else [])
            ]
            for row, name in enumerate(names[row] for row in read):
                said = torch.stack([answer[row] for answer in answers])  # [A, K]
                tell = _classes(said, spec, top) if spec.num_classes else _numbers(said, spec)
                for step, record in tell:
                    angle = {"degrees": degrees[step]} if angles else {}
                    found.records.append({"file": one_line(name), **angle, **record})
            progress.add(len(places))
    return found


def _batch_size(run: LoadedRun) -> int:
    """How many images the net of a run, which is on the CPU, should answer at once.

    Raises:
        Refusal: if it answers an image with neither classes nor numbers.
    """
    spec = run.spec
    try:
        check_turns(spec)
        if run.build.shown != spec:
            raise Refusal("its net is shown what another net makes of images")
        needed = try_out(run.model, spec.in_channels, spec.size, BATCH)
        with torch.inference_mode():
            answer = run.model(torch.zeros(2, spec.in_channels, *spec.size))
        if not isinstance(answer, Tensor) or answer.shape != (2, spec.num_outputs):
            raise Refusal("its net answers with neither classes nor numbers")
    except Refusal as error:
        raise Refusal(f"{run.folder}: cannot predict pictures: {error}") from None
    return BATCH if needed <= MEMORY else max(1, int(BATCH * MEMORY / needed))


@contextmanager
def _on_device(model: nn.Module) -> Iterator[torch.device]:
    """Move a model to the GPU, if there is one, and back to the CPU in the end."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        model.to(device)
        yield device
    finally:
        model.to("cpu")


def _classes(said: Tensor, spec: DataSpec, top: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """What the logits [A, K] of a picture at its angles come to: the angle's number, a record."""
    probabilities = said.softmax(1)
    order = said.sort(stable=True, dim=1, descending=True).indices  # [A, K]
    same = (order[1:, 0] == order[0, 0]).double()
    kept = {"kept": _told(same.mean())} if len(same) else {}
    names = spec.class_names or range(said.shape[1])
    for step, places in enumerate(order[:, :top].tolist()):
        for rank, place in enumerate(places, 1):
            probability = _told(probabilities[step, place])
            yield step, {"rank": rank, "class": names[place], "probability": probability, **kept}


def _numbers(said: Tensor, spec: DataSpec) -> Iterator[tuple[int, dict[str, Any]]]:
    """What the vectors [A, K] of a picture at its angles come to: the angle's number, a record."""
    changes = (said - said[0]).norm(dim=1) / said[0].norm()  # [A]
    names = spec.target_names or [f"answer_{place}" for place in range(said.shape[1])]
    for step, answer in enumerate(said):
        change = {"change": _told(changes[step])} if len(said) > 1 else {}
        yield step, dict(zip(names, map(_told, answer), strict=True)) | change


def _told(value: Tensor) -> float | None:
    """A number as it is told; None if it is not finite."""
    number = value.item()
    return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None
