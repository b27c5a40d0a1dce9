"""Is a generator rotation? Decided by numbers, on images that nobody has seen in training.

Flows start from the latents of test images and are as long as their orbits are on average; the
turn of a decoded frame is that of the first one that correlates best with it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from datasets.spec import DataSpec
from measures.flow.turns import best_turns, correlation, integrate, tangents
from measures.orbits import decoded, spaced
from measures.views import answers
from models.latent import Generators
from models.vae import VAE
from tasks.generating import centred

__all__ = ["NEEDED", "Judgement", "judge"]

NUM_FRAMES, SUBSTEPS = 25, 20
# What a flow must reach to be called rotation.
NEEDED = {
    "angle_correlation": 0.9,
    "tangent_cosine": 0.8,
    "similarity": 0.8,
    "label_agreement": 0.9,
}


@dataclass(frozen=True)
class Judgement:
    """A generator's flow in numbers, and some of it to look at.

    Attributes:
        values: "angle_correlation": of the turn with the flow's time, the mean over the starts, up
            to one sign for all of them; "tangent_cosine": of the generator with the true orbits'
            tangents, likewise; "similarity": correlation of the frames with the best turn of their
            start; "label_agreement": share of the decoded frames that the image classifier gives
            the class of their start; "decoded_agreement": that share of the starts' true orbits,
            encoded and decoded, which no flow can be expected to beat; "turned_degrees": by a flow
            as long as the orbits are, 360 for rotation, less where orbits zigzag; "oracle_drift":
            RMS change of the oracle's logits along the flow, relative to their spread; "length":
            of the flow.
        frames: decoded frames [N, F, C, H, W] in 0..1.
        degrees: their turns [N, F].
        latents: [N, F, d].
    """

    values: dict[str, float]
    frames: Tensor
    degrees: Tensor
    latents: Tensor

    @property
    def lacking(self) -> list[str]:
        """What keeps it from being rotation."""
        return [
            f"{name} {self.values[name]:.2f} < {least}"
            for name, least in NEEDED.items()
            if self.values[name] < least
        ]

    @property
    def is_rotation(self) -> bool:
        """Whether nothing does."""
        return not self.lacking


@torch.no_grad()
def judge(
    generators: Generators,
    number: int,
    autoencoder: VAE,
    oracle: nn.Module,
    classifier: nn.Module,
    orbits: Tensor,
    classes: Tensor,
    spec: DataSpec,
    num_starts: int,
) -> Judgement:
    """Judge the generator of that number on test latents [N, V, d] of classes [N]."""

    def field(latents: Tensor) -> Tensor:
        return generators(latents)[:, number]

    steps = orbits - orbits.roll(1, 1)
    length = steps.norm(dim=-1).sum(1).mean().item()
    chosen = spaced(len(orbits), num_starts)
    starts, labels = orbits[chosen, 0], classes[chosen]
    path = integrate(field, starts, length, NUM_FRAMES, SUBSTEPS)  # [N, F, d]
    images = decoded(autoencoder, path)
    mean, std = (
        torch.tensor(each, device=images.device).view(-1, 1, 1) for each in (spec.mean, spec.std)
    )
    frames = (images * std + mean).clamp(0, 1)
    turns = best_turns(frames)
    times = torch.linspace(0, length, NUM_FRAMES, device=frames.device).expand(len(frames), -1)
    directions = nn.functional.cosine_similarity(
        field(orbits.flatten(0, 1)), tangents(orbits).flatten(0, 1), dim=-1
    )
    told = answers(classifier, images)
    encoded = answers(classifier, decoded(autoencoder, orbits[chosen]))
    logits = centred(oracle(path.flatten(0, 1))).unflatten(0, path.shape[:2])
    spread = centred(oracle(orbits.flatten(0, 1))).std(0).norm().clamp_min(1e-12)
    drift = (logits - logits[:, :1]).square().sum(-1).mean().sqrt()
    moved = turns.degrees[:, -1] - turns.degrees[:, 0]
    values = {
        "angle_correlation": correlation(turns.degrees, times).mean().abs(),
        "tangent_cosine": directions.mean().abs(),
        "similarity": turns.similarity[:, 1:].mean(),
        "label_agreement": (told == labels[:, None]).double().mean(),
        "decoded_agreement": (encoded == labels[:, None]).double().mean(),
        "turned_degrees": moved.mean().abs(),
        "oracle_drift": drift / spread,
    }
    found = {name: value.item() for name, value in values.items()} | {"length": length}
    return Judgement(found, frames, turns.degrees, path)
