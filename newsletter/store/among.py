"""Asks for the rows of a batch of readers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement

DENSE = 8  # numbers passed over for one that is wanted, at most


def among(column: ColumnElement[int], numbers: Sequence[int]) -> ColumnElement[bool]:
    """Whether a column holds one of these numbers, which are in order.

    Where they lie close it costs less to ask for the stretch, and passing over a few is no harm.
    """
    first, last = numbers[0], numbers[-1]
    if last - first < DENSE * len(numbers):
        return column.between(first, last)
    return column.in_(numbers)
