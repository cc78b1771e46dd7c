"""Votes: kept, learned from for digests, and shown to whom they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from newsletter.affinity import Interest, Taste, Vote, fit
from newsletter.issue import Issue
from newsletter.matching import Matcher
from newsletter.papers import Paper, PaperId
from newsletter.pipeline.topics import background
from newsletter.store import papers
from newsletter.store import votes as store
from newsletter.store.database import Connection
from newsletter.store.votes import Cast
from newsletter.text import Embedder
from newsletter.topics import Catalogue
from subscribers.model import Preferences, Subscriber

NOBODY: Mapping[PaperId, float] = {}


class Tastes:
    """What the votes of readers make of an issue's papers; costs nothing while nobody voted."""

    def __init__(self, issue: Issue, embedder: Embedder | None = None) -> None:
        self._issue = issue
        self._embedder = embedder
        self._taste: Taste | None = None
        self._names: list[PaperId] = []

    def fits(
        self, connection: Connection, readers: Sequence[Subscriber], now: datetime
    ) -> dict[int, Mapping[PaperId, float]]:
        """What multiplies the scores of papers, for those readers whose votes count.

        `readers` in order of number.
        """
        told = store.of_readers(connection, readers[0].id, readers[-1].id)
        cast = {one.id: _counting(told.get(one.id, ()), one.preferences, now) for one in readers}
        learning = [one for one in readers if cast[one.id] and one.preferences.learn]
        if not learning:
            return {}
        known = {vote.paper_id for one in learning for vote in cast[one.id]}
        voted = {one.id: one for one in papers.of(connection, known)}
        taste = self._of_issue(connection)
        return {
            one.id: self._fit(taste, one.preferences, as_votes(cast[one.id], voted), now)
            for one in learning
        }

    def _of_issue(self, connection: Connection) -> Taste:
        if self._taste is None:
            candidates = [one.paper_id for one in self._issue.candidates]
            there = {one.id: one for one in papers.of(connection, candidates)}
            self._names = [name for name in candidates if name in there]
            older = background(connection, Catalogue(()), self._issue.composed_at)
            self._taste = Taste(
                Matcher([there[name] for name in self._names], older, self._embedder)
            )
        return self._taste

    def _fit(
        self, taste: Taste, wants: Preferences, votes: Sequence[Vote], now: datetime
    ) -> Mapping[PaperId, float]:
        liked = taste.affinity(votes, now)
        matches = {one.paper_id: one.matches for one in self._issue.candidates}
        return {
            name: fit(_match(matches[name], wants), float(affinity))
            for name, affinity in zip(self._names, liked, strict=True)
            if affinity
        }


def _counting(cast: Iterable[Cast], wants: Preferences, now: datetime) -> list[Cast]:
    """What was said by then; clicks of those alone who opted in."""
    return [one for one in cast if one.at <= now and (wants.clicks or not one.clicked)]


def _match(matches: Mapping[str, float], wants: Preferences) -> float:
    if not wants.follows:
        return 1.0
    return max((matches[slug] for slug in wants.follows if slug in matches), default=0.5)


def as_votes(cast: Sequence[Cast], voted: Mapping[PaperId, Paper]) -> list[Vote]:
    """Votes with their papers; of papers that are not there any more, none."""
    return [
        Vote(paper=voted[one.paper_id], value=one.value, at=one.at, clicked=one.clicked)
        for one in cast
        if one.paper_id in voted
    ]


def interests(
    connection: Connection, reader: Subscriber, now: datetime, embedder: Embedder | None = None
) -> tuple[list[Interest], list[Vote]]:
    """What a reader's liked papers are about, the weightiest first, and the votes against some."""
    cast = store.of_readers(connection, reader.id, reader.id).get(reader.id, [])
    voted = {one.id: one for one in papers.of(connection, {vote.paper_id for vote in cast})}
    votes = as_votes(cast, voted)
    matcher = Matcher(list(voted.values()), background(connection, Catalogue(())), embedder)
    return Taste(matcher).interests(votes, now), [one for one in votes if one.value < 0]
