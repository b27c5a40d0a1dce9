"""Words as one types them: quoted for Hydra's grammar, and for the shell around it."""

import re
import shlex

__all__ = ["quoted", "typed"]

PLAIN = re.compile(r"[A-Za-z0-9_./+@%-]+(:[A-Za-z0-9_./+@%-]+)*")  # means itself to both


def quoted(value: object) -> str:
    r"""A value as a quoted string of Hydra's override grammar.

    >>> print(quoted("it's"), quoted("a\\"))
    'it\'s' 'a\\'
    """
    escaped = re.sub(
        r"(\\*)('|$)", lambda found: found[1] * 2 + found[2].replace("'", r"\'"), str(value)
    )
    return f"'{escaped}'"


def typed(key: str, value: object) -> str:
    """The word `key=value` as one types or pastes it in a shell.

    >>> print(typed("train.resume", "outputs/1"), typed("train.resume", "a b/seed=0,tracking=none"))
    train.resume=outputs/1 'train.resume='"'"'a b/seed=0,tracking=none'"'"''
    """
    text = str(value)
    return shlex.quote(f"{key}={text if PLAIN.fullmatch(text) else quoted(text)}")
