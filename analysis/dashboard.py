"""Make the saved W&B view of a project: `python -m analysis.dashboard --project … [--entity …]`."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from tracking import save_view

__all__ = ["main"]


def main(words: Sequence[str]) -> int:
    """Save the view and tell its address; the exit status."""
    parser = ArgumentParser(prog="python -m analysis.dashboard", description=__doc__)
    parser.add_argument("--project", default="partial_equiv", help="W&B project (partial_equiv)")
    parser.add_argument("--entity", help="W&B user or team (yours)")
    arguments = parser.parse_args(words)
    try:
        address = save_view(arguments.project, arguments.entity)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{address}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
