"""What a part of the campaign found: how many cases it tried, and what became of the bad ones."""

import sys
from dataclasses import dataclass, field

__all__ = ["BAD", "Counts", "Found"]

BAD = ("lost", "different", "tracebacks", "hangs")
Found = tuple[str | None, str]
"""How a case ended badly (None: well), and what was seen."""


@dataclass
class Counts:
    """Counts of one part.

    Attributes:
        part: its name.
        tried: cases.
        bad: how many of them ended in each bad way.
        told: one text for each bad case: how to see it again.
    """

    part: str
    tried: int = 0
    bad: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BAD, 0))
    told: list[str] = field(default_factory=list)

    def case(self, what: str, end: str | None, seen: str = "") -> None:
        """Count a case, which ended badly in some way, or well (None); `seen` is its output."""
        self.tried += 1
        if end is not None:
            self.bad[end] += 1
            self.told.append(f"{end}: {what}")
            sys.stdout.write(f"{self.told[-1]}\n{_last_lines(seen)}")
            sys.stdout.flush()

    def line(self) -> str:
        """The counts in one line."""
        found = ", ".join(f"{number} {name}" for name, number in self.bad.items())
        return f"{self.part}: {self.tried} tried, {found}"


def _last_lines(text: str, most: int = 12) -> str:
    return "".join(f"    {line}\n" for line in text.strip().splitlines()[-most:])
