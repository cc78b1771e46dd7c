"""The noun keys: those of the JSON API, and the one that signs links."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

import click

from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import as_json, counted, dump, say, table
from newsletter.errors import RequestError
from newsletter.scopes import Scope
from newsletter.store import keys as kept
from newsletter.store import ledger

LONGEST_NAME = 64  # characters


@click.group()
def keys() -> None:
    """Keys of the JSON API, and the key that signs links."""


@keys.command("create", epilog="Example: newsletter keys create dashboard --scope read")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    required=True,
    help="What it may be used for; can be given several times.",
)
@pass_app
def create(app: App, name: str, scopes: tuple[str, ...]) -> None:
    """Make a key of the JSON API, called NAME, and print it: this once, for only its hash is kept.

    The key is the first line, so that a script can take it.
    """
    name = name.strip()
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise RequestError(f"A key's name is one line of 1 to {LONGEST_NAME} printable characters.")
    text = kept.PREFIX + secrets.token_urlsafe(32)
    with app.database.write() as connection:
        made = kept.add(connection, text, name, map(Scope, scopes), datetime.now(UTC))
    say(text)
    say(f"That is key {made.id}, {name}, for {', '.join(sorted(made.scopes))}.")
    say(f"It is not shown again. `newsletter keys revoke {made.id}` ends it.")


@keys.command("list", epilog="Example: newsletter keys list")
@as_json
@pass_app
def list_(app: App, as_json: bool) -> None:
    """List the keys of the JSON API, the oldest first; never the keys themselves."""
    with app.database.read() as connection:
        found = kept.listed(connection)
    if as_json:
        dump([vars(one) | {"scopes": sorted(one.scopes)} for one in found])
        return
    rows = [
        [
            one.id,
            one.name,
            ", ".join(sorted(one.scopes)),
            one.created_at,
            one.used_at,
            one.revoked_at,
        ]
        for one in found
    ]
    table(["Key", "Name", "Scopes", "Created", "Last used", "Revoked"], rows)


@keys.command("revoke", epilog="Example: newsletter keys revoke 3")
@click.argument("key_id", metavar="ID", type=click.IntRange(min=1))
@pass_app
def revoke(app: App, key_id: int) -> None:
    """End the key ID of the JSON API, at once and for good."""
    with app.database.write() as connection:
        ended = kept.revoke(connection, key_id, datetime.now(UTC))
    say(f"Key {ended.id}, {ended.name}, is revoked: nothing takes it any more.")


@keys.command("rotate", epilog="Example: newsletter keys rotate --keep-days 90")
@click.option(
    "--keep-days",
    type=click.IntRange(0, 3650),
    default=60,
    show_default=True,
    help="Days that links signed with the old key still work; 0 ends them at once.",
)
@click.option("--force", is_flag=True, help="Even while deliveries of an issue are open.")
@pass_app
def rotate(app: App, keep_days: int, force: bool) -> None:
    """Sign links with a new key; those in mails already sent work on for some time.

    Not while an issue is on its way: its mails have to be made again to the byte. What runs for
    long, such as workers, has to be started again to know the new key, and so has every machine to
    be given the file. Webhooks are signed with a secret that comes from this key, by both as long
    as the old one counts; `newsletter webhooks secret` tells the new one.
    """
    with app.database.read() as connection:
        left = ledger.still_open(connection)
    if left and not force:
        raise RequestError(
            f"{counted(left, 'delivery is', 'deliveries are')} queued, leaving or to be tried "
            "again, and their mails are signed with the key of today. Rotate once "
            "`newsletter status` shows none, or with --force: they are signed anew then, and one "
            "that is sent twice cannot be told from two."
        )
    today = datetime.now(UTC).date()
    until = today + timedelta(days=keep_days) if keep_days else None
    file, found = app.rotate(until, today)
    say(f"Links are signed with a new key from now on; it is in {file}.")
    if until is None:
        say("Links signed with the one before do not work any more.")
    else:
        say(f"Links signed with the one before work up to {until}, the end of that day in UTC.")
    if more := len(found.older) - (until is not None):
        say(f"{counted(more, 'older key')} in the file still counts, each to its own date.")
    say("Start again what runs for long, and give the file to every machine that has a copy.")
