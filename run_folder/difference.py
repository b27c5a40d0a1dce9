"""Whether a config is another experiment than the one whose run a folder holds."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from partial_equiv.refusal import Refusal
from run_folder.files import ANEW, CONFIG, read_config

__all__ = ["difference"]

# Where data lie and runs are shown says nothing about an experiment; a continued one may also
# train longer, or elsewhere, and be looked at otherwise.
FREE = re.compile(
    r"packages|tracking\..*|dataset\.(source\.)?(root|folder|download|num_workers)|train\.(resume|workers)"
)
ASKING = re.compile(r"net(\..*)?\.parameters")  # see `matching`
FREE_CONTINUED = re.compile(
    rf"{FREE.pattern}|(train|penalty|measure|probe)(\..*)?|task\.metrics|test"
)


def difference(folder: Path, config: Mapping[str, Any], *, continued: bool = False) -> str | None:
    """How a config is another experiment than the one in the folder, or None if it is the same.

    If it is to be continued, the settings of the training may differ.

    Raises:
        Refusal: if the folder has lost its config.
    """
    free = FREE_CONTINUED if continued else FREE
    if (known := read_config(folder)) is None:
        raise Refusal(f"{folder / CONFIG} is lost; {ANEW}")
    there, here = dict(_flat(known)), dict(_flat(config))
    chosen = {  # there, by a number of parameters that both ask for
        re.sub("parameters$", name, key)
        for key, number in here.items()
        for name in ("hidden_channels", "widths")
        if ASKING.fullmatch(key) and number is not None and there.get(key) == number
    }
    for key in sorted({*there, *here} - chosen):
        old, new = there.get(key, "absent"), here.get(key, "absent")
        asked = ASKING.fullmatch(key) or key == "conv.rank"
        if old == "absent" and ((asked and new is None) or (key == "test" and new is True)):
            continue  # the folder is older than the setting
        if old != new and not free.fullmatch(key):
            return f"{key}={new}: the run in {folder} has {key}={old}"
    return None


def _flat(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
