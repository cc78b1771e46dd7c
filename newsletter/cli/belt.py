"""collect and compose."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from newsletter import pipeline, sources
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import as_json, dump, progress, say, table
from newsletter.errors import RequestError
from newsletter.store import deliveries
from subscribers import store as subscribers
from subscribers.model import State


@click.command(epilog="Example: newsletter collect seeds/trending-papers.txt")
@click.argument("file", required=False)
@click.option("--source", help="Only the configured source of that name.")
@as_json
@pass_app
def collect(app: App, file: str | None, source: str | None, as_json: bool) -> None:
    """Read papers from the configured sources, or from FILE, a saved page ("-": standard input).

    A paper that is here already is kept once; running twice adds nothing.
    """
    if file is not None and source is not None:
        raise RequestError("Name a file or --source, not both.")
    if file is not None:
        chosen = [sources.build("page", {"path": file}, Path.cwd())]
    else:
        chosen = app.sources(source)
    found = pipeline.collect(app.database, chosen, datetime.now(UTC))
    if as_json:
        dump([asdict(one) for one in found])
        return
    table(
        ["Source", "Papers", "New papers", "New observations"],
        [[one.source, one.papers, one.new, one.observations] for one in found],
    )


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
            days = app.settings.issue.window_days
            say(f"Nothing to publish: no paper was collected in the last {days} days.")
        return
    with app.database.read() as connection:
        composed = deliveries.composed(connection, done.issue.id)
    if as_json:
        dump(
            {
                "issue": done.issue.name,
                "candidates": len(done.issue.candidates),
                "queued": done.queued,
                "skipped": done.skipped,
                "composed": composed,
            }
        )
        return
    papers = len(done.issue.candidates)
    what = "composed" if done.fresh else "was composed before; it stays as it is"
    say(f"Issue {done.issue.name} {what}: {papers} candidate papers.")
    say(
        f"{done.queued} new deliveries, {done.skipped} readers with nothing to get; "
        f"{composed} deliveries in all."
    )
    if not readers:
        say("Nobody is subscribed yet: `newsletter subscribe ADDRESS --topic TOPIC`.")
