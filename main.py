"""The command line: `python main.py group=option key=value …`, see `python main.py --help`.

Every word is checked before anything is written: composed as Hydra would, validated against the
signatures, and for a single run constructed. Then Hydra makes the run folder, or the folders of a
sweep, and calls `job`.
"""

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from argparse import Namespace

HERE = Path(__file__).resolve().parent

# Threads that wait for work sleep: spinning ones, OpenMP's default, made training ten times slower
# whenever another process wanted one of the cores. (Read when torch is loaded: this stands first.)
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

log = logging.getLogger(__name__)

# Imports stand in the functions: --help answers at once, and the processes that are spawned for
# data-parallel training import this file again.


def main(words: Sequence[str]) -> int:
    """Run the command line's words; the exit status."""
    from config_schema import complaint
    from interruption import Interrupted, ending_at_once
    from together import speaks

    try:
        if {"--help", "-h"} & set(words):
            from command_line.usage import usage

            named = [word for word in words if not word.startswith("-")]
            sys.stdout.write(usage(HERE / "cfg", named))
            return 0
        with ending_at_once():
            return _start(words)
    except Interrupted as stop:
        from command_line.requeue import requeue

        requeue(stop.number)
        return stop.status
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        reason = complaint(error)
        if reason is None:
            raise
        if speaks():
            sys.stderr.write(f"{reason}\n")
        return 1


def _start(words: Sequence[str]) -> int:
    from hydra._internal.utils import get_args_parser

    from config_schema import ConfigError
    from together import several

    def refuse(message: str) -> NoReturn:
        raise ConfigError(message)

    # Workers of a sweep are started elsewhere and need to find our modules.
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    parser = get_args_parser()
    parser.error = refuse  # type: ignore[method-assign]
    arguments = parser.parse_intermixed_args(list(words))
    if several():
        from command_line.taking_part import together

        return together(arguments, lambda: _lead(arguments, words))
    return _lead(arguments, words)


def _lead(arguments: "Namespace", words: Sequence[str]) -> int:
    """Do what the words say; the exit status."""
    import hydra

    from command_line.job import job
    from command_line.preparation import prepare
    from command_line.workers import stopping_workers
    from composition import Composition
    from config_schema.words import HYDRA_ERRORS, refusal

    runs, sys.argv[1:] = None, list(words)
    if arguments.shell_completion:
        from command_line.completion import answer

        if answer(arguments.overrides, Composition()):
            return 0
    elif arguments.hydra_help:  # is the same whatever else is said
        sys.argv[1:] = ["--hydra-help"]
    elif not arguments.info:
        for word in arguments.overrides:
            sys.argv.remove(word)
        try:
            prepared = prepare(arguments)
        except KeyboardInterrupt:
            sys.stderr.write("interrupted before anything was written\n")
            raise
        runs = prepared.runs
        sys.argv += prepared.overrides
    start = hydra.main(config_path=str(HERE / "cfg"), config_name="config", version_base="1.3")
    try:
        with stopping_workers() if runs is not None else nullcontext():
            start(job)()
    except HYDRA_ERRORS as error:  # flags that exclude each other, words after --info
        raise refusal(error, arguments.overrides, Composition()) from error
    except SystemExit as error:  # something has failed, and said so
        if runs is None:
            return error.code if isinstance(error.code, int) else int(bool(error.code))
    except KeyboardInterrupt:
        if runs is not None:
            log.warning("interrupted; %s", runs.how_to_continue)
        raise
    return 0 if runs is None else runs.report()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
