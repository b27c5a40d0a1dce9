"""The errors of turns that are known, on an autoencoder that loses nothing."""

import pytest

from measures.turning import turning_errors
from tests.tasks.test_turning import VIEWS, Pixels, QuarterTurn, Shrink, Stay, orbits


def test_errors_of_turns_that_are_known() -> None:
    views, _ = next(orbits().test.batches(9))
    exact = turning_errors(Pixels(), QuarterTurn(), views.split(4))
    assert max(*exact.image, *exact.latent, exact.composition, exact.single_step) < 1e-6
    assert len(exact.image) == len(exact.latent) == VIEWS - 1
    assert exact.reconstruction == [0.0] * (VIEWS - 1)
    stays = turning_errors(Pixels(), Stay(), views.split(4))
    assert stays.composition == 0, "the identity composes to the identity"
    assert min(*stays.image, stays.single_step) > 0.5, "but does not turn"
    shrinks = turning_errors(Pixels(), Shrink(), views.split(4))
    spread = (views - views.flatten(0, 1).mean(0)).square().flatten(2).sum(-1).mean()
    expected = (1 - 0.5**VIEWS) * (views[:, 0].square().flatten(1).sum(1).mean() / spread).sqrt()
    assert shrinks.composition == pytest.approx(expected.item(), rel=1e-5)
    assert shrinks.image_composition == pytest.approx(expected.item(), rel=1e-5)
