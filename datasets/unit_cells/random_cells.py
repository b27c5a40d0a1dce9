"""Random periodic cells: white noise, smoothed, and cut at the level of a volume fraction.

The smoothing is Gaussian, with two length scales along two directions at random angles, so that
cells are coarse or fine, and alike or unlike in their directions; the law of the cells is that of
their mirrored, turned and shifted copies.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from datasets.unit_cells.connectivity import Cell, is_connected, largest_piece
from partial_equiv.refusal import Refusal

__all__ = ["CellLaw"]

MOST_TRIES = 1000


@dataclass(frozen=True)
class CellLaw:
    """The law of random cells [size, size]; every cell takes a generator of its own.

    Attributes:
        size: side in pixels.
        volume_fractions: of the ones; each cell's target lies between these, uniformly.
        length_scales: standard deviations of the smoothing, in sides of the cell; each cell takes
            two of them.
        connected: the ones of every cell are one piece of the plane: islands are taken away, which
            lowers the fraction, and cells that then hang together in no or one direction are drawn
            afresh.
    """

    size: int
    volume_fractions: tuple[float, float]
    length_scales: tuple[float, ...]
    connected: bool

    def draw(self, generator: torch.Generator) -> Cell:
        """Return a cell, uint8 [size, size] of zeros and ones.

        Raises:
            Refusal: if connected cells are too rare.
        """
        for _ in range(MOST_TRIES):
            cell = self._draw(generator)
            if not self.connected:
                return cell
            cell = largest_piece(cell)
            if is_connected(cell):
                return cell
        raise Refusal(
            f"none of {MOST_TRIES} cells with volume_fractions={list(self.volume_fractions)} "
            "was; try larger ones",
            connected=True,
        )

    def _draw(self, generator: torch.Generator) -> Cell:
        size, (low, high) = self.size, self.volume_fractions
        noise = torch.randn(size, size, generator=generator, dtype=torch.float64).numpy()
        share, turn = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
        scales = torch.randint(len(self.length_scales), (2,), generator=generator).tolist()
        waves = 2 * math.pi * np.fft.fftfreq(size, 1 / size)  # per side of the cell
        down, right = np.meshgrid(waves, waves, indexing="ij")
        cos, sin = math.cos(math.pi * turn), math.sin(math.pi * turn)
        along = self.length_scales[scales[0]] * (cos * right + sin * down)
        across = self.length_scales[scales[1]] * (cos * down - sin * right)
        smoothing = np.exp(-(along**2 + across**2) / 2)
        heights = np.fft.ifft2(np.fft.fft2(noise) * smoothing).real.ravel()
        num = round((low + share * (high - low)) * heights.size)
        cell = np.zeros(heights.size, dtype=np.uint8)
        cell[np.argsort(heights, kind="stable")[heights.size - num :]] = 1
        return cell.reshape(size, size)
