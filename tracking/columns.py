"""Columns of a table that hold one type each, as W&B wants them."""

from collections.abc import Sequence
from typing import cast

import numpy as np

__all__ = ["of_one_type"]


def of_one_type(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    """The rows of a table such that each column holds one type that W&B knows.

    A column of numbers and truths holds numbers, any other mixture is written out; None stays.

    >>> of_one_type([[0.5, "a", True], [True, 1, None], [None, None, False]])
    [[0.5, 'a', True], [1.0, '1', None], [None, None, False]]
    """
    columns = [_of_one_type(column) for column in zip(*rows, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]


def _of_one_type(column: Sequence[object]) -> list[object]:
    plain = [each.item() if isinstance(each, np.generic) else each for each in column]
    kinds = {type(each) for each in plain if each is not None}
    if len(kinds) < 2 and kinds <= {bool, int, float, str}:
        return plain
    if kinds <= {bool, int, float}:
        return [None if each is None else float(cast(float, each)) for each in plain]
    return [None if each is None else str(each) for each in plain]
