"""Many values as one parameter, so that a statement is the same text however many they are.

SQLAlchemy writes an IN anew for each number of values, and what it runs for many rows it makes
ready for each of them. A sender's loop runs the same few statements for ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeDecorator, TypeEngine


class _Numbers(TypeDecorator[Sequence[int]]):
    """An array in PostgreSQL, JSON in SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """What each database takes."""
        return dialect.type_descriptor(Text() if _embedded(dialect) else ARRAY(BigInteger()))

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """Written once for all of them."""
        return json.dumps if _embedded(dialect) else list


class _Texts(TypeDecorator[Mapping[int, str]]):
    """JSON in both."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Mapping[int, str] | None, dialect: Dialect) -> str:
        """An object, whose keys are the numbers.

        Not escaped, so that both refuse half of a surrogate pair: SQLite would keep it, and the row
        could not be read again.
        """
        return json.dumps(value, ensure_ascii=False)


class _Listed(FunctionElement[bool]):
    """Whether a column holds one of a list of numbers."""

    name = "listed"
    inherit_cache = True


class _Each(FunctionElement[Any]):
    """The members of a JSON object as rows."""

    name = "each"
    inherit_cache = True


def listed(column: ColumnElement[int], parameter: str) -> ColumnElement[bool]:
    """Whether a column holds one of the numbers that a parameter is told as a sequence."""
    return _Listed(column, bindparam(parameter, type_=_Numbers()))


def each(parameter: str) -> TableValuedAlias:
    """Rows of `key`, a number as text, and `value`, of the texts by number a parameter is told."""
    return _Each(bindparam(parameter, type_=_Texts())).table_valued("key", "value", name=parameter)


def _embedded(dialect: Dialect) -> bool:
    return dialect.name == "sqlite"


@compiles(_Listed)
def _any(element: _Listed, compiler: SQLCompiler, **named: Any) -> str:
    column, numbers = (compiler.process(one, **named) for one in element.clauses)
    return f"{column} = ANY({numbers})"


@compiles(_Listed, "sqlite")
def _in(element: _Listed, compiler: SQLCompiler, **named: Any) -> str:
    column, numbers = (compiler.process(one, **named) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({numbers}))"  # noqa: S608  both written by SQLAlchemy


@compiles(_Each)
def _members(element: _Each, compiler: SQLCompiler, **named: Any) -> str:
    return f"json_each_text(CAST({compiler.process(element.clauses, **named)} AS JSON))"


@compiles(_Each, "sqlite")
def _embedded_members(element: _Each, compiler: SQLCompiler, **named: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **named)})"
