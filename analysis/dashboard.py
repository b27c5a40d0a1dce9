"""Make the saved W&B view of a project: `python -m analysis.dashboard --project … [--entity …]`."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from config_schema.complaints import exit_status
from tracking import save_view

__all__ = ["main"]


def main(words: Sequence[str]) -> int:
    """Save the view and tell its address; the exit status."""
    parser = ArgumentParser(prog="python -m analysis.dashboard", description=__doc__)
    parser.add_argument("--project", default="partial_equiv", help="W&B project (partial_equiv)")
    parser.add_argument("--entity", help="W&B user or team (yours)")
    arguments = parser.parse_args(words)

    def save() -> int:
        sys.stdout.write(f"{save_view(arguments.project, arguments.entity)}\n")
        return 0

    return exit_status(save)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
