"""Votes: kept, learned from for digests, and shown to whom they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np

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
from newsletter.text.index import Floats
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
        self._by_topic: dict[str, Floats] = {}

    def fits(
        self, connection: Connection, readers: Sequence[Subscriber], now: datetime
    ) -> dict[int, Mapping[PaperId, float]]:
        """What multiplies the scores of papers, for those readers whose votes count.

        `readers` in order of number.
        """
        votes = _learned(connection, readers, now)
        if not votes:
            return {}
        taste = self.taste(connection)
        return {
            one.id: self._fit(taste, one.preferences, votes[one.id], now)
            for one in readers
            if one.id in votes
        }

    def leading(
        self, connection: Connection, reader: Subscriber, name: PaperId, now: datetime
    ) -> Vote | None:
        """The one vote of a reader that moves a candidate most; None where none does."""
        votes = _learned(connection, [reader], now).get(reader.id)
        if not votes:
            return None
        taste = self.taste(connection)
        return taste.leading(votes, now, self._names.index(name)) if name in self._names else None

    def taste(self, connection: Connection) -> Taste:
        """What judges the issue's papers by votes."""
        if self._taste is None:
            candidates = [one.paper_id for one in self._issue.candidates]
            there = {one.id: one for one in papers.of(connection, candidates)}
            self._names = [name for name in candidates if name in there]
            matches = {one.paper_id: one.matches for one in self._issue.candidates}
            for at, name in enumerate(self._names):
                for slug, match in matches[name].items():
                    row = self._by_topic.setdefault(slug, np.zeros(len(self._names), np.float32))
                    row[at] = match
            older = background(connection, Catalogue(()), self._issue.composed_at)
            self._taste = Taste(
                Matcher([there[name] for name in self._names], older, self._embedder)
            )
        return self._taste

    def _fit(
        self, taste: Taste, wants: Preferences, votes: Sequence[Vote], now: datetime
    ) -> Mapping[PaperId, float]:
        liked = taste.affinity(votes, now)
        said = np.flatnonzero(liked)
        factors = fit(self._match(wants)[said], liked[said]).tolist()
        return dict(zip([self._names[at] for at in said], factors, strict=True))

    def _match(self, wants: Preferences) -> Floats:
        """What followed topics make of each paper; where none has it, one half."""
        if not wants.follows:
            return np.ones(len(self._names), np.float32)
        nothing = np.zeros(len(self._names), np.float32)
        found = [self._by_topic[slug] for slug in wants.follows if slug in self._by_topic]
        best = np.max(found, axis=0) if found else nothing
        return np.where(best > 0, best, np.float32(0.5))


def _learned(
    connection: Connection, readers: Sequence[Subscriber], now: datetime
) -> dict[int, list[Vote]]:
    """The votes that count, of readers in order of number; without those who have none."""
    told = store.of_readers(connection, [one.id for one in readers])
    cast = {one.id: _counting(told.get(one.id, ()), one.preferences, now) for one in readers}
    learning = [one for one in readers if cast[one.id] and one.preferences.learn]
    known = {vote.paper_id for one in learning for vote in cast[one.id]}
    voted = {one.id: one for one in papers.of(connection, known)} if known else {}
    return {one.id: as_votes(cast[one.id], voted) for one in learning}


def _counting(cast: Iterable[Cast], wants: Preferences, now: datetime) -> list[Cast]:
    """What was said by then; clicks of those alone who opted in."""
    return [one for one in cast if one.at <= now and (wants.clicks or not one.clicked)]


def as_votes(cast: Sequence[Cast], voted: Mapping[PaperId, Paper]) -> list[Vote]:
    """Votes with their papers; of papers that are not there any more, none."""
    return [
        Vote(paper=voted[one.paper_id], value=one.value, at=one.at, clicked=one.clicked)
        for one in cast
        if one.paper_id in voted
    ]


def interests(
    connection: Connection,
    reader: Subscriber,
    issue: Issue | None,
    now: datetime,
    embedder: Embedder | None = None,
) -> tuple[list[Interest], list[Vote]]:
    """What a reader's liked papers are about, the weightiest first, and the votes against some.

    As it is told beside the papers of an issue; of a newsletter that has none yet, beside all.
    """
    cast = store.of_readers(connection, [reader.id]).get(reader.id, [])
    voted = {one.id: one for one in papers.of(connection, {vote.paper_id for vote in cast})}
    votes = as_votes(cast, voted)
    if not votes:
        return [], []
    if issue is None:
        older = background(connection, Catalogue(()), now)
        taste = Taste(Matcher(list(voted.values()), older, embedder))
    else:
        taste = Tastes(issue, embedder).taste(connection)
    return taste.interests(votes, now), [one for one in votes if one.value < 0]
