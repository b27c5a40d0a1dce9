"""A trained net in a file that others can use, checked against the net that it was made from.

    python -m export RUN --format onnx|pt2|safetensors   on the command line (`__main__`)
    export(load_run(folder), "pt2", place)               the same in Python

formats: the file of each format, and how it is read back → checks: does it answer as the net does,
and is it as equivariant? → card: the README beside it → folders: all of it, or nothing.
"""

from export.checks import Checked
from export.exporting import export
from export.formats import FORMATS

__all__ = ["FORMATS", "Checked", "export"]
