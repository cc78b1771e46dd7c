"""What a reader's votes say of papers: interests out of liked papers, and how well others fit.

Liked papers that are near each other are one interest; a reader has as many as it takes, and a
paper is as welcome as the interest it fits best makes it: interests are never averaged. Papers are
taken from the newest vote on; each joins the interest whose papers it is nearest to, if that is
near enough, by the mean cosine in the latent space (`text/index.py`), or starts its own.

A vote weighs 2^(-age / 180 days), a click 0.3 of it. Within an interest nearness is the weighted
mean over its papers (`Closeness.to_papers`), authors shared count with it, and all of it fades
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
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, log, tanh

import numpy as np

from newsletter.matching import Matcher
from newsletter.papers import Paper
from newsletter.text import Text, author_names, shared_authors
from newsletter.text.index import Floats, Sparse

HALF_LIFE = timedelta(days=180)
CLICK = 0.3  # beside a vote: one also clicks to find out that it is not worth reading
NEAR = 0.3  # mean cosine from which papers are one interest
SHARE = 2 / 3  # of affinity, beside a topic's closeness
LEAST, MOST = 0.5, 2.0
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


class Taste:
    """Judges the papers of a matcher by readers' votes."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._index = matcher.index
        self._authors = [author_names(one.authors) for one in matcher.measured]

    def affinity(self, votes: Sequence[Vote], now: datetime) -> Floats:
        """How welcome each paper is, (papers,); 0 where votes say nothing of it."""
        many = len(self._matcher.papers)
        liked = [
            self._nearness(group, now, by_authors=True)
            * np.float32(max(one.weight(now) for one in group))
            for group in self._groups(votes)
        ]
        total = np.max(liked, axis=0) if liked else np.zeros(many, np.float32)
        worst = np.zeros(many, np.float32)
        for one in votes:
            if one.value < 0:
                near = self._nearness([one], now, by_authors=False) * np.float32(one.weight(now))
                worst = np.maximum(worst, near)
        return np.asarray(total - worst, np.float32)

    def interests(self, votes: Sequence[Vote], now: datetime) -> list[Interest]:
        """What the liked papers are about, the weightiest first."""
        found = [
            Interest(
                votes=tuple(group),
                weight=sum(one.weight(now) for one in group),
                terms=self._terms(group),
                authors=_authors(group),
            )
            for group in self._groups(votes)
        ]
        return sorted(found, key=lambda one: (-one.weight, one.votes[0].paper.id))

    def _groups(self, votes: Sequence[Vote]) -> list[list[Vote]]:
        liked = sorted((one for one in votes if one.value > 0), key=lambda one: one.paper.id)
        liked.sort(key=lambda one: one.at, reverse=True)
        if not liked:
            return []
        places = self._index.latent_of(self._rows(liked))
        near = places @ places.T
        groups: list[list[int]] = []
        for at in range(len(liked)):
            means = [float(near[at, group].mean()) for group in groups]
            best = max(range(len(means)), key=means.__getitem__, default=-1)
            if best >= 0 and means[best] >= NEAR:
                groups[best].append(at)
            else:
                groups.append([at])
        return [[liked[at] for at in group] for group in groups]

    def _rows(self, votes: Sequence[Vote]) -> Sparse:
        return self._index.fold_in(Text(one.paper.title, one.paper.abstract) for one in votes)

    def _nearness(self, votes: Sequence[Vote], now: datetime, *, by_authors: bool) -> Floats:
        papers = [one.paper for one in votes]
        weights = np.array([one.weight(now) for one in votes], np.float32)
        shared = np.zeros(len(self._authors), np.float32)
        if by_authors:
            known = [author_names(one.authors) for one in papers]
            shared = shared_authors(self._authors, known, weights)
        close = self._matcher.closeness.to_papers(
            self._rows(votes), shared, self._matcher.vectors_of(papers), weights
        )
        return close[: len(self._matcher.papers)]

    def _terms(self, votes: Sequence[Vote]) -> tuple[str, ...]:
        rows = self._rows(votes)
        total = np.zeros(self._index.width, np.float32)
        for at in range(len(rows)):
            columns, data = rows.row(at)
            total[columns] += data
        best = np.argsort(-total, kind="stable")[:TERMS]
        words = list(self._index.vocabulary)
        return tuple(words[at] for at in best if total[at] > 0)


def fit(match: float, affinity: float) -> float:
    """What multiplies a paper's score, in [0.5, 2]; `match` is 1 for who follows nothing."""
    if match >= 1:
        return float(2 ** tanh(affinity / 3))
    moved = with_affinity(log(match / (1 - match)), affinity)
    return min(MOST, max(LEAST, moved / match))


def with_affinity(odds: float, affinity: float) -> float:
    """A match of these log-odds, moved by affinity, in (0, 1)."""
    return 1 / (1 + exp(-(odds + SHARE * affinity)))


def _authors(votes: Sequence[Vote]) -> tuple[str, ...]:
    counts = Counter(name for one in votes for name in dict.fromkeys(one.paper.authors))
    several = [(name, count) for name, count in counts.most_common() if count > 1]
    return tuple(name for name, _ in several[:TERMS])
