"""status: what became of an issue, with accounts that must balance."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import click

from newsletter.app import App
from newsletter.cli.options import chosen_issue, pass_app
from newsletter.cli.show import as_json, complain, dump, instant, say, table
from newsletter.delivery import DeliveryState
from newsletter.store import ledger

TOLD = (
    DeliveryState.UNKNOWN,
    DeliveryState.FAILED,
    DeliveryState.DEFERRED,
    DeliveryState.SKIPPED,
)
MOST_TOLD = 20  # deliveries told one by one; `issues show` has the rest


@click.command(epilog="Example: newsletter status 2026-03-11")
@click.argument("issue", required=False, metavar="[ISSUE]")
@as_json
@click.pass_context
@pass_app
def status(app: App, context: click.Context, issue: str | None, as_json: bool) -> None:
    """Show how far ISSUE (its date; by default the newest) has come.

    Ends with exit code 1 where the accounts do not balance or a delivery is unknown.
    """
    with app.database.read() as connection:
        chosen = chosen_issue(connection, issue)
        counts = ledger.count(connection, chosen.id)
        composed = ledger.composed(connection, chosen.id)
        later, first = ledger.waiting(connection, datetime.now(UTC))
        trouble = ledger.entries(connection, chosen.id, states=TOLD, limit=1000)
    balanced = composed == sum(counts.values())
    finished = ledger.is_finished(counts)
    if as_json:
        dump(
            {
                "issue": chosen.name,
                "composed_at": chosen.composed_at,
                "candidates": len(chosen.candidates),
                "composed": composed,
                **{state.value: number for state, number in counts.items()},
                "balanced": balanced,
                "finished": finished,
                "next_at": first,
            }
        )
    else:
        papers = len(chosen.candidates)
        say(f"Issue {chosen.name}, composed {instant(chosen.composed_at)}: {papers} candidates.")
        table(["State", "Deliveries"], [[state, number] for state, number in counts.items()])
        parts = " + ".join(str(number) for number in counts.values())
        say(f"composed {composed} = {parts}: {'balanced' if balanced else 'DOES NOT BALANCE'}.")
        say("Finished." if finished else "Not finished.")
        if later:
            say(f"{later} wait for their hour, the first at {instant(first)}.")
        _tell(trouble)
    if not balanced or counts[DeliveryState.UNKNOWN]:
        if counts[DeliveryState.UNKNOWN]:
            complain(
                f"{counts[DeliveryState.UNKNOWN]} unknown; settle them with "
                f"`newsletter issues reconcile {chosen.name}`."
            )
        context.exit(1)


def _tell(trouble: list[ledger.Entry]) -> None:
    if not trouble:
        return
    urgent = [one for one in trouble if one.state is not DeliveryState.SKIPPED]
    if urgent:
        rows = [[one.address, one.state, one.reason] for one in urgent[:MOST_TOLD]]
        table(["Reader", "State", "Why"], rows)
        if len(urgent) > MOST_TOLD:
            say(f"and {len(urgent) - MOST_TOLD} more: `newsletter issues show`.")
    skipped = Counter(one.reason for one in trouble if one.state is DeliveryState.SKIPPED)
    for reason, number in skipped.most_common():
        say(f"{number} sent nothing: {reason}.")
