"""suppress, unsuppress and suppressions of the noun subscribers."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from newsletter.app import App
from newsletter.cli.options import limit, pass_app
from newsletter.cli.show import as_json, dump, instant, say, table
from newsletter.errors import RequestError
from subscribers import addresses, store, suppression_store
from subscribers.suppression import Suppression, SuppressionKind

COMMAND_LINE = "command line"
LONGEST_REASON = 300  # characters: what a table can still show


@click.command(
    epilog="Example: newsletter subscribers suppress asa@example.org --reason 'by phone'"
)
@click.argument("address")
@click.option("--reason", default="", help="Why, for whoever asks later.")
@pass_app
def suppress(app: App, address: str, reason: str) -> None:
    """Send ADDRESS nothing, whether it is a subscriber's or not, until it is unsuppressed."""
    address = addresses.normalise(address)
    if not reason.isprintable() or len(reason) > LONGEST_REASON:
        raise RequestError(
            f"--reason is one line of printable characters, {LONGEST_REASON} at most."
        )
    new = Suppression(
        address_key=addresses.key(address),
        kind=SuppressionKind.MANUAL,
        reason=reason.strip() or "An operator said so.",
        at=datetime.now(UTC),
        by=COMMAND_LINE,
    )
    with app.database.write() as connection:
        before = suppression_store.find(connection, new.address_key)
        if not reason.strip() and before is not None and _by_hand(before):
            say(f"{address} is suppressed already: {before.reason}")
            return  # a reason is not lost to none
        suppression_store.put(connection, new)
        known = store.find(connection, address) is not None
    say(f"{address} gets nothing from now on." + ("" if known else " It is no subscriber's."))


def _by_hand(one: Suppression) -> bool:
    return one.kind is SuppressionKind.MANUAL and one.lifted_at is None


@click.command(epilog="Example: newsletter subscribers unsuppress asa@example.org")
@click.argument("address")
@pass_app
def unsuppress(app: App, address: str) -> None:
    """Send ADDRESS mail again, and forgive what its earlier mails met with.

    From the next issue on: what was skipped is not sent later.
    """
    with app.database.write() as connection:
        lifted = suppression_store.release(connection, address, datetime.now(UTC), COMMAND_LINE)
    say(f"{addresses.normalise(address)} gets mail again. It was suppressed: {lifted.reason}")


@click.command(epilog="Example: newsletter subscribers suppressions --kind soft")
@click.option("--kind", type=click.Choice([kind.value for kind in SuppressionKind]))
@click.option("--all", "lifted", is_flag=True, help="Those that were lifted, too.")
@limit
@as_json
@pass_app
def suppressions(app: App, kind: str | None, lifted: bool, limit: int, as_json: bool) -> None:
    """List the addresses that get nothing, the newest first, each with its reason."""
    chosen = SuppressionKind(kind) if kind else None
    with app.database.read() as connection:
        found = suppression_store.listed(connection, kind=chosen, lifted=lifted, limit=limit + 1)
    shown = found[:limit]
    if as_json:
        dump([vars(one) for one in shown])
        return
    now = datetime.now(UTC)
    table(
        ["Address", "Kind", "Since", "By", "Why", ""],
        [
            [one.address_key, one.kind, one.at, one.by, one.reason, stands(one, now)]
            for one in shown
        ],
    )
    if len(found) > limit:
        say(f"{limit} shown; --limit shows more.")


def stands(one: Suppression, now: datetime) -> str:
    """How a suppression stands now; empty where it simply holds."""
    if one.lifted_at is not None:
        return f"lifted {instant(one.lifted_at)} by {one.lifted_by}"
    if one.until is None:
        return ""
    return f"tried again {'from' if now < one.until else 'since'} {instant(one.until)}"
