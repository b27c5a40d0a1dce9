r"""One table of symmetry discoveries: autoencoders and latent sizes against what they came to.

    python main.py -m routine=symmetry_discovery routine.autoencoder=mlp,small,deep,equivariant \
        routine.latent_size=2,16,64 hydra.sweep.dir=outputs/latents
    python -m analysis.latent_table outputs/latents
"""

import csv
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from config_schema.complaints import ConfigError
from run_folder import is_done, read_config, read_result

__all__ = ["COLUMNS", "main", "table"]

COLUMNS = {  # of the table, by the names of the figures
    "autoencoder/reconstruction": "reconstruction",
    "autoencoder/kl": "KL",
    "oracle/accuracy": "oracle",
    "transform/composition_error": "composition error",
    "transform/image_composition_error": "in images",
    "generator/angle_correlation": "angle correlation",
    "generator/tangent_cosine": "tangent cosine",
    "generator/is_rotation": "is rotation",
    "invariant/accuracy": "invariant",
}


def table(folder: Path) -> list[list[str]]:
    """The rows of all finished discoveries in a sweep's folder, below their head.

    Raises:
        ValueError: if there is none.
    """
    found = []
    for place in sorted(path for path in folder.glob("*") if is_done(path)):
        config = read_config(place) or {}
        routine: Mapping[str, Any] = config.get("routine", {})
        if "latent_size" in routine:
            key = (routine["autoencoder"], routine["latent_size"], config.get("seed", 0))
            found.append((key, read_result(place)))
    if not found:
        raise ConfigError(f"{folder}: holds no finished run of routine=symmetry_discovery")
    rows = [["autoencoder", "latent size", "seed", *COLUMNS.values()]]
    for key, result in sorted(found, key=lambda each: each[0]):
        rows.append([*map(str, key), *(_written(result.get(name)) for name in COLUMNS)])
    return rows


def _written(value: object) -> str:
    """A figure for a table; a dash for that of a stage that was left out."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table to the terminal and into the sweep's folder; the exit status."""
    parser = ArgumentParser(
        prog="python -m analysis.latent_table", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("folder", type=Path, help="of the sweep")
    given = parser.parse_args(arguments)
    try:
        head, *body = table(given.folder)
        with (given.folder / "latents.csv").open("w", newline="") as file:
            csv.writer(file).writerows([head, *body])
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    lines = [head, ["---"] * len(head), *body]
    sys.stdout.write("".join(f"| {' | '.join(line)} |\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
