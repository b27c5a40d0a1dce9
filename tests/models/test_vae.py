"""Autoencoders: the evidence lower bound, shapes of every shipped net, exact equivariance."""

from functools import partial
from math import pi

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from constructors import Build, compose
from models.vae import Autoencoding, EquivariantVAE
from models.vae.equivariant import representation
from partial_equiv import O2, SO2, GroupConv, LiftingConv, Sampling, Siren, act_on_images
from partial_equiv.groups import Group
from tasks import ELBO, Classification
from tests import shipped
from tests.tolerances import BROKEN, EXACT, LAW

VAES = [name for name in shipped.names("net") if name.startswith("vae_")]
DOUBLE = torch.float64


class Fixed(nn.Module):
    """Answers what it was given."""

    def __init__(self, answer: Autoencoding) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, images: Tensor) -> Autoencoding:
        return self.answer


@given(st.integers(1, 4), st.integers(1, 5), st.floats(0, 4), st.integers(0, 99))
def test_elbo_is_reconstruction_and_weighted_kl(
    batch: int, latent_size: int, beta: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=DOUBLE)

    images, made = draw(batch, 1, 3, 3), draw(batch, 1, 3, 3)
    mean, log_variance = draw(batch, latent_size), draw(batch, latent_size)
    task = ELBO(beta)
    loss, metrics = task.step(Fixed(Autoencoding(made, mean, log_variance)), (images,))
    prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    kl = kl_divergence(Normal(mean, (log_variance / 2).exp()), prior).sum(1).mean()
    likelihood = Normal(made, torch.ones_like(made)).log_prob(images).sum((1, 2, 3)).mean()
    constant = 9 * torch.tensor(2 * pi).log() / 2
    assert metrics["kl"].item() == pytest.approx(kl.item())
    assert metrics["reconstruction"].item() == pytest.approx((-likelihood - constant).item())
    total = metrics["reconstruction"] + beta * metrics["kl"]
    assert loss.item() == pytest.approx(total.item())


def test_tasks_and_nets_that_do_not_fit_say_so() -> None:
    images, classes = torch.zeros(2, 1, 3, 3), torch.zeros(2, dtype=torch.long)
    made = Fixed(Autoencoding(images, torch.zeros(2, 1), torch.zeros(2, 1)))
    with pytest.raises(ValueError, match="try task=elbo"):
        Classification().step(made, (images, classes))
    with pytest.raises(ValueError, match="try net=vae_small"):
        ELBO().step(nn.Flatten(), (images, classes))


@pytest.mark.parametrize("name", VAES)
@pytest.mark.parametrize("size", [16, 28])
def test_shipped_autoencoders_answer_in_shape(name: str, size: int) -> None:
    words = (f"net={name}", "net.latent_size=4", f"dataset.size={size}", "conv.partial=False")
    build = Build(compose([*words, "task=elbo"]))
    vae = build.model
    torch.manual_seed(0)
    images = torch.randn(2, 1, size, size)
    loss, _ = build.task.step(vae, (images,))
    loss.backward()
    assert all(each.grad is not None for each in vae.parameters())
    vae.eval()
    with torch.no_grad():
        made, again = vae(images), vae(images)
        assert made.mean.shape == made.log_variance.shape == (2, 4)
        assert torch.equal(made.reconstruction, again.reconstruction), "no noise in evaluation"
        torch.testing.assert_close(made.reconstruction, vae.decode(made.mean))


def equivariant(group: Group, num_samples: int, latent_size: int = 8) -> EquivariantVAE:
    torch.manual_seed(0)
    layer = {
        "kernel": partial(Siren, hidden_channels=4),
        "sampling": partial(Sampling, group, num_samples),
        "kernel_size": 3,
    }
    lifting, conv = partial(LiftingConv, **layer), partial(GroupConv, **layer)
    vae = EquivariantVAE(1, (12, 12), lifting, conv, latent_size, 4).to(DOUBLE)
    return vae.eval()


@pytest.mark.parametrize(("group", "num_samples"), [(SO2(), 4), (SO2(), 8), (O2(), 8)])
def test_latents_turn_with_the_image_and_back(group: Group, num_samples: int) -> None:
    vae = equivariant(group, num_samples)
    images = torch.randn(3, 1, 12, 12, dtype=DOUBLE, generator=torch.Generator().manual_seed(1))
    elements = [[pi / 2], [pi], [-pi / 2]] if group.element_size == 1 else [[pi / 2, 0], [pi, 1]]
    for element in torch.tensor(elements, dtype=DOUBLE):
        matrix = group.matrix(element)
        turn = representation(matrix[None], vae.frequencies)[0]  # [P, 2, 2]
        with torch.no_grad():
            (mean, variance), (moved, same) = (
                vae.encode(x) for x in (images, act_on_images(matrix, images))
            )
            turned = torch.einsum("pij,bpj->bpi", turn, mean.unflatten(1, (-1, 2))).flatten(1)
            error = EXACT[DOUBLE] * mean.abs().max()
            assert (moved - turned).abs().max() < error
            assert (moved - mean).abs().max() > BROKEN * error, "it says nothing about the angle"
            torch.testing.assert_close(variance, same, rtol=0, atol=EXACT[DOUBLE])
            decoded = act_on_images(matrix, vae.decode(mean))
            found = vae.decode(turned)
        assert (found - decoded).abs().max() < EXACT[DOUBLE] * decoded.abs().max()


@given(st.integers(0, 7), st.integers(0, 7))
def test_the_latents_carry_a_representation(one: int, other: int) -> None:
    group = O2()
    elements = torch.tensor([[k % 4 * 0.7, k // 4] for k in (one, other)], dtype=DOUBLE)
    frequencies = torch.arange(4)
    left, right = (representation(group.matrix(each[None]), frequencies) for each in elements)
    product = representation(group.matrix(group.product(*elements)[None]), frequencies)
    torch.testing.assert_close(left @ right, product, rtol=0, atol=LAW[DOUBLE])


def test_odd_latents_take_one_line() -> None:
    with pytest.raises(ValueError, match="latent_size=3: latents that turn come in pairs"):
        equivariant(SO2(), 4, 3)
