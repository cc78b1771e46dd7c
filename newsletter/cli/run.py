"""run: one process that does everything by the clock; and schedule, which shows the plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from newsletter import engines
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.serve import end_asked
from newsletter.cli.show import ahead, as_json, counted, dump, say, speaks_unicode, table
from newsletter.duties import plan
from newsletter.scheduler import Clockwork
from newsletter.sparkline import sparkline
from subscribers import due_store
from subscribers import schedule as hours

HOURS = 24  # that are shown


@click.command(epilog="Example: newsletter run")
@click.option("--pages/--no-pages", default=True, show_default=True, help="Serve readers' pages.")
@click.option("--bind", help="The address to listen on; by default pages.bind.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; by default pages.port.")
@pass_app
def run(app: App, pages: bool, bind: str | None, port: int | None) -> None:
    """Collect, compose, send and serve pages, each at its time, until it is stopped.

    Stopping (SIGTERM, Ctrl-C) ends after the message under way. What was missed while it did not
    run is done when it starts; a second one beside it does nothing twice. With schedule.engine =
    "procrastinate" it says when, and `newsletter worker` anywhere does what is much work.
    """
    asked = end_asked()
    clockwork = Clockwork(app, engine=engines.build(app))
    if not pages:
        say("Runs without pages. Stop it by Ctrl-C.")
    clockwork.start()
    try:
        if pages:
            from newsletter.cli.serving import serve_pages  # here: it takes a while to load

            serve_pages(app, bind, port, clockwork.wake, asked)
        else:
            asked.wait()
    finally:
        clockwork.stop()
        say("Stopped.")


@click.group()
def schedule() -> None:
    """What `newsletter run` does, and when."""


@schedule.command("show", epilog="Example: newsletter schedule show")
@as_json
@pass_app
def show(app: App, as_json: bool) -> None:
    """Show when papers are collected and an issue composed next, and readers by their hours."""
    now = datetime.now(UTC)
    next_ones = plan(app, now)
    first = now.replace(minute=0, second=0, microsecond=0)
    many = _by_hour(app, first, now)
    if as_json:
        dump(
            {
                "collect": next_ones.collect,
                "compose": next_ones.compose,
                "readers": {
                    (first + timedelta(hours=at)).isoformat(): number
                    for at, number in enumerate(many)
                    if number
                },
            }
        )
        return
    table(
        ["What", "Next"],
        [["collect", ahead(next_ones.collect, now)], ["compose", ahead(next_ones.compose, now)]],
    )
    drawn = sparkline(many, unicode=speaks_unicode())
    say(f"Readers by their hour, the next {HOURS} from {first:%H:%M} UTC: {drawn}")
    busiest = max(range(HOURS), key=many.__getitem__)
    if many[busiest]:
        at = first + timedelta(hours=busiest)
        say(f"The most at {at:%H:%M} UTC: {counted(many[busiest], 'reader')}.")


def _by_hour(app: App, first: datetime, now: datetime) -> list[int]:
    """How many readers have their hour in each hour from `first` on."""
    with app.database.read() as connection:
        found = due_store.by_hour(connection, max(first, now), first, HOURS)
        for batch in due_store.every_now_due(connection, now):
            for one in batch:
                at = hours.upcoming(one.reader.preferences, one.served_on, now).at
                place = int((at - first) / timedelta(hours=1))
                if place < HOURS:
                    found[place] += 1
    return found
