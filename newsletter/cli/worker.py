"""worker: takes jobs that `newsletter run` puts on the queue, on any machine."""

from __future__ import annotations

import click

from newsletter import engines
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import say
from newsletter.errors import RequestError
from newsletter.jobs import JobKind

EVERY = ",".join(JobKind)


@click.command(epilog="Example: newsletter worker --concurrency 4 --jobs compose,dispatch")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="How many jobs it does beside each other.",
)
@click.option("--jobs", "kinds", default=EVERY, show_default=True, help="What it takes, by commas.")
@pass_app
def worker(app: App, concurrency: int, kinds: str) -> None:
    """Take jobs from the queue, with schedule.engine = "procrastinate", until it is stopped.

    As many as you like, on any machine with the same settings: each job is taken by one, a limit
    holds for all together, and what one was at when it died another takes over. Stopping (SIGTERM,
    Ctrl-C) ends after the message under way.
    """
    chosen = _chosen(kinds)
    queue = engines.queue(app)
    _ = app.database, app.signer  # what is wrong with them is told before anything is taken
    queue.prepare()
    say(f"Takes {', '.join(chosen)}, {concurrency} at once. Stop it by Ctrl-C.")
    queue.work(app, chosen, concurrency)
    say("Stopped.")


def _chosen(kinds: str) -> list[JobKind]:
    names = [one.strip() for one in kinds.split(",")]
    for name in names:
        if name not in list(JobKind):
            raise RequestError(f"{name!r} is no job; choose among {EVERY}.")
    return [one for one in JobKind if one in names]
