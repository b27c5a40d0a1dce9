"""The nets that are timed, and the dense floor of each: the same net with ready-made kernels."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from constructors import compose, construct_model
from partial_equiv.gconv import GroupFeature, frozen_kernels
from partial_equiv.gconv.convolution import Convolution
from partial_equiv.gconv.evaluation import convolve

__all__ = ["WORKLOADS", "ReadyMade", "Workload", "dense_floor"]


@dataclass(frozen=True)
class Workload:
    """A net and the images it is given.

    Attributes:
        words: the net, as main.py's overrides.
        shape: of the images, [C, H, W].
        per_image: every image of a batch has kernels of its own.
    """

    words: Sequence[str]
    shape: tuple[int, int, int] = (1, 28, 28)
    per_image: bool = False

    def model(self, *words: str) -> nn.Module:
        """The net at initialisation, with further overrides."""
        return construct_model(compose([*self.words, "dataset=mnist", *words]))

    def images(self, batch_size: int) -> Tensor:
        """Random images [B, C, H, W]."""
        return torch.randn(batch_size, *self.shape, generator=torch.Generator().manual_seed(0))


RESNET = ("net=ckresnet", "net.last_kernel_size=null", "conv.kernel_size=7", "conv.partial=True")
PUBLISHED = (*RESNET, "net.hidden_channels=32", "net.widths=[1,2]", "net.pools=[0,1]")
A = (*PUBLISHED, "base_group=SE2", "base_group.num_samples=8")
WORKLOADS = {
    "a": Workload(A),
    **{f"a-rank-{rank}": Workload((*A, f"conv.rank={rank}")) for rank in (1, 2, 4)},
    "a-full": Workload((*A, "conv.partial=False")),
    "b": Workload((*PUBLISHED, "base_group=E2", "base_group.num_samples=16")),
    "c": Workload(
        (
            *RESNET,
            "net.hidden_channels=10",
            "net.widths=[1,1]",
            "net.pools=[1,2]",
            "kernel=magnet",
            "kernel.hidden_channels=32",
            "base_group=SE2",
            "base_group.num_samples=8",
            "base_group.sampling=random",
            "base_group.scope=element",
        ),
        per_image=True,
    ),
    "d": Workload(
        (
            "net=gcnn",
            "net.hidden_channels=64",
            "net.widths=[1,2,2,2,2,2,2,2]",
            "net.pools=[2,5]",
            "conv.kernel_size=3",
            "conv.partial=True",
            "kernel.hidden_channels=8",
            "base_group=SE2",
            "base_group.num_samples=8",
        )
    ),
}
"""The shapes of the paper's nets, by the letters that EXPERIMENTS.md uses."""


class ReadyMade(nn.Module):
    """A convolution whose kernel exists already: what is left is one conv2d.

    Args:
        layer: the convolution that it stands for.
        weight: [S, G_out, C_out, C_in, G_in, k, k]; gets a gradient, and is never updated.
        elements: [1, G_out, d] of its output.
    """

    def __init__(self, layer: Convolution, weight: Tensor, elements: Tensor) -> None:
        super().__init__()
        self.windows, self.padding_mode, self.bias = (
            layer.windows(0),
            layer.padding_mode,
            layer.bias,
        )
        by_channel = weight.detach().transpose(1, 2).clone(memory_format=torch.contiguous_format)
        self.ready = nn.Parameter(by_channel)
        self.register_buffer("elements", elements.detach().clone())

    def forward(self, images: Tensor | GroupFeature, like: object = None) -> GroupFeature:
        x = images[:, :, None] if isinstance(images, Tensor) else images.x
        y = convolve(x, self.ready.transpose(1, 2), self.bias, self.windows, self.padding_mode)
        return GroupFeature(y, self.elements)


def dense_floor(workload: Workload, batch_size: int) -> nn.Module:
    """The workload's net with a `ReadyMade` for each convolution, of its shape for this batch."""
    model = workload.model("conv.rank=null").eval()
    with torch.no_grad(), frozen_kernels(model) as kernels:
        model(workload.images(batch_size))
    for name, module in list(model.named_modules()):
        if isinstance(module, Convolution):
            made = kernels[module]
            (inputs, counts, _), elements = made.inputs, made.sample.elements
            assert inputs is not None
            read = GroupFeature(workload.images(1), inputs, counts)
            weight = module.kernel_weights(read, elements)
            if workload.per_image:
                weight = weight.expand(batch_size, *weight.shape[1:])
            model.set_submodule(name, ReadyMade(module, weight, elements))
    return model
