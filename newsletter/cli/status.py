"""status: what became of an issue, with accounts that must balance."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from newsletter.app import App
from newsletter.cli import waits
from newsletter.cli.options import chosen_issue, pass_app
from newsletter.cli.show import (
    Shown,
    as_json,
    complain,
    dump,
    grid,
    in_words,
    instant,
    show,
    watching,
)
from newsletter.delivery import DeliveryState
from newsletter.errors import RequestError
from newsletter.issue import Issue
from newsletter.store import issue_acts, ledger, standings
from newsletter.store.issue_acts import IssueAct, Standing
from newsletter.store.standings import Share, Standings
from subscribers.addresses import shown

EVERY = 2.0  # seconds between two looks of --watch
LONGEST_EXAMPLE = 40  # characters of a reader's address beside the words
MOST_SKIPPED = 5  # reasons why nothing was sent; `deliveries list` has the rest


@dataclass(frozen=True, kw_only=True)
class _Look:
    """An issue at one instant."""

    issue: Issue
    at: datetime
    composed: int
    sums: Standings
    stands: Standing
    waits: ledger.Waits
    skipped: dict[str, int]  # by reason

    @property
    def balanced(self) -> bool:
        return self.composed == sum(self.sums.counts.values())

    @property
    def finished(self) -> bool:
        return ledger.is_finished(self.sums.counts)


@click.command(epilog="Example: newsletter status 2026-03-11 --watch")
@click.argument("issue", required=False, metavar="[ISSUE]")
@click.option("--watch", is_flag=True, help="Look again every 2 seconds until it is finished.")
@as_json
@click.pass_context
@pass_app
def status(app: App, context: click.Context, issue: str | None, watch: bool, as_json: bool) -> None:
    """Show how far ISSUE (its date; by default the newest) has come, and how fast.

    Ends with exit code 1 where the accounts do not balance or a delivery is unknown.
    """
    if watch and as_json:
        raise RequestError("Name --watch or --json, not both.")
    with app.database.read() as connection:
        chosen = chosen_issue(connection, issue)
    look = _watch(app, chosen) if watch else _look(app, chosen)
    if as_json:
        dump(_as_json(look))
    elif not watch:
        show(_parts(look))
    unknown = look.sums.counts[DeliveryState.UNKNOWN]
    if not look.balanced or unknown:
        if unknown:
            complain(
                f"{unknown} unknown; settle them with `newsletter issues reconcile {chosen.name}`."
            )
        context.exit(1)


def _look(app: App, issue: Issue) -> _Look:
    now = datetime.now(UTC)
    with app.database.read() as connection:
        return _Look(
            issue=issue,
            at=now,
            composed=ledger.composed(connection, issue.id),
            sums=standings.of(connection, issue.id, now),
            stands=issue_acts.standing(connection, issue.id),
            waits=ledger.waiting(connection, now, issue_id=issue.id),
            skipped=ledger.reasons(connection, issue.id, DeliveryState.SKIPPED, MOST_SKIPPED),
        )


def _watch(app: App, issue: Issue) -> _Look:
    """Shows an issue anew until it is finished, or somebody has seen enough."""
    look = _look(app, issue)
    with watching() as refresh:
        refresh(_parts(look))
        try:
            while not look.finished:
                time.sleep(EVERY)
                look = _look(app, issue)
                refresh(_parts(look))
        except KeyboardInterrupt:
            pass  # the last look stays on the screen
    return look


def _parts(look: _Look) -> list[Shown]:
    """What people are shown, in order."""
    issue, sums = look.issue, look.sums
    numbers = sums.counts.values()
    balance = "balanced" if look.balanced else "DOES NOT BALANCE"
    parts: list[Shown] = [
        f"Issue {issue.name}, composed {instant(issue.composed_at)}: "
        f"{len(issue.candidates)} candidates.",
        grid(["State", "Deliveries"], [[state, number] for state, number in sums.counts.items()]),
        f"composed {look.composed} = {' + '.join(map(str, numbers))}: {balance}.",
        *_standing(look.stands),
        "Finished." if look.finished else "Not finished.",
    ]
    parts += waits.told(look.waits, look.at)
    parts += _speed(look)
    shares = [*sums.domains, *([sums.others] if sums.others else [])]
    if shares:
        parts.append(grid(["Domain", *COLUMNS], [_cells(one) for one in shares]))
    if sums.transports:
        parts.append(grid(["Transport", *COLUMNS], [_cells(one) for one in sums.transports]))
    if sums.causes:
        parts.append(
            grid(
                ["Deliveries", "State", "For example", "Why"],
                [
                    [one.number, one.state, shown(one.example, LONGEST_EXAMPLE), one.words]
                    for one in sums.causes
                ],
            )
        )
        parts.append(f"`newsletter deliveries list {issue.name} --state ...` names every reader.")
    parts += [f"{number} sent nothing: {why}." for why, number in look.skipped.items()]
    return parts


COLUMNS = ("Composed", "Sent", "Deferred", "Failed", "Unknown")


def _cells(one: Share) -> list[object]:
    return [one.name, one.composed, one.sent, one.deferred, one.failed, one.unknown]


def _standing(stands: Standing) -> list[Shown]:
    if not stands.paused and not stands.cancelled:
        return []
    last = stands.acts[-1]
    if stands.held:
        last = stands.last(IssueAct.HOLD) or last
    why = f": {last.why}" if last.why else ""
    what = "Cancelled" if stands.cancelled else "Held for approval" if stands.held else "Paused"
    return [f"{what} by {last.by}, {instant(last.at)}{why}."]


def _speed(look: _Look) -> list[Shown]:
    sums = look.sums
    if sums.per_second is None:
        return []
    told = f"{sums.per_second:.1f} messages a second from the first to the last"
    if look.finished:
        return [told + "."]
    told += f", {sums.per_second_lately:.1f} in the last minute"
    if sums.left is not None and not look.stands.paused:
        told += f"; {sums.ready} are ready and take about {in_words(sums.left)}"
    return [told + "."]


def _as_json(look: _Look) -> dict[str, Any]:
    issue, sums = look.issue, look.sums
    return {
        "issue": issue.name,
        "composed_at": issue.composed_at,
        "candidates": len(issue.candidates),
        "composed": look.composed,
        **{state.value: number for state, number in sums.counts.items()},
        "balanced": look.balanced,
        "finished": look.finished,
        "paused": look.stands.paused,
        "held": look.stands.held,
        "cancelled": look.stands.cancelled,
        "acts": [vars(one) for one in look.stands.acts],
        **waits.as_row(look.waits),
        "ready": sums.ready,
        "first_sent_at": sums.first_sent_at,
        "last_sent_at": sums.last_sent_at,
        "per_second": sums.per_second,
        "per_second_last_minute": sums.per_second_lately,
        "seconds_left": None if sums.left is None else int(sums.left.total_seconds()),
        "domains": [vars(one) for one in sums.domains],
        "other_domains": vars(sums.others) if sums.others else None,
        "transports": [vars(one) for one in sums.transports],
        "causes": [vars(one) for one in sums.causes],
        "skipped_because": look.skipped,
    }
