"""Matches papers of the store with topics, beside others of their time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from newsletter import rules
from newsletter.errors import RequestError
from newsletter.matching import Judged, Matcher
from newsletter.papers import Paper, PaperId
from newsletter.store import papers
from newsletter.store.database import Connection
from newsletter.store.papers import Kept
from newsletter.store.topics import KeptTopic
from newsletter.text import Embedder
from newsletter.topics import Catalogue, Match, Topic

LOOK_BACK = 28  # days
BACKGROUND = 1500  # older papers that tell how rare a word is


def background(
    connection: Connection, catalogue: Catalogue, before: datetime | None = None
) -> list[Paper]:
    """What papers are measured against: the newest ones first seen before an instant, or now."""
    older = papers.older(connection, before or datetime.now(UTC), BACKGROUND)
    return [*older, *papers.of(connection, catalogue.examples)]


def matches(
    connection: Connection,
    catalogue: Catalogue,
    found: Sequence[Paper],
    embedder: Embedder | None = None,
) -> dict[PaperId, tuple[Match, ...]]:
    """The topics of papers, surest first."""
    matcher = Matcher(found, background(connection, catalogue), embedder)
    return dict(zip((one.id for one in found), matcher.match(catalogue), strict=True))


@dataclass(frozen=True, kw_only=True)
class Offer:
    """The topics there are, and those kept that cannot be read."""

    catalogue: Catalogue
    broken: tuple[str, ...] = ()


def offer(file: Catalogue, kept: Iterable[KeptTopic]) -> Offer:
    """The file's topics with what operators and readers made of them."""
    topics = dict(file.topics)
    broken = list[str]()
    for one in kept:
        if one.removed:
            topics.pop(one.slug, None)
            continue
        try:
            topics[one.slug] = rules.read(dict(one.definition), own=one.own)
        except (RequestError, TypeError, ValueError):
            broken.append(one.slug)
    return Offer(catalogue=Catalogue(topics.values()), broken=tuple(broken))


def volumes(
    connection: Connection,
    catalogue: Catalogue,
    now: datetime,
    embedder: Embedder | None = None,
    days: int = LOOK_BACK,
) -> dict[str, float]:
    """Papers a week under each topic, over the last days or since there are papers."""
    recent = papers.since(connection, now - timedelta(days=days))
    if not recent:
        return dict.fromkeys(catalogue.topics, 0.0)
    weeks = _weeks(recent, now, days)
    found = matches(connection, catalogue, [one.paper for one in recent], embedder)
    counts = Counter(match.topic for each in found.values() for match in each)
    return {slug: counts[slug] / weeks for slug in catalogue.topics}


def judge(
    connection: Connection,
    topic: Topic,
    now: datetime,
    days: int = LOOK_BACK,
    embedder: Embedder | None = None,
) -> tuple[list[Judged], float]:
    """The papers of the last days by one topic, the strongest first, and how many a week."""
    since = now - timedelta(days=days)
    recent = papers.since(connection, since)
    beside = background(connection, Catalogue([topic]), since)
    judged = Matcher([one.paper for one in recent], beside, embedder).judge(topic)
    found = sum(one.under for one in judged)
    return judged, found / _weeks(recent, now, days) if found else 0.0


def _weeks(recent: Sequence[Kept], now: datetime, days: int) -> float:
    """How long it was seen what came: since the first of the papers, a week at least."""
    first = min(one.first_seen_at for one in recent)
    return max(1.0, min(timedelta(days=days), now - first) / timedelta(weeks=1))
