"""What is wrong in a word that Hydra refuses: key, value, what is allowed, nearest name."""

from collections.abc import Iterator, Sequence

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from composition import Composition
from config_schema.complaints import ConfigError, hint, line, unknown

__all__ = ["HYDRA_ERRORS", "refusal"]

HYDRA_ERRORS = (HydraException, OmegaConfBaseException, ValueError)  # the last for the word "=3"


def refusal(
    error: Exception, words: Sequence[str], composition: Composition, *, sweep: bool = False
) -> ConfigError:
    """Hydra's error about some words in ours: one line for each word that is wrong."""
    problems = list(_wrong_words(words, composition, sweep=sweep))
    return ConfigError("\n".join(problems or [_first_lines(error)]))


def _wrong_words(words: Sequence[str], composition: Composition, *, sweep: bool) -> Iterator[str]:
    choices: list[Override] = []
    values: list[Override] = []
    with composition.loader() as loader:
        for word in words:
            try:
                override = OverridesParser.create(loader).parse_overrides([word])[0]
                settings = _settings(override)
            except HYDRA_ERRORS as error:
                yield _unreadable(word, error)
                continue
            key = override.key_or_group
            options = _options(loader, key)
            if not key:
                yield f"{word}: should be written key=value"
            elif len(settings) > 1 and not sweep:
                reason = "several values need --multirun; a list is written in brackets"
                yield f"{word}: {reason}"
            elif not options:
                values += settings
            elif wrong := [name for each in settings for name in _names(each, options)]:
                for name in wrong:
                    allowed = " or ".join(_beside(str(name), options))
                    yield line(key, name, f"should be {allowed}{hint(name, options)}")
            else:
                choices.append(settings[0])
    good = [str(each.input_line) for each in choices]
    for choice in choices:
        said = str(choice.input_line)
        if wrong_form := _wrong_choice(choice, [e for e in good if e != said], composition):
            yield f"{said}: {wrong_form}"
            good.remove(said)
    yield from _wrong_values(good, values, composition)


def _settings(override: Override) -> list[Override]:
    """The override, or one for each value that it sweeps over."""
    if not override.is_sweep_override():
        return [override]
    key = override.get_key_element()
    parser = OverridesParser.create()
    return parser.parse_overrides([f"{key}={each}" for each in override.sweep_string_iterator()])


def _names(choice: Override, options: Sequence[str]) -> list[object]:
    """The names that a choice of group options gives and that are none."""
    value = choice.value()
    names = value if isinstance(value, list) else [value]
    return [] if choice.is_delete() else [name for name in names if name not in options]


def _options(loader: ConfigLoader, group: str) -> list[str]:
    """The options of a group, those of its subfolders as folder/name; not its shared _parts."""
    names = [name for name in loader.get_group_options(group) if not name.startswith("_")]
    folders = loader.list_groups(group) if group else []
    return names + [f"{f}/{name}" for f in folders for name in _options(loader, f"{group}/{f}")]


def _beside(name: str, options: Sequence[str]) -> list[str]:
    """The options in the folder that a name is given with; else those in none, and the folders."""
    places = {each: each.rpartition("/")[0] for each in options}
    beside = [each for each, place in places.items() if place == name.rpartition("/")[0]]
    folders = sorted({place for place in places.values() if place})
    alone = [each for each, place in places.items() if not place]
    return beside or [*alone, *(f"{each}/…" for each in folders)]


def _wrong_choice(choice: Override, others: Sequence[str], composition: Composition) -> str | None:
    """What is wrong with the form of a choice, if it alone keeps Hydra from composing.

    A choice can need another one, which brings the place that it is for.
    """
    word = str(choice.input_line)
    errors = []
    for words in ([word], [*others, word]):
        try:
            composition.config(words)
        except HYDRA_ERRORS as error:
            errors.append(error)
    if len(errors) < 2:
        return None
    group = choice.key_or_group
    if choice.package is not None:
        return f"nothing chooses a {group} for {choice.package or 'no place'}"
    if choice.is_delete():
        return f"~{group} leaves it out, {group}=… chooses another one"
    if choice.is_add() or choice.is_force_add():
        return f"there is a choice already, write {word.lstrip('+')}"
    return _first_lines(errors[0])


def _unreadable(word: str, error: Exception) -> str:
    if "=" not in word:
        return f"{word}: should be written {word}=value"
    reasons = [each for each in str(error).splitlines() if not each.startswith(("Error", "See"))]
    return f"{word}: cannot be read ({reasons[0]}); write key=value, with lists in brackets"


def _wrong_values(
    choices: Sequence[str],
    values: Sequence[Override],
    composition: Composition,
) -> Iterator[str]:
    try:
        base = composition.config(choices, with_hydra=True)
    except HYDRA_ERRORS as error:
        yield _first_lines(error)
        return
    everything = sorted(f"{section!s}.{name}" for section in base for name in _known(base, section))
    for override in values:
        word = str(override.input_line)
        try:
            composition.config([*choices, word])
        except HYDRA_ERRORS as error:
            key, value = override.key_or_group, override.value()
            parent, _, name = key.rpartition(".")
            while parent and OmegaConf.select(base, parent) is None:
                parent, _, name = parent.rpartition(".")
            owner = OmegaConf.select(base, parent) if parent else base
            if not isinstance(owner, DictConfig):
                yield line(key, value, f"{parent} is a value and has no {name}")
            elif name not in owner and name in _parts(parent, owner, composition):
                chosen = ",".join([*map(str, owner), name])
                yield line(key, value, f"nothing chooses {name}, write {parent}=[{chosen}] too")
            elif name not in owner:
                known = _known(base, parent)
                where = f"{parent}.{name}" if parent else name
                owned = f"{parent or 'the config'} has"
                yield unknown(where, value, owned, known, [] if parent else everything)
            elif override.is_add():
                yield line(f"+{key}", value, "is there already, leave out the +")
            else:
                yield line(key, value, _first_lines(error))


def _parts(group: str, owner: DictConfig, composition: Composition) -> list[str]:
    """The options of a group of which one chooses several; none of any other group."""
    with composition.loader() as loader:
        options = _options(loader, group) if group else []
    return options if all(name in options for name in owner) else []


def _known(base: DictConfig, key: object) -> set[str]:
    """The names that one can set below a key."""
    owner = OmegaConf.select(base, str(key)) if key else base
    names = owner if isinstance(owner, DictConfig) else ()
    return {str(each) for each in names if not str(each).startswith(("_", "hydra"))}


def _first_lines(error: BaseException) -> str:
    """What Hydra says, and why, and of which key."""
    causes = [error, error.__cause__] if error.__cause__ else [error]
    told = ": ".join(str(each).partition("\n")[0] for each in causes if str(each))
    key = getattr(error, "full_key", None)
    return f"{key}: {told}" if key else told
