"""Keeps the embedded database from going by an index that it is no help to go by.

SQLite counts nothing by itself, so it takes a state for as rare as a number: asked for a hundred
numbers in some states it read every delivery in those states. PostgreSQL counts, and is not told.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

T = TypeVar("T")


class _Beside(FunctionElement[T]):
    """A column whose indexes SQLite leaves alone."""

    name = "beside"
    inherit_cache = True

    def __init__(self, column: ColumnElement[T]) -> None:
        super().__init__(column)
        self.type = column.type


def beside(column: ColumnElement[T]) -> ColumnElement[T]:
    """A column to be looked at in rows that another condition has found."""
    return _Beside(column)


@compiles(_Beside)
def _plain(element: _Beside[Any], compiler: SQLCompiler, **named: Any) -> str:
    return compiler.process(element.clauses, **named)


@compiles(_Beside, "sqlite")
def _signed(element: _Beside[Any], compiler: SQLCompiler, **named: Any) -> str:
    # https://sqlite.org/optoverview.html, "Disqualifying WHERE Clause Terms Using Unary-+"
    return f"+{compiler.process(element.clauses, **named)}"
