"""The noun letters: mails that are no digests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli import preview
from newsletter.cli.options import limit, pass_app
from newsletter.cli.show import as_json, dump, say, table
from newsletter.errors import RequestError
from newsletter.store import letters as kept
from newsletter.store.letters import LetterKind
from subscribers import store

# The first three go to who publishes; a change asks an address of nobody yet.
NOT_TO_READERS = (LetterKind.REPORT, LetterKind.REVIEW, LetterKind.ALERT, LetterKind.CHANGE)
TO_READERS = [kind.value for kind in LetterKind if kind not in NOT_TO_READERS]


@click.group()
def letters() -> None:
    """Mails that are no digests: confirmations, welcomes, links, goodbyes, reports, alerts."""


@letters.command("list", epilog="Example: newsletter letters list --limit 10")
@limit
@as_json
@pass_app
def list_(app: App, limit: int, as_json: bool) -> None:
    """List letters, newest first, with what became of them."""
    with app.database.read() as connection:
        found = kept.listed(connection, limit)
    if as_json:
        dump([vars(one) for one in found])
        return
    table(
        ["Letter", "To", "State", "Why", "Queued", "Sent"],
        [
            [one.kind, one.address, one.state, one.reason, one.queued_at, one.sent_at]
            for one in found
        ],
    )


@letters.command(epilog="Example: newsletter letters show welcome asa@example.org --out previews")
@click.argument("kind", type=click.Choice(TO_READERS))
@click.argument("address")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write files there.")
@pass_app
def show(app: App, kind: str, address: str, out: Path | None) -> None:
    """Show the letter KIND that ADDRESS would get; nothing is sent."""
    with app.database.read() as connection:
        reader = store.get(connection, address)
    message = pipeline.letter_to(app.desk, LetterKind(kind), reader, datetime.now(UTC), first=False)
    if out is not None:
        written = preview.write(message, out, f"{kind}-{reader.address}")
        say("Wrote " + ", ".join(str(path) for path in written) + ".")
        return
    say(f"Subject: {message.subject}\n")
    say(preview.take_apart(message.content).text)


@letters.command(epilog="Example: newsletter letters send preferences asa@example.org")
@click.argument("kind", type=click.Choice(TO_READERS))
@click.argument("address")
@pass_app
def send(app: App, kind: str, address: str) -> None:
    """Queue the letter KIND to ADDRESS; `newsletter send` sends it."""
    chosen = LetterKind(kind)
    now = datetime.now(UTC)
    with app.database.write() as connection:
        reader = store.get(connection, address)
        wanted = pipeline.state_for(chosen)
        if reader.state is not wanted:
            raise RequestError(
                f"A {kind} goes to readers who are {wanted}; {reader.address} is {reader.state}."
            )
        if chosen is LetterKind.PREFERENCES and app.settings.pages.url is None:
            raise RequestError("There is no page to link to: pages.url is not set.")
        pipeline.queue_letter(connection, chosen, reader, now)
    say(f"Queued: a {kind} to {reader.address}. `newsletter send` sends it.")
