"""The noun deliveries: what became of one reader's copy of an issue, try by try."""

from __future__ import annotations

from typing import Any

import click

from newsletter.app import App
from newsletter.cli.options import chosen_issue, limit, pass_app
from newsletter.cli.show import as_json, counted, dump, say, table
from newsletter.delivery import WAITING, DeliveryState
from newsletter.errors import RequestError
from newsletter.issue import Issue
from newsletter.pipeline import Edition
from newsletter.store import events, history, issue_acts, issues, ledger
from newsletter.store.database import Connection
from newsletter.store.ledger import Entry
from subscribers import store as subscribers


@click.group()
def deliveries() -> None:
    """What became of each reader's copy of an issue."""


@deliveries.command("list", epilog="Example: newsletter deliveries list 2026-03-11 --state failed")
@click.argument("issue", required=False, metavar="[ISSUE]")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in DeliveryState]),
    help="Only these; may be repeated.",
)
@click.option("--domain", help="Only to addresses at this domain.")
@click.option("--to", metavar="ADDRESS", help="Only to this reader.")
@limit
@as_json
@pass_app
def list_(
    app: App,
    issue: str | None,
    states: tuple[str, ...],
    domain: str | None,
    to: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List deliveries of ISSUE (its date; by default the newest) in the order of readers."""
    with app.database.read() as connection:
        chosen = chosen_issue(connection, issue)
        reader = None if to is None else subscribers.get(connection, to).id
        found = ledger.entries(
            connection,
            chosen.id,
            subscriber_id=reader,
            states=[DeliveryState(state) for state in states] or None,
            domain=domain.strip().lower() if domain else None,
            limit=limit + 1,
        )
    more, found = len(found) > limit, found[:limit]
    if as_json:
        dump([_row(chosen, one) for one in found])
        return
    table(
        ["Number", "Reader", "State", "Sent, or due", "Why, or the answer"],
        [
            [
                one.id,
                one.address,
                one.state,
                one.sent_at or (one.next_at if one.state in WAITING else one.due_at),
                one.reason or one.reply,
            ]
            for one in found
        ],
    )
    told = counted(len(found), "delivery", "deliveries")
    say(f"{told} of issue {chosen.name}" + ("; there are more: --limit." if more else "."))


@deliveries.command("show", epilog="Example: newsletter deliveries show asa@example.org 2026-03-11")
@click.argument("which", metavar="ADDRESS|NUMBER")
@click.argument("issue", required=False, metavar="[ISSUE]")
@as_json
@pass_app
def show_(app: App, which: str, issue: str | None, as_json: bool) -> None:
    """Show all that is known of a delivery: its state, every try that went wrong, what came back.

    By the reader's address, of ISSUE (its date; by default the newest), or by its number. The
    Message-ID and the server's reply find it in the relay's log.
    """
    with app.database.read() as connection:
        chosen, one = _find(connection, which, issue)
        past = history.of(connection, one.id)
        returned = events.of_delivery(connection, one.id)
        standing = issue_acts.standing(connection, chosen.id)
    message_id, *earlier = Edition(chosen, app.signer).message_ids(one.subscriber_id)
    row = _row(chosen, one) | {"message_id": message_id}
    if earlier:  # it may have gone out before the key was rotated
        row["or_message_id"] = " or ".join(earlier)
    if standing.paused or standing.cancelled:
        row["issue_is"] = "cancelled" if standing.cancelled else "paused"
    cards = chosen.snapshot.cards
    picks = ledger.read_picks(one.picks, chosen)
    if as_json:
        row["papers"] = [
            {
                "paper": pick.paper_id,
                "title": cards[pick.paper_id].title,
                "score": pick.score,
                "topics": pick.reasons,
            }
            for pick in picks
        ]
        row["history"] = [
            {name: value for name, value in vars(line).items() if name != "delivery_id"}
            for line in past
        ]
        row["events"] = [vars(line) for line in returned]
        dump(row)
        return
    shown = [[name.replace("_", " "), value] for name, value in row.items() if value is not None]
    table(["", ""], shown)
    if picks:
        table(
            ["#", "Paper", "Title", "Because of", "Score"],
            [
                [
                    place,
                    pick.paper_id,
                    cards[pick.paper_id].title,
                    ", ".join(map(app.catalogue.called, pick.reasons)) or "trending",
                    f"{pick.score:.3f}",
                ]
                for place, pick in enumerate(picks, start=1)
            ],
        )
    if past:
        table(
            ["Attempt", "At", "Became", "Why", "By", "Transport"],
            [[x.attempt, x.at, x.state, x.words, x.by, x.transport] for x in past],
        )
    if returned:
        table(
            ["Came back", "Heard", "Code", "In the server's words"],
            [[x.kind, x.at, x.code, x.words] for x in returned],
        )


def _find(connection: Connection, which: str, day: str | None) -> tuple[Issue, Entry]:
    if which.isascii() and which.isdigit():
        if day is not None:
            raise RequestError("A delivery's number names its issue; leave ISSUE out.")
        one = ledger.by_id(connection, int(which)) if len(which) < 10 else None
        if one is None:
            raise RequestError(f"There is no delivery number {which}.")
        return issues.by_id(connection, one.issue_id), one
    reader = subscribers.get(connection, which)
    chosen = chosen_issue(connection, day)
    found = ledger.entries(connection, chosen.id, subscriber_id=reader.id)
    if not found:
        raise RequestError(f"{reader.address} has no delivery of issue {chosen.name}.")
    return chosen, found[0]


def _row(issue: Issue, one: Entry) -> dict[str, Any]:
    return {
        "number": one.id,
        "issue": issue.name,
        "address": one.address,
        "state": one.state,
        "reason": one.reason,
        "due_at": one.due_at,
        "next_at": one.next_at if one.state in WAITING else None,
        "tries": one.tries,
        "retried_at": one.retried_at,
        "sent_at": one.sent_at,
        "transport": one.transport,
        "reply": one.reply,
    }
