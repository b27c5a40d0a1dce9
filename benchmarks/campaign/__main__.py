"""The campaign's command line, see `benchmarks.campaign`."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

__all__ = ["main"]

PARTS = {"kills": 40, "words": 1000, "files": 200, "resources": 100}  # and their usual counts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run parts of the campaign and print what they count; 1 if anything ended badly."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.campaign", description="Kill, mislead, damage and starve runs."
    )
    parser.add_argument("parts", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--count", type=int, help=f"of cases of each part (usual: {PARTS})")
    parser.add_argument("--seed", type=int, default=0, help="of the cases")
    given = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    from benchmarks.campaign.process import load

    load()
    root, found = Path.cwd(), []
    os.environ["PYTHONPATH"] = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    for part in given.parts:
        with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
            os.environ["OUTPUT_DIR"] = f"{folder}/outputs"
            count = PARTS[part] if given.count is None else given.count
            work = getattr(import_module(f"benchmarks.campaign.{part}"), part)
            found.append(work(count, given.seed, Path(folder)))
            os.chdir(root)
        sys.stdout.write(f"{found[-1].line()}\n")
        sys.stdout.flush()
    return int(any(any(counts.bad.values()) for counts in found))


if __name__ == "__main__":
    sys.exit(main())
