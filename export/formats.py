"""The formats: how a net is written, and how its file is read back, to be called as the net is."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, fx

from constructors import LoadedRun, load_pretrained
from constructors.pretrained import write_pretrained
from partial_equiv import bake
from partial_equiv.refusal import Refusal

__all__ = ["FORMATS", "Answering", "Format", "images_shape"]

Answering: TypeAlias = Callable[[Tensor], Any]
"""From images [B, C, H, W] to answers, such as [B, K]."""

INPUT = "images"


class Format(ABC):
    """A kind of file.

    Attributes:
        files: that are written, but for the README.
        needs: modules of an extra.
        library: that a model hub knows the files by.
        usage: how the files are used, in Python; {shape} stands for [C, H, W].
    """

    files: tuple[str, ...]
    needs: tuple[str, ...] = ()
    library: str
    usage: str

    def check(self) -> None:
        """Check that what is needed is installed.

        Raises:
            Refusal: if not.
        """
        if missing := [name for name in self.needs if find_spec(name) is None]:
            raise Refusal(
                f"{missing[0]} is not installed, which this format needs: "
                'pip install -e ".[export]" in the checkout'
            )

    @abstractmethod
    def write(self, folder: Path, run: LoadedRun) -> None:
        """Write the files.

        Raises:
            Refusal: if the net cannot be written so.
        """

    @abstractmethod
    def read(self, folder: Path, run: LoadedRun) -> Answering:
        """What the files answer, by the means of those who will use them."""


class Safetensors(Format):
    """Weights and config: `load_pretrained` makes the net again, which can be trained further."""

    files = ("config.json", "model.safetensors")
    library = "partial_equiv"
    usage = """\
from constructors import load_pretrained  # of a checkout of partial_equiv

run = load_pretrained(".")
answers = run.model(images)  # or: predict(run, ["a.png"]).records, from predict import predict
"""

    def write(self, folder: Path, run: LoadedRun) -> None:
        write_pretrained(folder, run)

    def read(self, folder: Path, run: LoadedRun) -> Answering:
        return load_pretrained(folder, list(run.config.packages)).model


class Pt2(Format):
    """A graph of torch's own operations."""

    files = ("model.pt2",)
    library = "pytorch"
    usage = """\
import torch

net = torch.export.load("model.pt2").module()
answers = net(images)
"""

    def write(self, folder: Path, run: LoadedRun) -> None:
        baked, images = _baked(run)
        program = torch.export.export(
            baked, (images,), dynamic_shapes=({0: torch.export.Dim("batch")},)
        )
        torch.export.save(program, folder / self.files[0], extra_files={"data.json": _data(run)})

    def read(self, folder: Path, run: LoadedRun) -> Answering:
        return torch.export.load(folder / self.files[0]).module()


class Onnx(Format):
    """A graph of ONNX's operations."""

    files = ("model.onnx",)
    needs = ("onnx", "onnxscript", "onnxruntime")
    library = "onnx"
    usage = """\
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
answers = session.run(None, {"images": images})[0]  # a NumPy array of float32
"""

    def write(self, folder: Path, run: LoadedRun) -> None:
        baked, images = _baked(run)
        try:
            program = torch.onnx.export(
                *(baked, (images,)),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                input_names=[INPUT],
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            reason = next(iter(str(error.__cause__ or error).splitlines()), type(error).__name__)
            raise Refusal(f"ONNX has no such net: {reason[:200]}") from None
        assert program is not None
        program.model.metadata_props["data"] = _data(run)
        program.save(folder / self.files[0])

    def read(self, folder: Path, run: LoadedRun) -> Answering:
        import onnxruntime

        session = onnxruntime.InferenceSession(
            str(folder / self.files[0]), providers=["CPUExecutionProvider"]
        )

        def answer(images: Tensor) -> Any:  # noqa: ANN401
            found = [torch.from_numpy(each) for each in session.run(None, {INPUT: images.numpy()})]
            return found[0] if len(found) == 1 else tuple(found)

        return answer


FORMATS: Mapping[str, Format] = {"onnx": Onnx(), "pt2": Pt2(), "safetensors": Safetensors()}


def images_shape(run: LoadedRun) -> tuple[int, int, int]:
    """The shape [C, H, W] of what a net is shown."""
    return run.build.shown.in_channels, *run.build.shown.size


def _baked(run: LoadedRun) -> tuple[fx.GraphModule, Tensor]:
    """The net as a plain graph, and images [2, C, H, W] that it can be called with."""
    shape = images_shape(run)
    return bake(run.model, shape), torch.zeros(2, *shape)


def _data(run: LoadedRun) -> str:
    """What the net knows of its data, for programs that read no README."""
    return json.dumps(asdict(run.spec))
