"""Write the page of a run, a sweep or a study: python -m analysis.report FOLDER [-o FILE]."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from analysis.report import write_report
from config_schema.complaints import exit_status

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write it and tell where it is; the exit status."""
    parser = ArgumentParser(prog="python -m analysis.report", description=__doc__)
    parser.add_argument("folder", type=Path, help="of a run, a sweep or a study")
    parser.add_argument("-o", "--output", type=Path, help="the file (FOLDER/report.html)")
    given = parser.parse_args(arguments)

    def write() -> int:
        sys.stdout.write(f"{write_report(given.folder, given.output)}\n")
        return 0

    return exit_status(write)


if __name__ == "__main__":
    sys.exit(main())
