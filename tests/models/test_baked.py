"""Whole nets are baked: strides, residual blocks, periodic cells, copies, latents."""

import pytest
import torch
from torch.utils._pytree import tree_leaves

import partial_equiv as pe
from constructors import Build, compose
from tests.test_matching import NETS

PLAIN = ("base_group=T2", "conv.partial=False")
CELLS = ("dataset=unit_cells", "task=regression", "base_group=dihedral", "dataset.size=32")
BAKED = {
    **{name: NETS[name][0] for name in ("p4cnn", "ckresnet", "resnet44", "vae_equivariant")},
    "cells": (*CELLS, "net.shifts=dilation"),
    "augerino": PLAIN,
}


def outputs(answer: object) -> list[torch.Tensor]:
    """The tensors of an answer."""
    return [each for each in tree_leaves(answer) if isinstance(each, torch.Tensor)]


@torch.no_grad()
@pytest.mark.parametrize("name", BAKED)
def test_a_baked_net_answers_as_it_does(name: str) -> None:
    build = Build(compose([f"net={name}", *BAKED[name]]))
    model, size = build.model.eval(), (build.shown.in_channels, *build.shown.size)
    baked, images = pe.bake(model, size), torch.rand(3, *size)
    pairs = list(zip(outputs(model(images)), outputs(baked(images)), strict=True))
    assert pairs
    for expected, found in pairs:
        within = 1e-4 * expected.abs().max().item()  # the VAE errs by 5e-5 against float64
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=within)


def test_cells_of_many_phases_are_not() -> None:
    build = Build(compose(["net=cells", *CELLS, "net.shifts=polyphase"]))
    with pytest.raises(pe.Refusal, match=r"^what pool0 does next depends on the values"):
        pe.bake(build.model.eval(), (1, 32, 32))
