"""What deliveries wait for, in words: `send` and `status` tell it alike."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from newsletter.cli.show import ahead
from newsletter.store.ledger import Waits


def told(waits: Waits, now: datetime) -> list[str]:
    """A sentence for each thing that is waited for."""
    hour, again, limits = waits.hour, waits.again, waits.limits
    lines = []
    if limits.number:
        lines.append(
            f"{limits.number} held back by the limits of their domains, "
            f"the first until {ahead(limits.first, now)}."
        )
    if again.number:
        lines.append(
            f"{again.number} to be tried again, the first at {ahead(again.first, now)}; "
            "`newsletter send --now` does so now."
        )
    if hour.number:
        lines.append(
            f"{hour.number} wait for their hour, the first at {ahead(hour.first, now)}; "
            "`newsletter send --now` sends them now."
        )
    return lines


def as_row(waits: Waits) -> dict[str, Any]:
    """The same for programs."""
    return {
        "waiting": waits.number,
        "next_at": waits.first,
        "waiting_for": {
            "hour": waits.hour.number,
            "next_try": waits.again.number,
            "limits": waits.limits.number,
        },
    }
