"""What Tab offers: options of the groups as one types them, keys and their values.

Hydra answers, but that it lists the options of a folder in a group as a group of its own, and files
that options share.
"""

import os
from collections.abc import Sequence

from hydra._internal.hydra import Hydra
from hydra.plugins.completion_plugin import CompletionPlugin

from command_line.options import groups
from command_line.spelling import spelled
from composition import Composition
from config_schema import ConfigError

__all__ = ["answer"]

SUBCOMMANDS = ("install", "uninstall", "query")


def answer(words: Sequence[str], composition: Composition) -> bool:
    """Print what a shell asks for, if it is options; else leave it to Hydra.

    Raises:
        ConfigError: if it is not said what to do.
    """
    command, _, shell = (words or [""])[0].partition("=")
    with composition.loader() as loader:
        plugins = Hydra.get_shell_to_plugin_map(loader)
        if command not in SUBCOMMANDS or shell not in plugins or len(words) > 1:
            told = " or ".join(f"{each}={'|'.join(plugins)}" for each in SUBCOMMANDS)
            raise ConfigError(f"--shell-completion: needs {told}")
        if command != "query":
            return False
        plugin = plugins[shell][0]
        own = groups(composition.folder)

        def matches(word: str, config_name: str | None, words: list[str]) -> tuple[list[str], bool]:
            given, equals, start = word.lstrip("+").partition("=")
            if not equals:
                plus = "+" * word.startswith("+")
                named = [f"{plus}{name}=" for name in own if name.startswith(given)]
                if not given.startswith("hydra"):
                    return [*named, *(["hydra/launcher="] if not given else [])], False
                return CompletionPlugin._query_config_groups(plugin, word, config_name, words)
            if given not in own:
                return CompletionPlugin._query_config_groups(plugin, word, config_name, words)
            key = word.partition("=")[0]
            options = (each for each in own[given].options if each.startswith(start))
            return [f"{key}={option}" for option in options], True

        plugin._query_config_groups = matches  # type: ignore[method-assign]
        before, space, last = os.environ.get("COMP_LINE", "").rpartition(" ")
        os.environ["COMP_LINE"] = " ".join(spelled(before.split())) + space + last
        try:
            plugin.query(composition.name)
        except Exception:  # a line that is not finished may be anything
            return True
    return True
