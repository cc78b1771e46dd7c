"""Alerts: each rule on both sides of its threshold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter import alerts
from newsletter.alerts import DiskFacts, Facts, IssueFacts, SourceFacts, WebhookFacts

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
GIB = 2**30
ISSUE = IssueFacts(name="2026-03-12", composed_at=NOW - timedelta(hours=6), sent=10_000)


def facts(**more: object) -> Facts:
    return replace(Facts(now=NOW, issues=[ISSUE], host="one"), **more)  # type: ignore[arg-type]


def issue(**more: object) -> Facts:
    return facts(issues=[replace(ISSUE, **more)])  # type: ignore[arg-type]


def source(**more: object) -> Facts:
    return facts(sources=[SourceFacts(name="arxiv", **more)])  # type: ignore[arg-type]


def webhook(tries: int, lost: int = 0) -> Facts:
    return facts(webhooks=[WebhookFacts(id=7, tries=tries, lost=lost, answer="503")])


def disk(free: int, total: int) -> Facts:
    return facts(disks=[DiskFacts(what="database", free=free, total=total)])


LATE = NOW - timedelta(hours=1)
OLD = NOW - timedelta(days=4)
CASES = {
    "well": (facts(), ""),
    "no issue": (facts(missing=(date(2026, 3, 12), 9)), "missing/2026-03-12"),
    "refused": (facts(refused={"2026-03-12": "A link is broken."}), "preflight/2026-03-12"),
    "refused long ago": (facts(refused={"2026-03-01": "A link is broken."}), ""),
    "late": (issue(late=5, late_since=LATE), "late/2026-03-12"),
    "late, but they leave": (issue(late=5, late_since=LATE, last_sent_at=NOW), ""),
    "late, and they left": (issue(late=5, late_since=LATE, last_sent_at=LATE), "late/2026-03-12"),
    "some fail": (issue(sent=94, failed=5), "failed/2026-03-12"),
    "one in twenty fails": (issue(sent=95, failed=5), ""),
    "few fail": (issue(sent=6, failed=4), ""),
    "old ones failed": (issue(sent=1, failed=9, composed_at=OLD), ""),
    "unknown": (issue(unknown=1), "unknown/2026-03-12"),
    "a tick fails": (facts(failures={"send": "no road"}), "run/one/send"),
    "a source fails": (source(failures=5, error="500"), "failing/arxiv"),
    "a source failed": (source(failures=4, error="500"), ""),
    "a source is stale": (source(stale="its newest entry is old"), "stale/arxiv"),
    "complaints": (facts(complaints=11), "complaints/0.1%"),
    "as many complaints as may be": (facts(complaints=10), ""),
    "many complaints": (facts(complaints=31), "complaints/0.3%"),
    "two complaints": (replace(issue(sent=50), complaints=2), ""),
    "three of fifty complain": (replace(issue(sent=50), complaints=3), "complaints/0.3%"),
    "bounces": (facts(bounces=201), "bounces/2%"),
    "few bounces": (facts(bounces=200), ""),
    "many bounces": (facts(bounces=501), "bounces/5%"),
    "a jump": (facts(suppressed=31, suppressed_before=140), "suppressions"),
    "as ever": (facts(suppressed=30, suppressed_before=140), ""),
    "a small jump": (facts(suppressed=9), ""),
    "a webhook fails": (webhook(11), "webhook/7"),
    "a webhook failed": (webhook(10), ""),
    "a webhook fails again": (webhook(5, lost=1), "webhook/7"),
    "receipts": (facts(receipts_since=NOW - timedelta(days=1)), "receipts"),
    "new receipts": (facts(receipts_since=NOW - timedelta(hours=23)), ""),
    "a full disk": (disk(4 * GIB, 100 * GIB), "disk/database"),
    "a large disk": (disk(11 * GIB, 1000 * GIB), ""),
    "a small disk": (disk(GIB // 4, GIB), "disk/database"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_rule_speaks_past_its_threshold_alone(case: str) -> None:
    """One alert by its name, or none."""
    told, name = CASES[case]
    assert [one.name for one in alerts.judge(told)] == ([name] if name else [])


def test_words_from_outside_are_bounded_and_no_places_to_fill() -> None:
    """An error of many lines with braces in it becomes the end of one short sentence."""
    error = "no {such} place\r\nBcc: x@example.org\0" + "x" * 5000
    (one,) = alerts.judge(source(failures=9, error=error))
    words = one.words()
    assert words.startswith("The source arxiv failed 9 times in a row: no {such} place Bcc:")
    assert words.isprintable()
    assert len(words) < 300


def test_names_fit_the_table_however_long_what_they_are_of() -> None:
    """What is over has its end before its name: 128 characters hold both."""
    told = facts(failures={"x" * 500: "it fails"}, host="a/b" * 99)
    (one,) = alerts.judge(told)
    assert len(one.name) <= alerts.LONGEST_NAME
    assert len("over/20260312T120000.000000Z/") <= 128 - alerts.LONGEST_NAME


def test_only_its_own_machine_knows_whether_a_tick_goes_on() -> None:
    """Another process leaves it open."""
    assert alerts.is_elsewhere("run/two/send", "one")
    assert not alerts.is_elsewhere("run/one/send", "one")
    assert not alerts.is_elsewhere("receipts", "one")
