"""Batch statistics of several processes are those of their joint batch."""

import multiprocessing
from pathlib import Path

import torch
from torch import Tensor, distributed

from partial_equiv.gconv import GroupFeature, Norm
from tests.blobs import images


def on_a_rank(rank: int, folder: Path, weighs: bool) -> list[Tensor]:
    """One rank's part in a training step of a batch norm on eight images, 3 and 5 of them."""
    store = distributed.FileStore(str(folder / f"ranks{weighs}"), 2)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
    found = step(slice(0, 3) if rank == 0 else slice(3, 8), weighs)
    torch.save(found, folder / f"{rank}{weighs}.pt")
    distributed.destroy_process_group()
    return found


def step(batch: slice, weighs: bool) -> list[Tensor]:
    """The loss of some images' normalised features, its gradients, the running statistics."""
    torch.manual_seed(0)
    norm, x = Norm(3).double(), (2 * images(8, 3, 4, 5, 5) + 1)[batch].requires_grad_()
    norm.weight.data, norm.bias.data = images(3), images(3, seed=1)
    weights = torch.tensor([[1.0, 0.0, 0.5, 2.0]]).double().requires_grad_()
    feature = GroupFeature(x, torch.zeros(1, 4, 1), weights if weighs else None)
    target = images(8, 3, 4, 5, 5, seed=2)[batch]
    loss = (norm(feature).group_mean() - target[:, :, 0]).square().sum()
    shared = [norm.weight, norm.bias, *([weights] if weighs else [])]
    own, *sums = torch.autograd.grad(loss, [x, *shared])
    return [own, norm.running_mean, norm.running_var, loss.detach(), *sums]


def both_kinds(rank: int, folder: Path) -> None:
    """Without weights, then with them."""
    for weighs in (False, True):
        on_a_rank(rank, folder, weighs)


def test_two_ranks_normalise_as_one_process_does_the_joint_batch(tmp_path: Path) -> None:
    """Weighted or not, with batches of different sizes; the sums over ranks are the gradients."""
    process = multiprocessing.get_context("spawn").Process(target=both_kinds, args=(1, tmp_path))
    process.start()
    both_kinds(0, tmp_path)
    process.join()
    for weighs in (False, True):
        whole = step(slice(0, 8), weighs)
        one, other = (torch.load(tmp_path / f"{rank}{weighs}.pt") for rank in range(2))
        tight = {"rtol": 1e-11, "atol": 1e-11}
        torch.testing.assert_close(torch.cat([one[0], other[0]]), whole[0], **tight)
        for mine, theirs, expected in zip(one[1:3], other[1:3], whole[1:3], strict=True):
            torch.testing.assert_close(mine, expected, **tight)
            torch.testing.assert_close(theirs, expected, **tight)
        for mine, theirs, expected in zip(one[3:], other[3:], whole[3:], strict=True):
            torch.testing.assert_close(mine + theirs, expected, **tight)
