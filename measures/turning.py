"""How far a learned turn of latents, and its powers, are from the turns of the image."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.latents import draw_rows
from analysis.orbit_curves import draw_turning_errors
from datasets.spec import DataSpec
from measures.measure import Measure, Measured, Subject
from measures.orbits import decoded, encoded, spaced, test_orbits
from models.latent import Transformation
from models.vae import VAE
from partial_equiv.intervals import Count
from partial_equiv.refusal import Refusal
from tasks import Task, Turning

__all__ = ["Errors", "TurningErrors", "turning_errors"]

BATCH = 64  # orbits measured at once


class TurningErrors(Measure):
    """Errors of T over the orbits of the test images, and pictures of what it turns.

    Args:
        num_images: test images whose learned turns are shown.
    """

    def __init__(self, num_images: Count = 4) -> None:
        self.num_images = num_images

    def check(self, model: nn.Module, spec: DataSpec, task: Task) -> None:
        """Check that this can be measured of the net.

        Raises:
            Refusal: unless the net is a turn of latents.
        """
        if not (isinstance(model, Transformation) and isinstance(task, Turning)):
            raise Refusal("the net is no turn of latents; try net=transformation task=turning")

    def measure(self, subject: Subject) -> Measured:
        """The errors: over single steps, of the whole turn, and by the angle."""
        model, task, num_views = subject.model, subject.task, subject.spec.num_views
        assert isinstance(model, Transformation)
        assert isinstance(task, Turning)
        autoencoder = task.autoencoder.to(subject.device)
        views, _ = test_orbits(subject)
        errors = turning_errors(autoencoder, model, views.split(BATCH))
        curves = {
            "image, decoded from $T^k z$": errors.image,
            "latent $T^k z$": errors.latent,
            "image, only reconstructed": errors.reconstruction,
        }
        pictures = [subject.picture(name) for name in ("turning_errors", "turned")]
        draw_turning_errors(curves, num_views, pictures[0])
        shown = views[spaced(len(views), self.num_images)]
        with torch.no_grad():
            turned = model.iterated(encoded(autoencoder, shown)[:, 0], num_views - 1)
        rows = {"image": shown, "learned turns": decoded(autoencoder, turned)}
        title = "Views of test images, and the latent of the first, one learned turn after another"
        draw_rows(rows, subject.spec, title, pictures[1])
        degrees = [360 * k // num_views for k in range(1, num_views)]
        values = {
            "single_step_error": errors.single_step,
            "composition_error": errors.composition,
            "image_composition_error": errors.image_composition,
            **{f"image_error_{at}": e for at, e in zip(degrees, errors.image, strict=True)},
            **{f"latent_error_{at}": e for at, e in zip(degrees, errors.latent, strict=True)},
        }
        return Measured(values, pictures=pictures)


@dataclass(frozen=True)
class Errors:
    """How far Tᵏ is from a turn by k steps: RMS errors, relative to the spread over the images.

    1 says that an error is as large as the distance from the mean of all.

    Attributes:
        latent: of Tᵏ(z_0) against the latent of view k, k = 1 … V − 1.
        image: of D(Tᵏ z_0) against view k.
        reconstruction: of D(z_k) against view k, which no T can be expected to beat.
        single_step: of D(T z_k) against view k + 1, over all k.
        composition: of T^V(z_0) against z_0: how far T^V is from the identity.
        image_composition: of D(T^V z_0) against D(z_0).
    """

    latent: list[float]
    image: list[float]
    reconstruction: list[float]
    single_step: float
    composition: float
    image_composition: float


@torch.no_grad()
def turning_errors(
    autoencoder: VAE, transformation: Transformation, orbits: Iterable[Tensor]
) -> Errors:
    """Measure T on batches of whole orbits [B, V, C, H, W], where the nets are."""
    squares: dict[str, Tensor] = {}  # [V], or [1]: summed over the images
    spreads = {name: Spread() for name in ("images", "latents", "made")}
    num = 0
    for views in orbits:
        num += len(views)
        latents = encoded(autoencoder, views)  # [B, V, d]
        iterates = transformation.iterated(latents[:, 0], latents.shape[1])  # [B, V + 1, d]
        turned = transformation(latents.flatten(0, 1)).view_as(latents)
        made, images = decoded(autoencoder, latents), decoded(autoencoder, iterates)
        pairs = {
            "latent": (iterates[:, 1:-1], latents[:, 1:]),
            "image": (images[:, 1:-1], views[:, 1:]),
            "reconstruction": (made[:, 1:], views[:, 1:]),
            "single_step": (decoded(autoencoder, turned), views.roll(-1, 1)),
            "composition": (iterates[:, -1:], latents[:, :1]),
            "image_composition": (images[:, -1:], made[:, :1]),
        }
        for name, (found, wanted) in pairs.items():
            error = (found - wanted).double().square().flatten(2).sum((0, 2))
            squares[name] = squares.get(name, 0) + error
        for name, values in {"images": views, "latents": latents, "made": made}.items():
            spreads[name].add(values.flatten(0, 1))

    def relative(name: str, to: str) -> Tensor:
        return squares[name] / num / spreads[to].variance.clamp_min(1e-12)

    return Errors(
        latent=relative("latent", "latents").sqrt().tolist(),
        image=relative("image", "images").sqrt().tolist(),
        reconstruction=relative("reconstruction", "images").sqrt().tolist(),
        single_step=relative("single_step", "images").mean().sqrt().item(),
        composition=relative("composition", "latents").sqrt().item(),
        image_composition=relative("image_composition", "made").sqrt().item(),
    )


class Spread:
    """The variance of vectors, added up over their components, batch by batch."""

    def __init__(self) -> None:
        self.count = 0
        self.total: Tensor | float = 0.0
        self.squares: Tensor | float = 0.0

    def add(self, values: Tensor) -> None:
        """Take values [N, ...]."""
        values = values.double()
        self.count += len(values)
        self.total = self.total + values.sum(0)
        self.squares = self.squares + values.square().sum(0)

    @property
    def variance(self) -> Tensor:
        """Of all values."""
        mean = torch.as_tensor(self.total) / self.count
        return (torch.as_tensor(self.squares) / self.count - mean.square()).sum()
