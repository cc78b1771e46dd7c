"""Made-up reviews and alarms, to see whether templates and languages hold in letters of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from newsletter import alerts
from newsletter.alerts import Facts, IssueFacts
from newsletter.preflight.findings import warning
from newsletter.rendering.letter_words import Alarm, Listed, Review, Trouble


def review(now: datetime) -> Review:
    """An issue of one paper, with a warning."""
    return Review(
        day=now.date(),
        since=now,
        by="newsletter",
        reason="",
        papers=1,
        readers=1000,
        first_due=now,
        passes=True,
        findings=[warning("sample", "A sample of a warning.", "Nothing has to be done.")],
        top=[Listed(paper=None, title="A sample", trend=1, pinned=True, topics=["A topic"])],
        page=f"digest-{now.date().isoformat()}.html",
    )


def alarm(now: datetime) -> Alarm:
    """Something new, something old and something that is over."""
    late = IssueFacts(
        name=now.date().isoformat(), composed_at=now, sent=90, failed=10, late=5, late_since=now
    )
    first, second = alerts.judge(Facts(now=now, issues=[late]))
    before = now - timedelta(hours=2)
    return Alarm(
        new=[Trouble(alert=first, since=now)],
        still=[Trouble(alert=second, since=before)],
        over=[Trouble(alert=second, since=before, ended_at=now)],
    )
