"""The noun issues."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from newsletter.app import App
from newsletter.cli import operating
from newsletter.cli.options import by, chosen_issue, limit, pass_app, who
from newsletter.cli.show import as_json, dump, say, table
from newsletter.delivery import DeliveryState
from newsletter.errors import RequestError
from newsletter.issue import Issue
from newsletter.pipeline import Edition
from newsletter.store import issue_acts, issue_skips, ledger, operator_acts
from newsletter.store import issues as store
from newsletter.store.issue_skips import Skip
from newsletter.transports import relay_log
from subscribers import store as subscribers


@click.group()
def issues() -> None:
    """What was published, and who got what."""


for _command in operating.COMMANDS:
    issues.add_command(_command)


@issues.command("list", epilog="Example: newsletter issues list")
@limit
@as_json
@pass_app
def list_(app: App, limit: int, as_json: bool) -> None:
    """List issues, the newest first; above them the days to come that are skipped."""
    today = datetime.now(UTC).astimezone(app.terms.zone).date()
    with app.database.read() as connection:
        found = store.listed(connection, limit)
        counts = {one.id: ledger.count(connection, one.id) for one in found}
        stands = {one.id: issue_acts.standing(connection, one.id) for one in found}
        skips = issue_skips.listed(connection, today)
    rows = [
        {
            "issue": one.day.isoformat(),
            "composed_at": one.composed_at,
            "papers": one.papers,
            "deliveries": sum(counts[one.id].values()),
            "sent": counts[one.id][DeliveryState.SENT],
            "finished": ledger.is_finished(counts[one.id]),
            "paused": stands[one.id].paused,
            "held": stands[one.id].held,
            "cancelled": stands[one.id].cancelled,
            "skipped": False,
        }
        for one in found
    ]
    rows = [*_skipped(skips, {one.day for one in found}), *rows]
    if as_json:
        dump(rows)
        return
    table(
        ["Issue", "Composed", "Papers", "Deliveries", "Sent", ""],
        [[*list(row.values())[:5], _stands(row)] for row in rows],
    )


def _skipped(skips: Iterable[Skip], composed: Container[date]) -> list[dict[str, Any]]:
    """Days to come as rows of the list, the last first, but those that have an issue after all."""
    return [
        {
            "issue": one.day.isoformat(),
            "composed_at": None,
            "papers": 0,
            "deliveries": 0,
            "sent": 0,
            "finished": False,
            "paused": False,
            "held": False,
            "cancelled": False,
            "skipped": True,
        }
        for one in reversed([*skips])
        if one.day not in composed
    ]


def _stands(row: Mapping[str, Any]) -> str:
    said = (word for word in ("skipped", "cancelled", "held", "paused", "finished") if row[word])
    return next(said, "open")


@issues.command("show", epilog="Example: newsletter issues show 2026-03-11")
@click.argument("issue", required=False, metavar="[ISSUE]")
@limit
@as_json
@pass_app
def show_(app: App, issue: str | None, limit: int, as_json: bool) -> None:
    """Show who gets what of ISSUE (its date; by default the newest), and why."""
    with app.database.read() as connection:
        chosen = chosen_issue(connection, issue)
        found = ledger.entries(connection, chosen.id, limit=limit)
        total = ledger.composed(connection, chosen.id)
        stands = issue_acts.standing(connection, chosen.id)
    rows = [describe(chosen, one) for one in found]
    if as_json:
        told = {"issue": chosen.name, "held": stands.held, "candidates": len(chosen.candidates)}
        dump(told | {"deliveries": rows})
        return
    if stands.held:
        say(
            f"Held for approval; nothing of it leaves before `newsletter issues approve "
            f"{chosen.name}`."
        )
    show_deliveries(rows)
    if len(rows) < total:
        say(f"{len(rows)} of {total} deliveries shown; --limit shows more.")


def describe(issue: Issue, one: ledger.Entry) -> dict[str, Any]:
    """A delivery with its picks in words."""
    snapshot = issue.snapshot
    return {
        "address": one.address,
        "state": one.state,
        "reason": one.reason,
        "due_at": one.due_at,
        "sent_at": one.sent_at,
        "reply": one.reply,
        "picks": [
            {
                "paper": pick.paper_id,
                "title": snapshot.cards[pick.paper_id].title,
                "score": pick.score,
                "pinned": snapshot.cards[pick.paper_id].pinned,
                "because": [snapshot.chips[slug].name for slug in pick.reasons],
            }
            for pick in ledger.read_picks(one.picks, issue)
        ],
    }


def show_deliveries(rows: list[dict[str, Any]]) -> None:
    """Deliveries as a table: how many papers, the first of them, and why."""
    shown = []
    for row in rows:
        picks = row["picks"]
        reasons = dict.fromkeys(why for pick in picks for why in pick["because"][:1])
        if any(pick["pinned"] for pick in picks):
            reasons = {"the editor's choice": None} | reasons
        why = ", ".join(reasons) or ("trending" if picks else row["reason"])
        first = picks[0]["title"] if picks else ""
        shown.append([row["address"], row["state"], len(picks), first, why])
    table(["Reader", "State", "Papers", "First of them", "Because of"], shown)


@issues.command(
    "reconcile",
    epilog="Example: newsletter issues reconcile 2026-03-11 --log /var/log/mail.log",
)
@click.argument("issue")
@click.option(
    "--log",
    "log",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A Postfix log that tells which messages the relay took.",
)
@click.option("--sent", multiple=True, metavar="ADDRESS", help="You know it arrived.")
@click.option(
    "--again", multiple=True, metavar="ADDRESS", help="You know it did not: queue it again."
)
@by
@pass_app
def reconcile(
    app: App,
    issue: str,
    log: Path | None,
    sent: tuple[str, ...],
    again: tuple[str, ...],
    by: str | None,
) -> None:
    """Settle the unknown deliveries of ISSUE, from the relay's log or by hand.

    What the log does not speak of stays unknown. Without options, lists what is unknown.
    """
    if both := _folded(sent) & _folded(again):
        raise RequestError(f"Name --sent or --again, not both, of {', '.join(sorted(both))}.")
    with app.database.read() as connection:
        chosen = chosen_issue(connection, issue)
        unknown = ledger.entries(connection, chosen.id, states=[DeliveryState.UNKNOWN])
        for address in (*sent, *again):
            subscribers.get(connection, address)
    edition = Edition(chosen, app.signer)
    settled: list[tuple[ledger.Entry, DeliveryState, str]] = []
    for one in unknown:
        if one.address.casefold() in _folded(sent):
            settled.append((one, DeliveryState.SENT, "an operator knows that it arrived"))
        elif one.address.casefold() in _folded(again):
            settled.append((one, DeliveryState.QUEUED, "an operator knows that it did not arrive"))
    if log is not None:
        left = {
            message_id: one
            for one in unknown
            if one.id not in {entry.id for entry, *_ in settled}
            for message_id in edition.message_ids(one.subscriber_id)
        }
        verdicts = relay_log.read(log, set(left))
        taken = {left[message_id].id for message_id, one in verdicts.items() if one.taken}
        for message_id, verdict in verdicts.items():
            one = left[message_id]
            if verdict.taken or one.id not in taken:  # one copy that was taken is enough
                state = DeliveryState.SENT if verdict.taken else DeliveryState.FAILED
                settled.append((one, state, f"by the relay's log: {verdict.words}"))
    now, name = datetime.now(UTC), who(by)
    with app.database.write() as connection:
        if again and issue_acts.is_cancelled(connection, chosen.id):
            raise RequestError(f"Issue {chosen.name} is cancelled: nothing of it goes again.")
        for one, state, reason in settled:
            operator_acts.reconcile(connection, one.id, state, reason, now, by=name)
    if settled:
        table(["Reader", "Now", "Why"], [[one.address, state, why] for one, state, why in settled])
    say(f"{len(settled)} settled, {len(unknown) - len(settled)} still unknown.")
    named = _folded((*sent, *again)) - {one.address.casefold() for one in unknown}
    if named:
        raise RequestError(f"Not unknown, so left alone: {', '.join(sorted(named))}.")
    if not settled and unknown:
        rows = [
            [one.address, "\n".join(edition.message_ids(one.subscriber_id)), one.reason]
            for one in unknown
        ]
        table(["Reader", "Message-ID", "Why"], rows)


def _folded(addresses: Iterable[str]) -> set[str]:
    return {address.strip().casefold() for address in addresses}
