r"""Where the windows of a layer lie, and the stride rule.

A layer with stride s, window k, padding p and dilation d starts at the top left corner. Along an
axis of i pixels its windows lie symmetrically, so that it can commute with quarter turns and
mirrors, iff (i + 2p - d(k - 1) - 1) mod s = 0 (Edixhoven, Lengyel, van Gemert, "Using and Abusing
Equivariance", ICCVw 2023).
"""

from dataclasses import dataclass

__all__ = ["Windows"]


@dataclass(frozen=True)
class Windows:
    """The windows of a layer along one axis.

    >>> Windows(3, stride=2, padding=1).remainder(33)
    0
    >>> Windows(3, stride=2, padding=1).rule(32)
    '(32 + 2·1 - 3) mod 2 = 1'
    """

    kernel_size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def extent(self) -> int:
        """Pixels from the first to the last that a window reads: k, stretched by the dilation."""
        return self.dilation * (self.kernel_size - 1) + 1

    def remainder(self, size: int) -> int:
        """The pixels at the far end of `size` pixels that no window reads: 0 iff symmetrical."""
        return (size + 2 * self.padding - self.extent) % self.stride

    def rule(self, size: int) -> str:
        """The stride rule in numbers."""
        numbers = f"{size} + 2·{self.padding} - {self.extent}"
        return f"({numbers}) mod {self.stride} = {self.remainder(size)}"
