"""The text of `python main.py --help`: common commands, and the options of every group."""

from pathlib import Path

import yaml

from command_line import NO_OPTIONS

__all__ = ["usage"]

HEAD = """\
Train and examine networks that learn how equivariant each layer should be.

  python main.py                                         a small net on rotated digits, a minute
  python main.py net=gcnn base_group=E2 conv.partial=True
  python main.py -m seed=0,1,2 conv.partial=True,False   six runs; hydra/launcher=joblib: at once
  python main.py +experiment=rotmnist/SE2-8-partial      a row of EXPERIMENTS.md
  python main.py train.resume=<run folder>               go on where a run stopped
  python main.py debug=True                              dry run of a few batches, no network
  python main.py --cfg job                               show the config instead of running it

Choose an option of a group as group=option (* is the default):

"""
TAIL = """
Set any value by its key: train.epochs=5 base_group.num_samples=16 kernel.omega0=20 seed=1
The result, the figures and the checkpoints are left in outputs/<date>/<time> ($OUTPUT_DIR for
outputs). A sweep that is started again with its hydra.sweep.dir=<folder> skips what is done.
HYDRA_FULL_ERROR=1 shows the traceback of an error; --hydra-help tells Hydra's own flags.
"""


def usage(folder: Path) -> str:
    """The help text for the config files in a folder."""
    entries = yaml.safe_load((folder / "config.yaml").read_text())["defaults"]
    defaults = {
        group: option
        for entry in entries
        if isinstance(entry, dict)
        for group, option in entry.items()
    }
    lines = []
    for group in sorted(path for path in folder.iterdir() if path.is_dir()):
        options = sorted(
            str(path.relative_to(group).with_suffix("")) for path in group.rglob("*.yaml")
        )
        if options and group.name not in NO_OPTIONS:
            default = defaults.get(group.name)
            marked = ["*" + option if option == default else option for option in options]
            prefix = "" if group.name in defaults else "+"
            lines.append(f"  {prefix + group.name:<14}{'  '.join(marked)}\n")
    return HEAD + "".join(lines) + TAIL
