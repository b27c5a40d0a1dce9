"""Ask the trained net of a run about pictures: python -m predict RUN PICTURES…"""

import logging
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from pathlib import Path

from config_schema import exit_status
from constructors import load_run
from datasets.spec import one_line
from partial_equiv.refusal import Refusal
from predict.answers import predict
from predict.places import find_pictures
from predict.writing import as_table, check_output, write_records

__all__ = ["main"]

DESCRIPTION = """\
Ask the trained net of a run about pictures.

  python -m predict outputs/mine photos                  a table of the three likeliest classes
  python -m predict outputs/mine a.jpg b.png --angles 8  does the answer change as they turn?
  python -m predict outputs/mine photos --output answers.csv

Pictures may be of any size and mode. They are made ready as the test images of the run were: the
camera's orientation is obeyed, what is transparent becomes white, they become squares of the net's
size, grey if it knows no colour, are cropped to their disc if those were, and normalised.
"""
EPILOG = """\
Damaged pictures are named on the standard error, one a line; the others are answered, and the exit
status is 1. In a folder, files count whose names end as those of pictures do (.jpg, .png, …).
A net that predicts numbers, such as the stiffness of cells, gives these in place of classes.
"""
LEAST, MOST = {"top": 1, "angles": 2, "bits": 9}, {"bits": 16}


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell what a net says of pictures; the exit status."""
    given = _parser().parse_args(arguments)
    return exit_status(lambda: _answer(given))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m predict",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")
    parser.add_argument(
        "pictures", nargs="+", metavar="PICTURES", help="files, or folders of them at any depth"
    )
    parser.add_argument("--top", type=int, default=3, metavar="N", help="likeliest classes (3)")
    parser.add_argument(
        "--angles",
        type=int,
        metavar="N",
        help="turn each picture by N equal steps, counter-clockwise; `kept` is the share of the "
        "other angles with the answer of 0 degrees, `change` how far numbers are from theirs",
    )
    parser.add_argument(
        "--bits", type=int, metavar="N", help="that count in pictures of 16 bits (as in training)"
    )
    parser.add_argument(
        "--output", "-o", type=Path, metavar="FILE", help=".csv or .jsonl, in place of a table"
    )
    parser.add_argument(
        "--package",
        action="append",
        default=[],
        metavar="NAME",
        help="of your own, whose classes the run may use",
    )
    return parser


def _answer(given: Namespace) -> int:
    for name, least in LEAST.items():
        value, most = getattr(given, name), MOST.get(name)
        if value is not None and not least <= value <= (most or value):
            allowed = f"from {least} to {most}" if most else f"{least} or more"
            raise Refusal(f"--{name} {value}: should be {allowed}")
    if given.output is not None:
        check_output(given.output)
    places = find_pictures(given.pictures)
    if not places.names and not places.left_out:
        raise Refusal(one_line(f"no pictures in {', '.join(given.pictures)}"))
    run = load_run(given.run, given.package)
    found = predict(run, places.names, top=given.top, angles=given.angles, bits=given.bits)
    _complain({**places.left_out, **found.unreadable})
    if found.records and given.output is not None:
        write_records(given.output, found.records)
    elif found.records:
        sys.stdout.write(as_table(found.records) + "\n")
    return 1 if places.left_out or found.unreadable else 0


def _complain(reasons: Mapping[str, str]) -> None:
    for name, reason in sorted(reasons.items()):
        sys.stderr.write(one_line(f"{name}: {reason}") + "\n")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(main())
