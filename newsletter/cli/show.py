"""How results are shown: tables for people, JSON for programs, progress on a terminal only."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from enum import Enum
from io import TextIOWrapper
from typing import Any, TextIO, TypeVar

import click
from rich.console import Console, Group, JustifyMethod
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from newsletter.errors import RequestError

PIPE_WIDTH = 120  # columns where the output is not a terminal and so has no width

F = TypeVar("F", bound=Callable[..., Any])
Shown = str | Table  # a line, or a table

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def console() -> Console:
    """Standard output as it is now; wide enough for tables when it is a pipe.

    Signs that it cannot show become question marks.
    """
    if not _is_utf(_encoding(sys.stdout)) and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    out = Console(highlight=False, soft_wrap=False)
    return out if out.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def speaks_unicode() -> bool:
    """Whether standard output can show more than ASCII, as tables find it out."""
    return _is_utf(console().encoding)


def say(text: str) -> None:
    """Lines for people on standard output."""
    click.echo(_fitting(harmless(text), _encoding(sys.stdout)))


def complain(text: str) -> None:
    """One line about what went wrong, on standard error."""
    click.echo(_fitting(f"Error: {harmless(text)}", _encoding(sys.stderr)), err=True)


def harmless(text: str) -> str:
    """The text without what would command a terminal; it may hold words from outside."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def counted(number: int, what: str, several: str = "") -> str:
    """ "1 paper", "2,000 papers"; `several` where they are not the one with an s."""
    return f"{number:,} {what if number == 1 else several or what + 's'}"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """Rows for people, on standard output."""
    console().print(grid(columns, rows, title=title))


def grid(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> Table:
    """A table to show. Whatever comes from outside is shown as it is, never as mark-up."""
    shown = Table(title=title or None, title_justify="left", header_style="bold")
    for at, column in enumerate(columns):
        numbers = bool(rows) and all(isinstance(row[at], int) for row in rows)
        instants = bool(rows) and all(isinstance(row[at], datetime) for row in rows)
        side: JustifyMethod = "right" if numbers else "left"
        shown.add_column(column, justify=side, overflow="fold", no_wrap=instants)
    for row in rows:
        shown.add_row(*(escape(_cell(value)) for value in row))
    return shown


def show(parts: Sequence[Shown]) -> None:
    """Lines and tables on standard output, in order."""
    for part in parts:
        if isinstance(part, str):
            say(part)
        else:
            console().print(part)


@contextmanager
def watching() -> Iterator[Callable[[Sequence[Shown]], None]]:
    """Shows lines and tables in place of those before; raises RequestError off a terminal."""
    out = console()
    if not out.is_terminal:
        raise RequestError("--watch needs a terminal; --json is for programs.")
    with Live(console=out, auto_refresh=False, vertical_overflow="visible") as live:
        yield lambda parts: live.update(
            Group(*(Text(harmless(x)) if isinstance(x, str) else x for x in parts)), refresh=True
        )


def dump(value: object) -> None:
    """A value as JSON on standard output; in escapes where that cannot show every sign."""
    escapes = not _is_utf(_encoding(sys.stdout))
    click.echo(json.dumps(value, indent=2, ensure_ascii=escapes, default=_plain))


def instant(moment: datetime | None) -> str:
    """An instant for people: minutes, UTC."""
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def in_words(span: timedelta) -> str:
    """ "12 s", "45 min", "3 h 20 min"."""
    seconds = math.ceil(span.total_seconds())
    if seconds < 120:
        return f"{max(seconds, 1)} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def ahead(moment: datetime | None, now: datetime) -> str:
    """An instant to come, and how far it is: "2026-03-11 08:00 UTC, in 12 s"."""
    return "" if moment is None else f"{instant(moment)}, in {in_words(moment - now)}"


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, told by how much to advance; silent where that is no terminal."""
    out = Console(stderr=True)
    if not out.is_terminal:
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda amount: bar.advance(task, amount)


def _encoding(stream: TextIO | None) -> str:
    return getattr(stream, "encoding", None) or "utf-8"  # one that is closed shows nothing


def _is_utf(encoding: str) -> bool:
    return encoding.lower().startswith("utf")


def _fitting(text: str, encoding: str) -> str:
    """The text in signs that an encoding has, with question marks for others."""
    return text.encode(encoding, "replace").decode(encoding)


def _cell(value: object) -> str:
    return harmless(instant(value) if isinstance(value, datetime) else str(_plain(value)))


def _plain(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset | set):
        return sorted(value)
    return value if isinstance(value, str | int | float) else str(value)
