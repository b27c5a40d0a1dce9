"""Norm statistics: the average over batches, seen as in evaluation."""

import pytest
import torch
from torch import nn

from partial_equiv.gconv import Norm
from tests.training.small import make_net, make_splits
from training.norm_statistics import mixed_batches, reestimate


@pytest.mark.parametrize("momentum", [0.1, None])
def test_statistics_are_those_of_the_data(momentum: float | None) -> None:
    net = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm2d(3, momentum=momentum))
    images = 2 * torch.randn(40, 3, 4, 4, generator=torch.Generator().manual_seed(0)) + 1
    net[1].running_mean.fill_(77)
    reestimate(net, [(batch, 10) for batch in images.split(10)])
    assert torch.allclose(net[1].running_mean, images.mean((0, 2, 3)), atol=1e-5)
    assert torch.allclose(net[1].running_var, images.var((0, 2, 3)), rtol=0.05)
    assert net[1].momentum == momentum
    assert all(module.training for module in net.modules())


def test_modes_come_back_one_by_one() -> None:
    net = make_net().train()
    net[2].eval()
    modes = [module.training for module in net.modules()]
    (norm,) = (module for module in net.modules() if isinstance(module, Norm))
    before = norm.running_mean.clone()
    generator = torch.get_rng_state()
    images = mixed_batches(make_splits().train, 8, limit=3, seed=0, device="cpu")
    reestimate(net, images)
    assert modes == [module.training for module in net.modules()]
    assert not torch.equal(before, norm.running_mean)
    assert not norm.running_mean.is_inference()
    assert torch.equal(generator, torch.get_rng_state())  # samples are the deterministic ones


def test_ranks_read_their_shares_alone() -> None:
    split, read = make_splits(43).train, []
    raw = split.raw_batches
    split.raw_batches = lambda order, *rest: read.extend(order.tolist()) or raw(order, *rest)
    place = {"limit": 9, "seed": 0, "device": "cpu"}
    whole = [batch for batch, _ in mixed_batches(split, 8, **place)]
    assert sorted(read) == list(range(43))
    read.clear()
    shares = [[*mixed_batches(split, 8, rank=r, num_ranks=3, **place)] for r in range(3)]
    assert sorted(read) == list(range(43))
    for index, batch in enumerate(whole):
        for rank, own in enumerate(shares):
            assert own[index][1] == len(batch)
            assert torch.equal(own[index][0], batch[rank::3])


@pytest.mark.parametrize(("limit", "batches", "samples"), [(3, 3, 24), (9, 5, 40), (32, 5, 40)])
def test_batches_are_mixed_plain_and_from_all_over(limit: int, batches: int, samples: int) -> None:
    split = make_splits().train  # in order of class
    batches_of_all = list(mixed_batches(split, 8, limit=limit, seed=0, device="cpu"))
    images = [batch for batch, _ in batches_of_all]
    assert [number for _, number in batches_of_all] == [len(batch) for batch in images]
    assert [len(batch) for batch in images] == [8] * batches
    plain = {tuple(image.flatten().tolist()) for image, _ in split.batches(1)}
    seen = {tuple(image.flatten().tolist()) for batch in images for image in batch}
    assert len(seen) == samples
    assert seen <= plain
    bright_above = [(batch[:, 0, 0] > batch[:, 0, 5]).float().mean().item() for batch in images]
    assert all(0.1 < share < 0.9 for share in bright_above)
