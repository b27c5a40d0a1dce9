"""CIFAR-10, CIFAR-100 and STL-10: small colour pictures of objects, in memory, by torchvision.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009). A. Coates, H. Lee and
A. Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning", AISTATS 2011.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from datasets.augment import augmentation
from datasets.framing import resized
from datasets.holdout import hold_out, subset
from datasets.published import read_published
from datasets.rotation import Degrees
from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit
from partial_equiv.intervals import Count, Natural
from partial_equiv.refusal import Refusal

__all__ = ["Objects"]

Variant = Literal["CIFAR10", "CIFAR100", "STL10"]


CIFAR10_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
CIFAR100_NAMES = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
    camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile
    cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp
    lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
    oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
    possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
    spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
    train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
STL10_NAMES = (
    *("airplane", "bird", "car", "cat", "deer"),
    *("dog", "horse", "monkey", "ship", "truck"),
)


@dataclass(frozen=True)
class _Facts:
    side: int
    class_names: tuple[str, ...]
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


FACTS: dict[Variant, _Facts] = {
    "CIFAR10": _Facts(32, CIFAR10_NAMES),
    "CIFAR100": _Facts(32, tuple(CIFAR100_NAMES.split())),
    "STL10": _Facts(96, STL10_NAMES, (0.4467, 0.4398, 0.4066), (0.2603, 0.2566, 0.2713)),
}


class Objects:
    """Classes of objects; STL-10's are its 5,000 labelled training pictures and 8,000 to test.

    `train_size` keeps a class-balanced part of the training images; `split_seed` fixes which
    images are held out, whatever the training's seed; training images are turned by angles in
    [-augment_rotation, augment_rotation], mirrored (`augment_flip`) and shifted by up to
    `augment_crop` pixels, afresh in every epoch. `size` is what all images are resized to (None: as
    published), and `circle_crop` keeps only their inscribed discs.
    """

    def __init__(
        self,
        root: str = "data",
        variant: Variant = "CIFAR10",
        size: Count | None = None,
        circle_crop: bool = False,
        val_size: Count = 5000,
        train_size: Count | None = None,
        split_seed: Natural = 0,
        augment_flip: bool = False,
        augment_crop: Natural = 0,
        augment_rotation: Degrees = 0.0,
        download: bool = True,
    ) -> None:
        self.root = root
        self.variant: Variant = variant
        self.size = size
        self.circle_crop = circle_crop
        self.val_size = val_size
        self.train_size = train_size
        self.split_seed = split_seed
        self.augment = augmentation(augment_flip, augment_crop, augment_rotation)
        self.download = download

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation."""
        facts = FACTS[self.variant]
        side = self.size or facts.side
        return DataSpec(
            in_channels=3,
            num_classes=len(facts.class_names),
            size=(side, side),
            mean=facts.mean,
            std=facts.std,
            class_names=facts.class_names,
            circle_crop=self.circle_crop,
        )

    def splits(self) -> Splits:
        """Read the images and return the splits.

        Raises MissingData if the files are absent or damaged, ValueError for impossible sizes.
        """
        images, labels = self._read(train=True)
        kept, val = hold_out(labels, self.val_size, self.split_seed, "val")
        train = subset(kept, labels, self.train_size, self.split_seed, "train")
        spec = self.spec
        return Splits(
            spec,
            TensorSplit(images[train], labels[train], spec, self.augment),
            TensorSplit(images[val], labels[val], spec),
            TensorSplit(*self._read(train=False), spec),
        )

    def _read(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """Return images [N, 3, H, W] uint8 and labels [N] int64; raises MissingData."""
        from torchvision import datasets as torchvision_datasets

        source = getattr(torchvision_datasets, self.variant)
        root, side = Path(self.root).expanduser(), FACTS[self.variant].side
        files = dict(source.train_list + source.test_list)
        if self.variant == "STL10":
            part: dict[str, object] = {"split": "train" if train else "test"}
        else:
            part = {"train": train}
            files[source.meta["filename"]] = source.meta["md5"]

        def read() -> tuple[Tensor, Tensor]:
            data = source(str(root), **part, download=self.download)
            images = torch.from_numpy(data.data)
            if self.variant != "STL10":
                images = images.permute(0, 3, 1, 2)
            labels = torch.as_tensor(data.targets if "train" in part else data.labels).long()
            if images.shape != (len(labels), 3, side, side):
                raise Refusal(f"{len(labels)} labels for images of shape {tuple(images.shape)}")
            return resized(images.contiguous(), self.size), labels

        return read_published(self.variant, root, source.base_folder, files, read)
