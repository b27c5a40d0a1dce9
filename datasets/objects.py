"""CIFAR-10, CIFAR-100 and STL-10: small colour pictures of objects, in memory, by torchvision.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009). A. Coates, H. Lee and
A. Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning", AISTATS 2011.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from datasets.images import Facts, Labelled
from datasets.published import PublishedFiles, PublishedImages
from datasets.spec import Splits
from partial_equiv.intervals import Count
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


IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and std of its photographs
FACTS: dict[Variant, Facts] = {
    "CIFAR10": Facts(*IMAGENET, CIFAR10_NAMES, side=32),
    "CIFAR100": Facts(*IMAGENET, tuple(CIFAR100_NAMES.split()), side=32),
    "STL10": Facts((0.4467, 0.4398, 0.4066), (0.2603, 0.2566, 0.2713), STL10_NAMES, side=96),
}


@dataclass(frozen=True, kw_only=True)
class Objects(PublishedImages):
    """Classes of objects; STL-10's are its 5,000 labelled training pictures and 8,000 to test.

    For further settings, see `ImageSet`.

    Attributes:
        variant: which pictures.
    """

    variant: Variant = "CIFAR10"
    val_size: Count = 5000

    @property
    def facts(self) -> Facts:
        """Classes and normalisation."""
        return FACTS[self.variant]

    @property
    def files(self) -> PublishedFiles:
        """The batches of pictures, with the names of the classes."""
        from torchvision import datasets as torchvision_datasets

        source = getattr(torchvision_datasets, self.variant)
        md5 = dict(source.train_list + source.test_list)
        if self.variant != "STL10":
            md5[source.meta["filename"]] = source.meta["md5"]
        return PublishedFiles(self.variant, Path(self.root).expanduser(), source.base_folder, md5)

    def read(self) -> Splits:
        """Read the images; validation is held out of training."""
        return self.held_out(self.read_part(train=True), self.read_part(train=False))

    def read_part(self, *, train: bool) -> Labelled:
        """Return the images and labels of the training or test part, as they are."""
        from torchvision import datasets as torchvision_datasets

        source, side = getattr(torchvision_datasets, self.variant), self.facts.side
        files = self.files
        if self.variant == "STL10":
            part: dict[str, object] = {"split": "train" if train else "test"}
        else:
            part = {"train": train}

        def read() -> Labelled:
            data = source(str(files.root), **part, download=self.download)
            images = torch.from_numpy(data.data)
            if self.variant != "STL10":
                images = images.permute(0, 3, 1, 2)
            labels = torch.as_tensor(data.targets if "train" in part else data.labels).long()
            if images.shape != (len(labels), 3, side, side):
                raise Refusal(f"{len(labels)} labels for images of shape {tuple(images.shape)}")
            return images.contiguous(), labels

        return files.read(read)
