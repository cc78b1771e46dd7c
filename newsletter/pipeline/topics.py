"""Matches papers of the store with topics, beside others of their time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from newsletter.matching import Matcher
from newsletter.papers import Paper, PaperId
from newsletter.store import papers
from newsletter.store.database import Connection
from newsletter.text import Embedder
from newsletter.topics import Catalogue, Match

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


def under(found: Iterable[tuple[PaperId, tuple[Match, ...]]], slug: str) -> dict[PaperId, Match]:
    """Those of a topic, each with its match."""
    return {name: match for name, matches in found for match in matches if match.topic == slug}
