"""A training of seconds with everything random in it; as a script, one run in its own process.

    python -m tests.training.small FOLDER name=value …

trains with these settings of the trainer; rank 0 saves the weights as FOLDER/weights.pt;
`metrics=[…]` are the task's, `beta=…` the weight of the equivariance error.
"""

import os
import sys
from functools import partial
from pathlib import Path

import torch
import yaml
from torch import Tensor, nn

from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit
from partial_equiv.ck import Siren
from partial_equiv.gconv import Dropout, GroupConv, GroupPool, LiftingConv, Norm
from partial_equiv.groups import O2
from partial_equiv.penalties import EquivarianceError
from partial_equiv.relaxations import Residual
from partial_equiv.sampling import Sampling
from tasks import Classification
from tracking import JsonTracker
from trainer import Trainer

SIZE = (6, 6)
SPEC = DataSpec(in_channels=1, num_classes=2, size=SIZE, mean=(0.5,), std=(0.5,))


def noisy(images: Tensor, generator: torch.Generator) -> Tensor:
    """An augmentation."""
    return images + 0.05 * torch.randn(images.shape, generator=generator)


def make_splits(train: int = 40, other: int = 11) -> Splits:
    """Two classes, bright above or bright below, in order of class, with noise."""

    def make(num: int, seed: int, augmented: bool) -> TensorSplit:
        generator = torch.Generator().manual_seed(seed)
        classes = torch.arange(num) * 2 // num
        images = 0.8 * torch.rand(num, 1, *SIZE, generator=generator)
        images[classes == 0, :, :3] += 0.2
        images[classes == 1, :, 3:] += 0.2
        return TensorSplit(images, classes, SPEC, noisy if augmented else None)

    return Splits(SPEC, make(train, 0, True), make(other, 1, False), make(other, 2, False))


def make_net(seed: int = 0) -> nn.Module:
    """A net with learned subsets, random samples, dropout and running statistics."""
    torch.manual_seed(seed)
    options = {
        "kernel": partial(Siren, hidden_channels=4),
        "sampling": partial(Sampling, group=O2(), num_samples=4, sampling="random"),
        "partial": True,
    }
    return nn.Sequential(
        LiftingConv(1, 4, **options),
        Norm(4),
        Dropout(0.2),
        GroupConv(4, 4, **options),
        GroupPool(),
        nn.Flatten(),
        nn.Linear(4 * SIZE[0] * SIZE[1], 2),
    )


def plain_net(seed: int = 0) -> nn.Module:
    """A deterministic net without statistics."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Linear(8, 2))


def normed_net(seed: int = 0) -> nn.Module:
    """A deterministic net with batch statistics, of features and of maps, and with a state that no
    gradient changes."""
    torch.manual_seed(seed)
    lifting = LiftingConv(
        1,
        4,
        kernel=partial(Siren, hidden_channels=4),
        sampling=partial(Sampling, O2(), 4),
        partial=True,
        relaxation=partial(Residual, control="partial"),
    )
    maps = [nn.Conv2d(4, 4, 3), Norm(4), nn.ReLU(), nn.Flatten()]
    return nn.Sequential(lifting, Norm(4), GroupPool("max"), *maps, nn.Linear(64, 2))


def make_trainer(folder: Path, **settings: object) -> Trainer:
    """A trainer with small defaults."""
    small = {"epochs": 3, "batch_size": 8, "warmup_epochs": 0, "device": "cpu"}
    return Trainer(run_folder=folder, tracker=JsonTracker(folder), **(small | settings))


def main(folder: Path, words: list[str]) -> None:
    """Run as the module's docstring says; `net=normed` takes all that is random away."""
    settings = {name: yaml.safe_load(value) for name, value in (w.split("=", 1) for w in words)}
    net, splits = make_net(), make_splits()
    if settings.pop("net", "") == "normed":
        net, splits.train.augment = normed_net(), None
    if beta := settings.pop("beta", None):
        settings["further_penalties"] = (EquivarianceError(beta=beta),)
    task = Classification(metrics=settings.pop("metrics", ()))
    make_trainer(folder, **settings).fit(net, splits, task)
    if os.environ.get("RANK", "0") == "0":
        torch.save(net.state_dict(), folder / "weights.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), sys.argv[2:])
