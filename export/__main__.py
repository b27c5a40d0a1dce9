"""Export the trained net of a run: python -m export RUN --format onnx|pt2|safetensors"""

import logging
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from config_schema import exit_status
from constructors import load_run
from datasets.spec import one_line
from export.exporting import check_export, export

__all__ = ["main"]

DESCRIPTION = """\
Export the trained net of a run, checked against it.

  python -m export outputs/mine --format onnx         outputs/mine/onnx/model.onnx
  python -m export outputs/mine --format pt2          for torch.export.load, without partial_equiv
  python -m export outputs/mine --format safetensors  weights and config, for load_pretrained

Each one is a folder with a README. The files are read back and compared with the net on 64 test
pictures: their answers, and how far these change as the pictures are moved by the net's group. If
they do not agree, nothing is left, and the exit status is 1.
"""
EPILOG = """\
The batch may have any number of pictures. Height and width are fixed: where the windows of strides
and pools lie follows from them, and a net that is exactly equivariant at one size may not be at
another. --format onnx needs more packages: pip install -e ".[export]"
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Export a net; the exit status."""
    given = _parser().parse_args(arguments)
    return exit_status(lambda: _export(given))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m export",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")
    parser.add_argument(
        "--format", required=True, metavar="FORMAT", help="onnx, pt2 or safetensors"
    )
    parser.add_argument(
        "--output", "-o", type=Path, metavar="FOLDER", help="for the files (RUN/FORMAT)"
    )
    parser.add_argument(
        "--package",
        action="append",
        default=[],
        metavar="NAME",
        help="of your own, whose classes the run may use",
    )
    return parser


def _export(given: Namespace) -> int:
    folder = given.output or given.run / given.format
    check_export(given.format, folder.expanduser().resolve())
    checked = export(load_run(given.run, given.package), given.format, folder)
    for line in (str(folder), *checked.lines):
        sys.stdout.write(one_line(line) + "\n")
    return 0


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s")
    logging.getLogger("export").setLevel(logging.INFO)  # the libraries of ONNX say a great deal
    sys.exit(main())
