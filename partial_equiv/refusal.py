"""The error of a value that something cannot be made with, or of values that do not go together."""

import copyreg
from typing import Any

__all__ = ["Refusal"]


class Refusal(ValueError):
    """Says what is wrong, and which settings it is about, so that a program can name their keys.

    Attributes:
        reason: what is wrong, and what to do.
        settings: the values that it is about, by the name of the argument; a dotted name, or that
            of a whole section, is a key of the app's config.

    >>> raise Refusal("padding=same needs an odd number", kernel_size=4)
    Traceback (most recent call last):
        ...
    partial_equiv.refusal.Refusal: kernel_size=4: padding=same needs an odd number
    """

    def __init__(self, reason: str, **settings: object) -> None:
        self.reason, self.settings = reason, settings
        about = ", ".join(f"{name}={value}" for name, value in settings.items())
        super().__init__(f"{about}: {reason}" if about else reason)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let processes hand it over as it is, whatever a subclass is made with."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]
