"""The latent space of an autoencoder: where the views lie, and what is decoded from there."""

from torch import nn

from analysis.latents import draw_latents, draw_rows, draw_traversal
from datasets.spec import DataSpec
from measures.measure import Measure, Measured, Subject
from measures.orbits import decoded, encoded, spaced, test_orbits
from models.vae import VAE
from partial_equiv.intervals import Count
from partial_equiv.refusal import Refusal
from tasks import Task

__all__ = ["LatentSpace"]


class LatentSpace(Measure):
    """Draws the latents of all test views, a traversal of their plane, and reconstructions.

    Args:
        num_images: test images whose reconstructions are shown.
    """

    def __init__(self, num_images: Count = 4) -> None:
        self.num_images = num_images

    def check(self, model: nn.Module, spec: DataSpec, task: Task) -> None:
        """Check that this can be measured of the net.

        Raises:
            Refusal: unless the net is an autoencoder of views.
        """
        if not isinstance(model, VAE):
            raise Refusal("the net is no autoencoder; try net=vae_small task=elbo")
        if spec.num_views == 1 or spec.whole_orbits:
            raise Refusal("the data set has no views of single images; try dataset=orbits")

    def measure(self, subject: Subject) -> Measured:
        """The latent size, and the pictures."""
        model, spec = subject.model, subject.spec
        assert isinstance(model, VAE)
        views, classes = test_orbits(subject)
        latents = encoded(model, views)
        chosen = spaced(len(views), self.num_images)
        rows = {"image": views[chosen], "decoded": decoded(model, latents[chosen])}
        title = "Views of test images, and what the autoencoder makes of them"
        pictures = [subject.picture(name) for name in ("latents", "traversal", "reconstructions")]
        draw_latents(latents, classes, spec.class_names, pictures[0])
        draw_traversal(model.decode, latents, spec, pictures[1])
        draw_rows(rows, spec, title, pictures[2])
        return Measured({"latent_size": model.latent_size}, pictures=pictures)
