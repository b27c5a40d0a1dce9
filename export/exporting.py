"""Exporting: written, read back, checked, and only then put in its place."""

from pathlib import Path

from constructors import LoadedRun
from export.card import card
from export.checks import Checked, check, images_of
from export.folders import check_place, written_whole
from export.formats import FORMATS
from partial_equiv.refusal import Refusal
from plain_files import write_whole

__all__ = ["README", "check_export", "export"]

README = "README.md"


def check_export(form: str, folder: Path) -> None:
    """Check that a net can be exported in a format to a folder, before it is loaded.

    Raises:
        Refusal: if there is no such format, if its extra is not installed, or if the folder is one
            that should not be replaced.
    """
    if form not in FORMATS:
        *others, last = FORMATS
        raise Refusal(f"--format {form}: should be {', '.join(others)} or {last}")
    try:
        FORMATS[form].check()
    except Refusal as error:
        raise Refusal(f"--format {form}: {error}") from None
    check_place(folder, (*FORMATS[form].files, README))


def export(run: LoadedRun, form: str, folder: str | Path) -> Checked:
    """Write the net of a run into a folder, in a format, with a README.

    The files are read back and compared with the net, on test images if the data are at hand; only
    then does the folder appear, or replace the one of an earlier export.

    Args:
        run: a finished one, see `load_run`.
        form: onnx, pt2 or safetensors.
        folder: of these files alone.

    Raises:
        Refusal: if the net cannot be written in the format, if the files do not answer as the net
            does, and as `check_export` does.
    """
    folder = Path(folder).expanduser().resolve()
    check_export(form, folder)
    kind = FORMATS[form]
    try:
        with written_whole(folder) as unfinished:
            kind.write(unfinished, run)
            checked = check(kind.read(unfinished, run), run, images_of(run))
            write_whole(unfinished / README, card(run, kind, checked))
    except Refusal as error:
        raise Refusal(f"{run.folder}: cannot be exported as {form}: {error}") from None
    return checked
