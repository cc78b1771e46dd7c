"""What a reader's votes say of papers: interests out of liked papers, and how well others fit.

Liked papers that are near each other are one interest; a reader has as many as it takes, and a
paper is as welcome as the interest it fits best makes it: interests are never averaged. Papers are
taken from the newest vote on; each joins the interest whose papers it is nearest to, if that is
near enough, by the mean cosine in the latent space (`text/index.py`), or starts its own.

A vote weighs 2^(-age / 180 days), a click 0.3 of it. Within an interest nearness is the weighted
mean over its papers (`Closeness.to_liked`), authors shared count with it, and all of it fades
with the interest's weightiest vote. Each disliked paper pulls down what is nearer to it than papers
commonly are, by text alone::

    affinity = max over interests(closeness) - max over disliked(max(0, closeness))

Like a topic's evidence it adds up as log-odds do (`matching.py`), so what it does to a match is::

    fit = m' / m,  m' = 1 / (1 + exp(-(logit(m) + 2/3 affinity))),  in [0.5, 2]

and 2^tanh(affinity / 3) for who follows nothing. So votes move a paper up to twice its score, or
down to half; they neither bring in what no followed topic has, nor silence a topic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

import numpy as np

from newsletter.matching import Matcher
from newsletter.papers import Paper, PaperId
from newsletter.text import Text, author_names, by_authors
from newsletter.text.index import Floats, Sparse

HALF_LIFE = timedelta(days=180)
CLICK = 0.3  # beside a vote: one also clicks to find out that it is not worth reading
NEAR = 0.3  # mean cosine from which papers are one interest
SHARE = 2 / 3  # of affinity, beside a topic's closeness
LEAST, MOST = 0.5, 2.0
REMEMBERED = 4096  # voted papers, of some kilobytes each
TERMS = 5  # words that tell what an interest is about


@dataclass(frozen=True, kw_only=True)
class Vote:
    """More or less of what is like a paper."""

    paper: Paper
    value: int  # 1 or -1
    at: datetime
    clicked: bool = False  # not a vote, but a link followed by a reader who opted in

    def weight(self, now: datetime) -> float:
        """In (0, 1]."""
        age = max(timedelta(0), now - self.at)
        faded: float = 2.0 ** (-(age / HALF_LIFE))
        return faded * (CLICK if self.clicked else 1)


@dataclass(frozen=True, kw_only=True)
class Interest:
    """Papers liked for one thing."""

    votes: tuple[Vote, ...]  # newest first
    weight: float  # of all its votes
    terms: tuple[str, ...]  # stems that tell it from other papers, the most telling first
    authors: tuple[str, ...]  # of several of its papers, the most frequent first


@dataclass(frozen=True)
class _Seen:
    """What a voted paper is near to."""

    views: Floats  # (views, papers), as `Closeness.views` tells them
    place: Floats  # in the latent space
    shared: dict[int, int]  # papers by how many of its authors they have


class Taste:
    """Judges the papers of a matcher by readers' votes.

    What is near a voted paper is worked out once, for however many readers voted on it.
    """

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._index = matcher.index
        self._by_author: dict[str, list[int]] = {}
        for at, one in enumerate(matcher.measured):
            for name in author_names(one.authors):
                self._by_author.setdefault(name, []).append(at)
        self._known: dict[PaperId, _Seen] = {}

    def affinity(self, votes: Sequence[Vote], now: datetime) -> Floats:
        """How welcome each paper is, (papers,); 0 where votes say nothing of it."""
        many = len(self._matcher.papers)
        seen = self._seen(votes)
        weights = np.array([one.weight(now) for one in votes], np.float32)
        groups = self._groups(votes, seen)
        against = [[at] for at, one in enumerate(votes) if one.value < 0]
        total, worst = np.zeros(many, np.float32), np.zeros(many, np.float32)
        if groups or against:
            found = self._nearness(seen, weights, [*groups, *against], len(groups))[:, :many]
            if groups:
                total = found[: len(groups)].max(axis=0)
            if against:
                worst = np.maximum(worst, found[len(groups) :].max(axis=0))
        return np.asarray(total - worst, np.float32)

    def leading(self, votes: Sequence[Vote], now: datetime, at: int) -> Vote | None:
        """The one vote that says most of the paper at a place; None where none says anything."""
        affinity = float(self.affinity(votes, now)[at])
        same = [one for one in votes if one.value * affinity > 0]
        if not same:
            return None
        weights = np.array([one.weight(now) for one in same], np.float32)
        alone = [[place] for place in range(len(same))]
        liked = len(alone) if affinity > 0 else 0
        return same[int(self._nearness(self._seen(same), weights, alone, liked)[:, at].argmax())]

    def interests(self, votes: Sequence[Vote], now: datetime) -> list[Interest]:
        """What the liked papers are about, the weightiest first."""
        groups = self._groups(votes, self._seen(votes))
        found = [
            Interest(
                votes=tuple(group),
                weight=sum(one.weight(now) for one in group),
                terms=self._terms(group),
                authors=_authors(group),
            )
            for group in ([votes[at] for at in places] for places in groups)
        ]
        return sorted(found, key=lambda one: (-one.weight, one.votes[0].paper.id))

    def _groups(self, votes: Sequence[Vote], seen: Sequence[_Seen]) -> list[list[int]]:
        """The places of liked papers by interest, in each the newest first."""
        liked = sorted(
            (at for at, one in enumerate(votes) if one.value > 0),
            key=lambda at: (-votes[at].at.timestamp(), votes[at].paper.id),
        )
        if not liked:
            return []
        latent = np.stack([seen[at].place for at in liked])
        near = latent @ latent.T
        groups: list[list[int]] = []
        total = np.zeros((0, len(liked)), np.float32)  # nearness to all of a group, added up
        sizes = np.zeros(0, np.float32)
        for at in range(len(liked)):
            means = total[:, at] / sizes
            best = int(means.argmax()) if groups else -1
            if best >= 0 and means[best] >= NEAR:
                groups[best].append(at)
                total[best] += near[at]
                sizes[best] += 1
            else:
                groups.append([at])
                total = np.concatenate([total, near[at : at + 1]])
                sizes = np.append(sizes, np.float32(1))
        return [[liked[at] for at in group] for group in groups]

    def _nearness(
        self, seen: Sequence[_Seen], weights: Floats, groups: Sequence[Sequence[int]], liked: int
    ) -> Floats:
        """What groups of voted papers say of every paper, (groups, papers), faded with them.

        The first `liked` groups by authors too.
        """
        each = np.zeros((len(groups), len(seen)), np.float32)
        for at, group in enumerate(groups):
            each[at, group] = weights[group]
        found = self._matcher.closeness.to_liked(np.stack([one.views for one in seen], 1), each)
        for at, group in enumerate(groups[:liked]):
            shared: dict[int, float] = {}
            for place in group:
                for paper, authors in seen[place].shared.items():
                    shared[paper] = shared.get(paper, 0.0) + authors * float(weights[place])
            found[at, list(shared)] += by_authors(np.array(list(shared.values()), np.float32))
        return np.asarray(found * each.max(axis=1, keepdims=True), np.float32)

    def _seen(self, votes: Sequence[Vote]) -> list[_Seen]:
        """What the voted papers are near to, in the order of the votes."""
        wanted = {one.paper.id: one.paper for one in votes}
        new = [one for name, one in wanted.items() if name not in self._known]
        if new:
            if len(self._known) + len(new) > REMEMBERED:
                self._known = {name: self._known[name] for name in wanted if name in self._known}
            rows = self._rows(new)
            views = self._matcher.closeness.views(rows, self._matcher.vectors_of(new))
            places = self._index.latent_of(rows)
            for at, one in enumerate(new):
                self._known[one.id] = _Seen(views[:, at], places[at], self._shared(one))
        return [self._known[one.paper.id] for one in votes]

    def _shared(self, paper: Paper) -> dict[int, int]:
        found = (self._by_author.get(name, ()) for name in author_names(paper.authors))
        return Counter(chain.from_iterable(found))

    def _rows(self, papers: Iterable[Paper]) -> Sparse:
        return self._index.fold_in(Text(one.title, one.abstract) for one in papers)

    def _terms(self, votes: Sequence[Vote]) -> tuple[str, ...]:
        rows = self._rows(one.paper for one in votes)
        total = np.zeros(self._index.width, np.float32)
        for at in range(len(rows)):
            columns, data = rows.row(at)
            total[columns] += data
        best = np.argsort(-total, kind="stable")[:TERMS]
        words = list(self._index.vocabulary)
        return tuple(words[at] for at in best if total[at] > 0)


def fit(match: Floats, affinity: Floats) -> Floats:
    """What multiplies papers' scores, in [0.5, 2]; `match` is 1 for who follows nothing."""
    with np.errstate(divide="ignore"):  # at a match of 1, where it is not used
        moved = with_affinity(np.log(match / (1 - match)), affinity) / match
    found = np.where(match >= 1, 2 ** np.tanh(affinity / 3), moved)
    return np.asarray(np.clip(found, LEAST, MOST))


def with_affinity(odds: Floats, affinity: Floats) -> Floats:
    """Matches of these log-odds, moved by affinity, in (0, 1)."""
    return np.asarray(1 / (1 + np.exp(-(odds + SHARE * affinity))))


def _authors(votes: Sequence[Vote]) -> tuple[str, ...]:
    counts = Counter(name for one in votes for name in dict.fromkeys(one.paper.authors))
    several = [(name, count) for name, count in counts.most_common() if count > 1]
    return tuple(name for name, _ in several[:TERMS])
