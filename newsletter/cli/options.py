"""Arguments and options that several commands share."""

from __future__ import annotations

import getpass
from datetime import date

import click

from newsletter.app import App
from newsletter.errors import RequestError
from newsletter.issue import Issue
from newsletter.store import issues
from newsletter.store.database import Connection

ISSUE = "an issue; issues are called by their date, such as 2026-03-11"

LONGEST_REASON = 500  # characters: it stands in the ledger beside every delivery it is about

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


by = click.option("--by", help="Who does it; by default your login's name.")


def who(by: str | None) -> str:
    """The name of who acts, as typed or of the login; raises RequestError."""
    name = by if by is not None else _login()
    if not name.strip() or not name.isprintable() or len(name) > 64:
        raise RequestError("--by must be a name of 1 to 64 printable characters.")
    return name.strip()


def reason(why: str) -> str:
    """A reason as typed; raises RequestError where it is none."""
    if not why.strip() or not why.isprintable() or len(why) > LONGEST_REASON:
        raise RequestError(f"--why is one line of 1 to {LONGEST_REASON} printable characters.")
    return why.strip()


def language_of(app: App, wanted: str) -> str:
    """The tag of a language that mails can be in, however it was written; raises RequestError."""
    tags = app.templates.known_languages()
    for tag in tags:
        if tag.lower() == wanted.replace("_", "-").lower():
            return app.templates.language(tag).code
    raise RequestError(
        f"There is no translation into {wanted!r}. There are: {', '.join(tags)}; a language of "
        "your own is a file CODE.po in the folder translations of look.templates."
    )


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise RequestError("Your login has no name here; say who you are with --by.") from None
