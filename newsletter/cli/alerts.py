"""alerts: what needs an operator's hand."""

from __future__ import annotations

import click

from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import as_json, dump, say, table
from newsletter.store import alerts as store


@click.command(epilog="Example: newsletter alerts")
@as_json
@pass_app
def alerts(app: App, as_json: bool) -> None:
    """List what needs a hand, as `newsletter run` found it; report.to is told by mail."""
    with app.database.read() as connection:
        found = store.listed(connection)
    if as_json:
        dump(
            [
                {
                    "name": one.alert.name,
                    "since": one.since,
                    "words": one.alert.words(),
                    "look": one.alert.look,
                }
                for one in found
            ]
        )
        return
    if not found:
        say("Nothing needs a hand, as far as `newsletter run` looked.")
        return
    table(
        ["Since", "What", "Look"],
        [[one.since, one.alert.words(), one.alert.look] for one in found],
    )
