"""compose: freezes an issue, and tells what it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import as_json, counted, dump, progress, say
from newsletter.store import ledger, papers
from subscribers import store as subscribers
from subscribers.model import State


@click.command(epilog="Example: newsletter compose && newsletter preview --open")
@as_json
@pass_app
def compose(app: App, as_json: bool) -> None:
    """Freeze today's issue and write one delivery for every reader it is due to.

    Nothing is sent. Running twice adds only readers who came since.
    """
    with app.database.read() as connection:
        readers = subscribers.count(connection)[State.CONFIRMED]
    with progress("Composing", readers) as advance:
        done = pipeline.compose(
            app.database, app.renderer, app.catalogue, app.terms, datetime.now(UTC), advance
        )
    if done.issue is None:
        if as_json:
            dump({"issue": None, "candidates": 0, "queued": 0, "skipped": 0, "composed": 0})
        else:
            say(_nothing(app))
        return
    with app.database.read() as connection:
        composed = ledger.composed(connection, done.issue.id)
    if as_json:
        dump(
            {
                "issue": done.issue.name,
                "candidates": len(done.issue.candidates),
                "queued": done.queued,
                "skipped": done.skipped,
                "composed": composed,
                "cancelled": done.cancelled or None,
            }
        )
        return
    if done.cancelled:
        say(f"Issue {done.issue.name} was {done.cancelled}. Nobody is added to it.")
        return
    papers = len(done.issue.candidates)
    what = "composed" if done.fresh else "was composed before; it stays as it is"
    say(f"Issue {done.issue.name} {what}: {counted(papers, 'candidate paper')}.")
    say(
        f"{_deliveries(done.queued, 'new ')}, {counted(done.skipped, 'reader')} with nothing to "
        f"get or suppressed; {_deliveries(composed)} in all."
    )
    if not readers:
        say("Nobody is subscribed yet: `newsletter subscribe ADDRESS --topic TOPIC`.")


def _deliveries(number: int, kind: str = "") -> str:
    return counted(number, f"{kind}delivery", f"{kind}deliveries")


def _nothing(app: App) -> str:
    """Why there is nothing to publish, and what to do."""
    days = app.settings.issue.window_days
    with app.database.read() as connection:
        total = papers.count(connection)
        recent = len(papers.since(connection, datetime.now(UTC) - timedelta(days=days)))
    if not total:
        return "Nothing to publish: there are no papers yet. `newsletter collect` gets them."
    if not recent:
        return (
            f"Nothing to publish: none of the {total} papers was announced, listed or pinned in "
            f"the last {days} days (issue.window_days)."
        )
    return (
        f"Nothing to publish: {recent} papers are new, but none has votes or a place in a list. "
        "issue.new_papers = true lets them fill digests; `newsletter papers pin` chooses one."
    )
