"""Arguments and options that several commands share."""

from __future__ import annotations

from datetime import date

import click

from newsletter.app import App
from newsletter.errors import RequestError
from newsletter.issue import Issue
from newsletter.store import issues
from newsletter.store.database import Connection

ISSUE = "an issue; issues are called by their date, such as 2026-03-11"

pass_app = click.make_pass_decorator(App)

limit = click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Rows at most."
)


def chosen_issue(connection: Connection, day: str | None) -> Issue:
    """The issue of a date as typed, or the newest; raises RequestError."""
    if day is not None:
        return issues.get(connection, parse_day(day, ISSUE))
    found = issues.latest(connection)
    if found is None:
        raise RequestError("No issue is composed yet. Run `newsletter compose` first.")
    return found


def parse_day(text: str, what: str = "a day; write it such as 2026-03-05") -> date:
    """A date as typed; raises RequestError that says it is not `what`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RequestError(f"{text!r} is not {what}.") from None
