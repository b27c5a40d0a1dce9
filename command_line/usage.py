"""The text of `python main.py --help`: common commands, every group, preset and study.

`--help net` shows the options of a group with their settings, `--help net=gcnn` one of them.
"""

from collections.abc import Sequence
from pathlib import Path
from textwrap import indent

from command_line.options import PRESETS, Group, groups
from config_schema.complaints import ConfigError, hint

__all__ = ["usage"]

HEAD = """\
Train and examine networks that learn how equivariant each layer should be.

  python main.py                                         a small net on rotated digits, a minute
  python main.py net=gcnn base_group=E2 conv.partial=True
  python main.py -m seed=0,1,2 conv.partial=True,False   six runs; hydra/launcher=joblib: at once
  python main.py experiment=ckresnet                     settings of a file in cfg/experiment
  python main.py train.resume=<run folder>               go on where a run stopped
  python main.py debug=True                              dry run of a few batches, no network
  python main.py --cfg job                               show the config instead of running it
  python main.py --help net                              the options of a group, and their settings
  eval "$(python main.py -sc install=bash)"              Tab offers what can be typed (zsh, fish)

Choose an option of a group as group=option (* is the default):

"""
TAIL = """
Set any value by its key: train.epochs=5 base_group.num_samples=16 kernel.omega0=20 seed=1
The result, the figures and the checkpoints are left in outputs/<date>/<time> ($OUTPUT_DIR for
outputs). A sweep that is started again with its hydra.sweep.dir=<folder> skips what is done.
packages=[mypackage] allows classes of your own as _target_; PYTHONPATH says where it lies.
HYDRA_FULL_ERROR=1 shows the traceback of an error; --hydra-help tells Hydra's own flags.
"""


def usage(folder: Path, named: Sequence[str] = ()) -> str:
    """The help text for the config files in a folder; of the named groups, or of all in short.

    Raises:
        ConfigError: if there is no such group.
    """
    found = groups(folder)
    if named:
        return "\n".join(_in_full(found, word) for word in named)
    choices = [group for name, group in found.items() if name not in PRESETS]
    return HEAD + "".join(map(_in_short, choices)) + "".join(_presets(found)) + TAIL


def _in_short(group: Group) -> str:
    marked = ["*" + each if each == group.default else each for each in group.options]
    return f"  {group.name:<14}{'  '.join(marked)}\n"


def _presets(found: dict[str, Group]) -> list[str]:
    """The options of experiment and study, one a line."""
    lines = []
    for group in (found[name] for name in PRESETS if name in found):
        lines.append(f"\nStart from one of these as {group.name}=<name>:\n\n")
        width = max(map(len, group.options)) + 2
        lines += [f"  {each:<{width}}{group.about(each)}".rstrip() + "\n" for each in group.options]
    return lines


def _in_full(found: dict[str, Group], word: str) -> str:
    name, _, option = word.partition("=")
    name, _, key = name.lstrip("+~").partition(".")
    if name not in found:
        names = ", ".join(found)
        raise ConfigError(f"--help {word}: no group {name}, only {names}{hint(name, found)}")
    group = found[name]
    if option and not key and option not in group.options:
        raise ConfigError(f"--help {word}: {name} has no {option}{hint(option, group.options)}")
    shown = [option] if option and not key else group.options
    text = []
    for each in shown:
        text.append(f"{name}={each}  {group.about(each)}".rstrip())
        text.append(indent(group.settings(each), "    ") + "\n")
    return "\n".join(text)
