"""The page of a run: what was asked, what came out, what its layers learned, how to repeat it."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from analysis.names import plain
from analysis.report.blocks import (
    Block,
    Code,
    Facts,
    Folder,
    Page,
    Section,
    Shown,
    short,
    table,
    written,
)
from analysis.report.parts import (
    STATES,
    checkout,
    main_command,
    shown_figures,
    tables_of,
    where,
)
from analysis.report.records import TRAINING, charts, learned_kinds, learned_table, records
from run_folder import (
    CONFIG,
    RESULT,
    read_about,
    read_config,
    read_failure,
    read_overrides,
    read_result,
    state,
)

__all__ = ["run_page"]

DATA = ("test/", "val/")  # what a result says of them
COST = re.compile(r"seconds/|(best_epoch|epochs|parameters|samples)$")
MOST_FACTS, MOST_LETTERS = 120, 60_000


def run_page(path: Path) -> Page:
    """What can be told of the run in a folder."""
    folder = Folder(path)
    config = folder.attempt(read_config, path)
    about = folder.attempt(read_about, path) or {}
    words = folder.attempt(read_overrides, path) or []
    if not (path / CONFIG).exists():
        folder.note(f"{CONFIG} is not there: what was asked is not known")
    result = (folder.attempt(read_result, path) if (path / RESULT).exists() else None) or {}
    history = records(folder)
    if not result:
        folder.note("there is no result yet: this is what the run has left so far")
    what = state(path)
    reason = folder.attempt(read_failure, path) if what == "failed" else None
    shown = shown_figures(folder)
    learned = [each for each in shown if re.match("learned|relaxations", each.name)]
    others = [each for each in shown if each not in learned]
    kinds = learned_kinds(result, history)
    last = result or (history[-1] if history else {})
    sections = [
        Section("Result", list(_headline(result))),
        Section(
            "What was asked",
            list(_asked(config or {}, about, words)),
            "" if words or not config else "Every setting is that of the defaults.",
        ),
        Section("Training", charts(history, TRAINING)),
        Section(
            "What the layers learned of their symmetry",
            [
                *learned_table(last, kinds),
                *([Shown(learned)] if learned else charts(history, kinds)),
            ],
        ),
        Section("Measures", [*_measures(result, kinds), *tables_of(folder), Shown(others)]),
        Section("Cost", [Facts([(k, written(v)) for k, v in result.items() if COST.match(k)])]),
        Section("Where it ran", [Facts(where([about]))]),
        Section("How to repeat it", [Code(_repeated(words, about))] if config else []),
    ]
    told = f"{STATES[what]}: {reason}" if reason else STATES[what]
    return Page(
        "run", _title(config or {}, about, path), told, sections, folder.name, folder.missing
    )


def _title(config: Mapping[str, Any], about: Mapping[str, Any], path: Path) -> str:
    """The net, its group, the data and the seed; the folder's name where they are not known."""
    chosen = _options(about)
    names = [chosen[group] for group in ("net", "base_group", "dataset") if group in chosen]
    seed = [f"seed {written(config['seed'])}"] if "seed" in config else []
    return ", ".join([*names, *seed]) if names else path.absolute().name


def _options(about: Mapping[str, Any]) -> dict[str, str]:
    """The option of each part, as far as they are known."""
    chosen = about.get("chosen")
    return {k: written(v) for k, v in chosen.items()} if isinstance(chosen, dict) else {}


def _headline(result: Mapping[str, Any]) -> Iterator[Block]:
    """The figures of the test, and beside them those of validation."""
    names = [name for name in result if name.startswith(DATA)]
    names.sort(key=lambda name: (DATA.index(f"{name.partition('/')[0]}/"), "loss" in name))
    yield Facts([(name, _share(name, result[name])) for name in names[:4]], large=True)
    yield Facts([(name, _share(name, result[name])) for name in names[4:MOST_FACTS]])


def _share(name: str, value: object) -> str:
    """A value, as percent if it is an accuracy."""
    if name.endswith("accuracy") and isinstance(value, float) and 0 <= value <= 1:
        return f"{100 * value:.2f} %"
    return written(value)


def _asked(
    config: Mapping[str, Any], about: Mapping[str, Any], words: Sequence[str]
) -> Iterator[Block]:
    """The words, the options that were chosen, what the words set, and then every setting."""
    if not config:
        return
    said = {word.lstrip("+~").partition("=")[0]: word for word in words}
    options = _options(about)
    yield Code(main_command(words))
    own = [[key, _setting(config, key, word)] for key, word in said.items() if key not in options]
    if own:
        yield table(
            "Settings that were chosen; all others are the defaults", [["setting", "value"], *own]
        )
    yield Facts([(f"{part} (chosen)" if part in said else part, o) for part, o in options.items()])
    text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
    yield Code(text[:MOST_LETTERS], "Every setting")


def _setting(config: Mapping[str, Any], key: str, word: str) -> str:
    """The value of a key as the config has it, or as the word says."""
    value: Any = config
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return written(word.partition("=")[2] or "left out")
        value = value[part]
    if isinstance(value, Mapping):  # chosen options with all of their settings
        return written(word.partition("=")[2])
    return "null" if value is None else short(str(value))


def _measures(result: Mapping[str, Any], kinds: Collection[str]) -> Iterator[Block]:
    """What each measure came to."""
    own = [
        name
        for name in result
        if not (name.startswith(DATA) or COST.match(name) or name in kinds)
        and f"{name.partition('/')[0]}/" not in kinds
    ]
    for measure, names in groupby(own[:MOST_FACTS], key=lambda name: name.partition("/")[0]):
        lines = [[name.partition("/")[2] or name, _share(name, result[name])] for name in names]
        yield table(plain(measure), [["figure", "value"], *lines])


def _repeated(words: Sequence[str], about: Mapping[str, Any]) -> str:
    """What repeats a run, line by line."""
    own = [word for word in words if not word.lstrip("+").startswith("train.resume=")]
    return "\n".join([*checkout(about), main_command(own)])
