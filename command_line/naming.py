"""Names of runs: what was chosen, as one would say it."""

from collections.abc import Mapping, Sequence

__all__ = ["name_of"]

FIRST = ("net", "base_group", "dataset")  # what a name begins with, in this order
ELSEWHERE = (  # says where a run is and how it is shown, not what it is
    *("hydra.", "tracking", "debug", "measure", "probe", "train.resume"),
    *("dataset.root", "dataset.download", "dataset.folder"),
    *("dataset.source.root", "dataset.source.download"),
)
MOST_LETTERS = 128  # of a W&B name


def name_of(choices: Mapping[str, str], words: Sequence[str], seed: int = 0) -> str:
    """A run's name: net, group and data set, what the words change, and the seed.

    Args:
        choices: the chosen option of each group of the config.
        words: of the command line; places, tracking and the seed are left out.
        seed: of the run.

    >>> chosen = {"net": "gcnn", "base_group": "SE2", "dataset": "digits", "kernel": "siren"}
    >>> name_of(chosen, ["seed=3", "+experiment=small/a", "hydra.run.dir=/tmp/x"], 3)
    'gcnn SE2 digits small/a seed 3'
    >>> name_of(chosen, ["net.hidden_channels=8", "kernel=siren"])
    'gcnn SE2 digits siren hidden_channels=8 seed 0'
    """
    said = [choices[group] for group in FIRST if group in choices]
    groups, settings = [], []
    for word in words:
        key, _, value = word.lstrip("+~").partition("=")
        if key.startswith(ELSEWHERE) or key in FIRST or key == "seed":
            continue
        if key in choices or key == "experiment":
            groups.append(value)
        else:
            settings.append(f"{key.rpartition('.')[2]}={value}" if value else f"no {key}")
    end = f"seed {seed}"
    name = " ".join(dict.fromkeys([*said, *groups, *settings]))
    room = MOST_LETTERS - len(end) - 1
    return f"{name if len(name) <= room else name[: room - 1] + '…'} {end}"
