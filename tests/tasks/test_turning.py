"""The supervised turn, on an autoencoder that loses nothing."""

from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from datasets.orbits import turned_views, whole_orbits
from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit
from models.latent import Transformation
from models.vae import VAE
from tasks import Turning

SIZE, VIEWS = 4, 4
SPEC = DataSpec(1, 1, (SIZE, SIZE), (0.0,), (1.0,), num_views=VIEWS)


class Pixels(VAE):
    """Latents are the pixels."""

    latent_size = SIZE * SIZE

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images.flatten(1), torch.zeros_like(images.flatten(1))

    def decode(self, latents: Tensor) -> Tensor:
        return latents.unflatten(1, (1, SIZE, SIZE))


class QuarterTurn(Transformation):
    """The true one."""

    def __init__(self) -> None:
        super().__init__(SIZE * SIZE, 4)

    def forward(self, latents: Tensor) -> Tensor:
        return latents.unflatten(1, (SIZE, SIZE)).rot90(1, (-2, -1)).flatten(1)


class Stay(QuarterTurn):
    """None at all."""

    def forward(self, latents: Tensor) -> Tensor:
        return latents


class Shrink(QuarterTurn):
    """Half of it."""

    def forward(self, latents: Tensor) -> Tensor:
        return latents / 2


def orbits() -> Splits:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (9, 1, SIZE, SIZE), generator=generator, dtype=torch.uint8)
    views = turned_views(images, VIEWS).flatten(0, 1)
    split = TensorSplit(views, torch.zeros(len(views), dtype=torch.long), SPEC)
    return whole_orbits(Splits(SPEC, split, split, split))


@pytest.mark.parametrize("loss", ["image", "latent"])
@pytest.mark.parametrize("steps", [1, 3])
def test_the_true_turn_has_no_loss_and_no_other_does(
    loss: Literal["image", "latent"], steps: int
) -> None:
    task = Turning(Pixels(), loss, steps)
    batch = next(orbits().train.batches(9))
    found, parts = task.step(QuarterTurn().eval(), batch)
    assert found == 0
    assert list(parts) == [f"step{k}" for k in range(1, steps + 1)]
    wrong, parts = task.step(Stay().eval(), batch)
    views = batch[0]
    if steps == 1:
        expected = (views.roll(-1, 1) - views).square().mean()
    else:
        expected = torch.stack([(views[:, k] - views[:, 0]).square().mean() for k in (1, 2, 3)])
    assert wrong.item() == pytest.approx(expected.mean().item())
    assert torch.stack(list(parts.values())).mean().item() == pytest.approx(wrong.item())


def test_through_the_decoder_training_sees_latents_drawn_as_the_decoder_did() -> None:
    """Noise of variance 1 stays noise of variance 1 under the true turn; none is validated on."""
    torch.manual_seed(0)
    model, batch = QuarterTurn(), next(orbits().train.batches(9))
    found = [
        Turning(Pixels(), "image", 2).step(model.train(mode), batch)[0] for mode in (True, False)
    ]
    assert found[0].item() == pytest.approx(1, abs=0.2)
    assert found[1] == 0
    assert Turning(Pixels(), "latent", 2).step(model.train(), batch)[0] == 0


class Half(Pixels):
    """Half of the latents are the pixels; the other half, of the prior's variance, are unused."""

    latent_size = 2 * SIZE * SIZE

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean = torch.cat([images.flatten(1), torch.zeros_like(images.flatten(1))], dim=1)
        return mean, torch.where(torch.arange(self.latent_size) < SIZE * SIZE, -6.0, 0.0) + 0 * mean

    def decode(self, latents: Tensor) -> Tensor:
        return super().decode(latents[:, : SIZE * SIZE])


def test_a_turn_takes_no_notice_of_latents_that_the_decoder_does_not() -> None:
    torch.manual_seed(0)
    model, batch = Transformation(Half.latent_size, 32), next(orbits().train.batches(9))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(200):
        loss, _ = Turning(Half(), "image").step(model, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    mean = Half().encode(batch[0][:, 0])[0]
    unused = (torch.arange(Half.latent_size) >= SIZE * SIZE).float()
    images, moved = (Half().decode(model(mean + 3 * shift * unused)) for shift in (0, 1))
    assert (moved - images).square().mean() < 0.1 * images.var()


def test_gradients_pass_through_a_frozen_decoder() -> None:
    torch.manual_seed(0)
    frozen = Pixels()
    frozen.register_module("weights", nn.Linear(1, 1).requires_grad_(False))
    model = Transformation(SIZE * SIZE, 8)
    loss, _ = Turning(frozen, "image", 2).step(model, next(orbits().train.batches(9)))
    loss.backward()
    assert all(each.grad is not None for each in model.parameters())
