"""Puts together what operators are told of a period, from what the store counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TypedDict
from zoneinfo import ZoneInfo

from newsletter.bounces import EventKind as Came
from newsletter.delivery import OPEN, DeliveryState
from newsletter.rules import OWN
from newsletter.statistics import (
    MEDIAN,
    MOST,
    Line,
    Period,
    Statistics,
    Subject,
    TopicLine,
    Unit,
    by_day,
    count,
    level,
    plus,
    ratio,
    spans,
)
from newsletter.store import mail_stats, stats, topic_stats
from newsletter.store.database import Connection
from subscribers import store as subscribers
from subscribers.model import State
from subscribers.suppression import SuppressionKind, Weight, weigh

Days = Mapping[date, int]
Counted = Callable[[Connection, datetime, datetime], dict[str, dict[int, int]]]
S = DeliveryState


def statistics(connection: Connection, period: Period, zone: ZoneInfo, now: datetime) -> Statistics:
    """All that is told of a period whose days are those of a zone."""
    span = _Span(connection, period, zone, now)
    return Statistics(
        period=period,
        zone=str(zone),
        at=now,
        subjects=(
            _readers(span),
            _digests(span),
            _returns(span),
            _leaving(span),
            _votes(span),
            _issues(span),
            _suppressions(span),
        ),
        **_topics(span),
    )


@dataclass(frozen=True)
class _Span:
    """What is counted, and for which days; the period before is among them."""

    connection: Connection
    period: Period
    zone: ZoneInfo
    now: datetime

    @property
    def days(self) -> tuple[date, date]:
        """The first day and the last."""
        return self.period.before.first, self.period.last

    @property
    def instants(self) -> tuple[datetime, datetime]:
        """When the first day begins, and when the last has ended."""
        return self.period.before.begins(self.zone), self.period.ends(self.zone)

    def events(self, counted: Counted) -> dict[str, Days]:
        """What the store counts by instants, by day."""
        found = counted(self.connection, *self.instants)
        return {name: by_day(quarters, self.zone) for name, quarters in found.items()}

    def line(self, key: str, label: str, days: Days | None, *, part: bool = False) -> Line:
        """A line of this period."""
        return count(key, label, days or {}, self.period, part=part)

    @cached_property
    def digests(self) -> mail_stats.Digests:
        """The deliveries of all days."""
        return mail_stats.digests(self.connection, *self.days)

    @property
    def sent(self) -> Line:
        """Digests that were sent: what most shares are of."""
        return self.line("sent", "sent", self.digests.states[S.SENT])


def _readers(span: _Span) -> Subject:
    happened = span.events(stats.happened)
    today = span.now.astimezone(span.zone).date()
    start, end = span.instants
    until_now = max(end, Period(first=today, last=today).ends(span.zone))
    moves = by_day(stats.moves(span.connection, start, until_now), span.zone)
    states = subscribers.count(span.connection)
    erased = stats.erased(span.connection)
    return Subject(
        key="readers",
        title="Readers",
        lines=(
            level("readers", "readers", states[State.CONFIRMED], moves, span.period, today),
            *(span.line(kind.value, kind.value, happened.get(kind.value)) for kind in stats.TOLD),
            span.line("net", "net growth", moves),
        ),
        now={
            "confirmed": states[State.CONFIRMED],
            "pending": states[State.PENDING],
            "unsubscribed": states[State.UNSUBSCRIBED] - erased,
            "erased": erased,
        },
    )


def _digests(span: _Span) -> Subject:
    states, line = span.digests.states, span.line
    waits = mail_stats.waits(span.connection, *span.days)
    letters = span.events(stats.queued_letters)
    return Subject(
        key="digests",
        title="Digests",
        lines=(
            line("composed", "composed", plus(*states.values())),
            line("sent", "sent", states[S.SENT], part=True),
            line("skipped", "skipped", states[S.SKIPPED], part=True),
            line("failed", "failed", states[S.FAILED], part=True),
            line("unknown", "unknown", states[S.UNKNOWN], part=True),
            line("waiting", "waiting", plus(*(states[one] for one in OPEN)), part=True),
            line("given_up", "failed: given up", span.digests.given_up),
            spans("latency_p50", "half sent within", waits, MEDIAN, span.period),
            spans("latency_p95", "95 % sent within", waits, MOST, span.period),
            line("letters_sent", "letters sent", letters.get("sent")),
            line("letters_failed", "letters failed", letters.get("failed")),
        ),
    )


def _returns(span: _Span) -> Subject:
    complained, refused = Counter[date](), Counter[date]()
    kinds = {kind: Counter[date]() for kind in ("hard", "soft", "ours")}
    for one in mail_stats.returned(span.connection, *span.days):
        if one.kind is Came.COMPLAINED:
            complained[one.day] += one.number
            continue
        kinds[_kind(one.code, permanent=one.permanent)][one.day] += one.number
        if one.kind is Came.REFUSED:
            refused[one.day] += one.number
    line = span.line
    bounces = line("bounced", "bounced", plus(*kinds.values()))
    complaints = line("complained", "complaints", complained)
    offered = line("offered", "offered", plus(span.digests.states[S.SENT], refused))
    return Subject(
        key="returns",
        title="Bounces and complaints",
        lines=(
            bounces,
            line("hard", "hard", kinds["hard"], part=True),
            line("soft", "soft", kinds["soft"], part=True),
            line("ours", "about our mail", kinds["ours"], part=True),
            ratio("bounce_rate", "bounce rate", bounces, offered),
            complaints,
            ratio("complaint_rate", "complaint rate", complaints, span.sent),
        ),
    )


def _kind(code: str, *, permanent: bool) -> str:
    match weigh(code, permanent=permanent):
        case Weight.GONE | Weight.PERMANENT:
            return "hard"
        case Weight.PASSING:
            return "soft"
    return "ours"


def _leaving(span: _Span) -> Subject:
    ways = span.events(stats.ways)
    left = span.line("unsubscribed", "unsubscribed", plus(*ways.values()))
    return Subject(
        key="leaving",
        title="Unsubscribes",
        lines=(
            left,
            *(
                span.line(way.replace(" ", "_"), f"by {way}", ways.get(way), part=True)
                for way in stats.WAYS
            ),
            span.line("otherwise", "otherwise", ways.get(stats.OTHERWISE), part=True),
            ratio("unsubscribe_rate", "unsubscribe rate", left, span.sent),
        ),
    )


def _votes(span: _Span) -> Subject:
    votes = span.events(stats.cast_votes)
    more, less = votes.get("more", {}), votes.get("less", {})
    every = span.line("votes", "votes", plus(more, less))
    return Subject(
        key="votes",
        title="Votes",
        lines=(
            every,
            span.line("more", "more like this", more, part=True),
            span.line("less", "less like this", less, part=True),
            ratio("votes_a_digest", "votes, of digests sent", every, span.sent),
            span.line("followed", "links followed", votes.get("followed")),
        ),
    )


def _issues(span: _Span) -> Subject:
    papers = mail_stats.candidates(span.connection, *span.days)
    issues = span.line("issues", "issues", dict.fromkeys(papers, 1))
    candidates = span.line("papers", "papers to choose from", papers)
    sent = span.line("papers_sent", "papers sent", span.digests.papers)
    return Subject(
        key="issues",
        title="Issues",
        lines=(
            issues,
            candidates,
            ratio("papers_an_issue", "papers an issue", candidates, issues, unit=Unit.MEAN),
            sent,
            ratio("papers_a_digest", "papers a digest", sent, span.sent, unit=Unit.MEAN),
        ),
    )


def _suppressions(span: _Span) -> Subject:
    made = span.events(stats.suppressed)
    now = stats.suppressed_now(span.connection, span.now)
    return Subject(
        key="suppressions",
        title="Suppressions",
        lines=(
            span.line("suppressed", "suppressed", plus(*made.values())),
            *(
                span.line(kind.value, kind.value, made.get(kind.value), part=True)
                for kind in SuppressionKind
            ),
        ),
        now={kind.value: now.get(kind.value, 0) for kind in SuppressionKind},
    )


class _Topics(TypedDict):
    topics: tuple[TopicLine, ...]
    own: TopicLine
    plain: int


def _topics(span: _Span) -> _Topics:
    period, zone = span.period, span.zone
    followers = topic_stats.wanted(span.connection, "follows")
    mutes = topic_stats.wanted(span.connection, "mutes")
    moved = topic_stats.moved(span.connection, period.begins(zone), period.ends(zone))
    papers = topic_stats.picked(span.connection, period.first, period.last)

    def line(slug: str) -> TopicLine:
        return TopicLine(
            slug=slug,
            followers=followers[slug],
            mutes=mutes[slug],
            change=moved[slug],
            papers=papers[slug],
        )

    named = {*followers, *mutes, *moved, *papers} - {OWN, topic_stats.NONE}
    lines = sorted(map(line, named), key=lambda one: (-one.followers, -one.papers, one.slug))
    return _Topics(topics=tuple(lines), own=line(OWN), plain=papers[topic_stats.NONE])
