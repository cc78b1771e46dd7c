"""papers add, pin, unpin, hide, unhide, note: the editor's hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.options import by, pass_app, who
from newsletter.cli.show import counted, say
from newsletter.editor import Act
from newsletter.errors import RequestError
from newsletter.pipeline import Edited, Typed
from newsletter.rendering.tex import to_unicode

F = TypeVar("F", bound=Callable[..., Any])


@click.command("add", epilog="Example: newsletter papers add 2403.01234 --pin")
@click.argument("target", metavar="URL|DOI|ARXIV-ID")
@click.option("--title", help="Say it yourself: then nobody is asked.")
@click.option("--abstract", default="", help="With --title.")
@click.option("--author", "authors", multiple=True, help="With --title; may be repeated.")
@click.option("--pin", is_flag=True, help="Pin it, too.")
@by
@pass_app
def add(
    app: App,
    target: str,
    title: str | None,
    abstract: str,
    authors: tuple[str, ...],
    pin: bool,
    by: str | None,
) -> None:
    """Add a paper that you want considered, whatever others think of it.

    Of an arXiv id, arXiv is asked; of another page, the tags it has for Google Scholar.
    """
    if title is not None and not title.strip():
        raise RequestError("--title is empty.")
    if (abstract or authors) and not title:
        raise RequestError("--abstract and --author go with --title.")
    name, now = who(by), datetime.now(UTC)
    typed = Typed(title=title or "", abstract=abstract, authors=authors)
    done = pipeline.add(app.database, app.fetcher, app.arxiv(), target, typed, by=name, now=now)
    say(f"{'Added' if done.is_new else 'Was here already:'} {_called(done)}")
    if pin:
        pipeline.edit(app.database, done.paper.id, Act.PIN, by=name, now=now)
        say(_leads(app, done))


@click.command("pin", epilog='Example: newsletter papers pin 2403.01234 --note "A classic already"')
@click.argument("paper")
@click.option("--note", help="A line to readers that stands on its card.")
@by
@pass_app
def pin(app: App, paper: str, note: str | None, by: str | None) -> None:
    """Let PAPER lead every digest of the issues composed from now on.

    For as many days as a paper stays a candidate; a reader gets it once, and not if it is under a
    topic the reader mutes.
    """
    name, now = who(by), datetime.now(UTC)
    done = pipeline.edit(app.database, paper, Act.PIN, by=name, now=now)
    if note is not None:
        pipeline.edit(app.database, done.paper.id, Act.NOTE, by=name, now=now, words=note)
    say(f"Pinned {_called(done)}")
    say(_leads(app, done))


@click.command("unpin", epilog="Example: newsletter papers unpin 2403.01234")
@click.argument("paper")
@by
@pass_app
def unpin(app: App, paper: str, by: str | None) -> None:
    """Take the pin from PAPER. Issues that are composed already stay as they are."""
    done = pipeline.edit(app.database, paper, Act.UNPIN, by=who(by), now=datetime.now(UTC))
    say(f"{'Unpinned' if done.before.pinned_at else 'Was not pinned:'} {_called(done)}")


@click.command("hide", epilog="Example: newsletter papers hide 2403.01234")
@click.argument("paper")
@by
@pass_app
def hide(app: App, paper: str, by: str | None) -> None:
    """Never send PAPER, and take it out of digests that wait to be sent."""
    done = pipeline.edit(app.database, paper, Act.HIDE, by=who(by), now=datetime.now(UTC))
    say(f"{'Was hidden already:' if done.before.hidden else 'Hidden'} {_called(done)}")
    gone = done.withdrawn
    if gone and (gone.changed or gone.emptied or gone.gone):
        say(
            f"{counted(gone.changed, 'waiting digest')} without it now, {gone.emptied} that held "
            f"nothing else not sent at all, {gone.gone} sent with it before."
        )


@click.command("unhide", epilog="Example: newsletter papers unhide 2403.01234")
@click.argument("paper")
@by
@pass_app
def unhide(app: App, paper: str, by: str | None) -> None:
    """Let PAPER be chosen again, by issues composed from now on."""
    done = pipeline.edit(app.database, paper, Act.SHOW, by=who(by), now=datetime.now(UTC))
    say(f"{'No longer hidden:' if done.before.hidden else 'Was not hidden:'} {_called(done)}")


@click.command("note", epilog='Example: newsletter papers note 2403.01234 "Read the appendix"')
@click.argument("paper")
@click.argument("words", metavar="TEXT", required=False, default="")
@by
@pass_app
def note(app: App, paper: str, words: str, by: str | None) -> None:
    """Put a line to readers on the card of PAPER, or without TEXT take it away.

    It stands in issues composed from now on.
    """
    name, now = who(by), datetime.now(UTC)
    done = pipeline.edit(app.database, paper, Act.NOTE, by=name, now=now, words=words)
    say(f"{'Noted on' if words.strip() else 'No note any more on'} {_called(done)}")


COMMANDS = (add, pin, unpin, hide, unhide, note)


def _leads(app: App, done: Edited) -> str:
    if done.before.hidden:
        return "It is hidden, and stays so until `newsletter papers unhide`."
    days = app.settings.issue.window_days
    return f"It leads the digests of issues composed from now on, for {counted(days, 'day')}."


def _called(done: Edited) -> str:
    return f"{done.paper.id}: {to_unicode(done.paper.title)}"
