"""Views all around of the images of some classes of another data set."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor

from datasets.dataset import DataSet
from datasets.files import make_split
from datasets.orbits.latents import check_images, encoded_splits, latent_spec
from datasets.orbits.splits import whole_orbits
from datasets.orbits.storage import OrbitFile, write_orbits
from datasets.spec import DataSpec, Split, Splits
from from_run import FromRun
from models.vae import VAE
from partial_equiv.intervals import Count, NonNegative, Several
from partial_equiv.refusal import Refusal

__all__ = ["Orbits"]


class Orbits(DataSet):
    """Every image of some classes, turned by all multiples of 360°/num_views.

    A view's class is that of its image; classes are counted in the order of `classes`. The source
    data set splits its *images*, and all views of an image are in the same split. The file of a
    split is named by what it is made from, so that other images never meet an old file.

    Attributes:
        known: names of all classes of the source; their numbers, if they have no names.
        source: the data set that the images come from, as it gives them without augmentation.
        root: folder of the data; the views go to `root`/orbits,
        folder: or here.
        classes: names of the source's classes to keep; empty for all.
        num_views: of each image, at least 2.
        images_per_class: of each split, the first ones; None: all.
        whole: a sample is all views of an image, for task=turning.
        autoencoder: a sample is the mean latent that this net gives a view.
        memory: GiB; a split that needs more stays in its file.

    Raises:
        Refusal: if the source has no classes, or not these, or images that are not square; for an
            autoencoder of whole orbits, or of other images.
    """

    def __init__(
        self,
        source: DataSet,
        root: str = "data",
        folder: str | None = None,
        classes: Sequence[str] = (),
        num_views: Several = 12,
        images_per_class: Count | None = None,
        whole: bool = False,
        autoencoder: Annotated[VAE | None, FromRun()] = None,
        memory: NonNegative = 2.0,
    ) -> None:
        self.source = source
        self.folder = Path(root).expanduser() / "orbits"
        if folder is not None:
            self.folder = Path(folder).expanduser()
        if source.spec.num_classes is None:
            raise Refusal("source: its images have target vectors, no classes")
        numbers = tuple(str(number) for number in range(source.spec.num_classes))
        self.known = source.spec.class_names or numbers
        if unknown := [name for name in classes if name not in self.known]:
            names = ", ".join(self.known)
            raise Refusal(f"no class {unknown[0]}, only {names}", classes=list(classes))
        if len(set(classes)) < len(classes):
            raise Refusal("names a class twice", classes=list(classes))
        if source.spec.size[0] != source.spec.size[1]:
            raise Refusal(f"source: only square images turn, not {source.spec.size}")
        self.classes = tuple(classes) or self.known
        self.num_views = num_views
        self.images_per_class = images_per_class
        self.whole = whole
        self.autoencoder = autoencoder
        if autoencoder is not None:
            if whole:
                raise Refusal("orbits are of images, leave dataset.autoencoder out", whole=True)
            check_images(autoencoder, source.spec)
        self.memory = memory

    @property
    def spec(self) -> DataSpec:
        """That of the samples: views, whole orbits of them, or their latents."""
        if self.autoencoder is not None:
            return latent_spec(self.autoencoder, self._views)
        return replace(self._views, whole_orbits=self.whole)

    @property
    def _views(self) -> DataSpec:
        """That of the source, with the classes that are kept."""
        return replace(
            self.source.spec,
            num_classes=len(self.classes),
            class_names=self.classes,
            num_views=self.num_views,
            truth=None,
        )

    @property
    def place(self) -> str:
        """The folder of the views."""
        return str(self.folder)

    def check_available(self) -> None:
        """Look whether the source's files are there.

        Raises:
            MissingData: naming what is missing, and how to get it.
        """
        self.source.check_available()

    def read(self) -> Splits:
        """Turn the images, unless that is done.

        Raises:
            MissingData: if a source image, or a view, cannot be read.
            Refusal: if the views cannot be written.
        """
        source = self.source.splits()
        parts = {"train": source.train, "val": source.val, "test": source.test}
        views = Splits(self._views, *(self._split(name, part) for name, part in parts.items()))
        if self.autoencoder is not None:
            return encoded_splits(self.autoencoder, views)
        return whole_orbits(views) if self.whole else views

    def _split(self, part: str, source: Split) -> Split:
        images = self._images(source)
        path = self.folder / f"{self._fingerprint(images)}-{part}.h5"
        try:
            write_orbits(path, images, self.num_views)
        except OSError as error:
            told = re.search("error message = '(.*?)'", str(error))  # HDF5's lines are many
            reason = told[1] if told else error.strerror or str(error)
            what = f"folder={self.folder}: cannot be written to ({reason}), choose another folder"
            raise Refusal(what) from None
        file = OrbitFile(path)
        keys = [_key(name) for name in self.classes]
        names = [keys.index(key) for key in file.counts]  # the file sorts its keys
        labels = torch.tensor(names)[file.labels]
        indices = torch.arange(len(labels))
        return make_split(file, indices, labels, self._views, memory=self.memory)

    def _images(self, source: Split) -> dict[str, Tensor]:
        """The images of each class that has some, by its key: uint8 [n, C, H, W]."""
        spec = self.source.spec
        found: dict[str, list[Tensor]] = {name: [] for name in self.classes}
        for images, targets in source.batches(1024):
            raw = (spec.denormalised(images) * 255).round().clamp(0, 255).to(torch.uint8)
            for name, chosen in found.items():
                chosen.append(raw[targets == self.known.index(name)])
        kept = {
            _key(name): torch.cat(chosen)[: self.images_per_class] for name, chosen in found.items()
        }
        kept = {key: chosen for key, chosen in kept.items() if len(chosen)}
        if not kept:
            raise Refusal("a split has no image of them", classes=list(self.classes))
        return kept

    def _fingerprint(self, images: dict[str, Tensor]) -> str:
        digest = hashlib.blake2b(f"orbits 1 {self.num_views}".encode(), digest_size=8)
        for name, chosen in images.items():
            digest.update(f"{name} {tuple(chosen.shape)}".encode())
            digest.update(chosen.numpy().tobytes())
        return digest.hexdigest()


def _key(name: str) -> str:
    """A class's key in the file, where a slash would make a folder."""
    return name.replace("/", "%2F")
