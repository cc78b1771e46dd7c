"""The bridge by which an evaluation of selection measures the product's own functions.

`rank(case)` gives one score a candidate, higher is better; `rank_semantic` does so with vectors of
an embedding model, looked up in the file that $EVALUATION_VECTORS names. A case is an
`evallib.Case`: `task`, `candidates`, `now` (a day); for T1 and T2 the `corpus` of papers that the
product would hold and a `query`, what a topic says; for T2 `likes`, newest first; for T3 `signals`,
what was visible of each candidate at one look. Nothing is decided here: what is measured is what
readers get. Classes are not passed on: in one part of T1 they are the truth.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from math import log
from typing import Any

import numpy as np

from newsletter.affinity import Taste, Vote, with_affinity
from newsletter.errors import RequestError
from newsletter.matching import Matcher
from newsletter.papers import Observation, Paper, PaperId
from newsletter.phrases import parse
from newsletter.text import Embedder
from newsletter.text.index import Floats
from newsletter.topics import Topic
from newsletter.trending import trends

NOW = datetime(2026, 1, 1, tzinfo=UTC)  # votes are all of one age: only their order is told


def rank(case: Any) -> list[float]:
    """One score for each of `case.candidates`, by words alone."""
    return _rank(case, None)


def rank_semantic(case: Any) -> list[float]:
    """The same with an embedding model."""
    return _rank(case, _vectors(os.environ["EVALUATION_VECTORS"]))


def _rank(case: Any, embedder: Embedder | None) -> list[float]:
    if case.task == "T3":
        return _rank_by_trend(case)
    matcher = _matcher(case, embedder)
    odds = [0.0] * len(case.candidates)
    if case.query is not None:
        found = matcher.strengths(_topic(case.query))
        odds = [log(one / (1 - one)) for one in found]
    if case.task == "T1":
        return odds
    at = [NOW - timedelta(seconds=number) for number in range(len(case.likes))]
    votes = [
        Vote(paper=_paper(one), value=1, at=when) for one, when in zip(case.likes, at, strict=True)
    ]
    liked = Taste(matcher).affinity(votes, NOW)
    return with_affinity(np.array(odds, np.float32), liked).tolist()


def _matcher(case: Any, embedder: Embedder | None) -> Matcher:
    """The candidates beside the corpus; kept, for many cases ask for the same."""
    kept = case.corpus.cache.setdefault("newsletter", {})
    if isinstance(embedder, _Vectors):
        texts = [*case.candidates, *case.likes]
        embedder.names |= {f"{one.title}. {one.abstract}": one.id for one in texts}
    names = (embedder is not None, *(one.id for one in case.candidates))
    if names not in kept:
        kept.clear()
        candidates = [_paper(one) for one in case.candidates]
        others = [_paper(one) for one in case.corpus.papers]
        kept[names] = Matcher(candidates, others, embedder, fewest=0)
    found: Matcher = kept[names]
    return found


def _paper(told: Any) -> Paper:
    return Paper(
        id=PaperId(told.id),
        title=told.title,
        abstract=told.abstract,
        authors=tuple(told.authors),
    )


def _topic(query: Any) -> Topic:
    """A topic as an operator would write it: its keywords, those that are rules, as phrases."""
    return Topic(
        slug="asked",
        name=query.name,
        description=query.description,
        phrases=tuple(f'"{one}"' for one in query.keywords if _is_rule(f'"{one}"')),
    )


def _is_rule(said: str) -> bool:
    try:
        parse(said)
    except RequestError:
        return False
    return True


class _Vectors:
    """An embedder that knows the texts of the evaluation."""

    def __init__(self, path: str) -> None:
        told = np.load(path)
        self._at = {name: at for at, name in enumerate(told["ids"].tolist())}
        self._found = told["vecs"].astype(np.float32)
        self.names: dict[str, str] = {}

    def vectors(self, texts: Sequence[str]) -> Floats:
        return self._found[[self._at[self.names.get(text) or f"q:{text}"] for text in texts]]


@cache
def _vectors(path: str) -> _Vectors:
    return _Vectors(path)


def _rank_by_trend(case: Any) -> list[float]:
    """By trend, all candidates as one list, looked at once, when its day had run out."""
    day = date.fromisoformat(case.now[:10])
    at = datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)
    names = [PaperId(f"arxiv:{paper.id}") for paper in case.candidates]
    signals = [case.signals[paper.id] for paper in case.candidates]
    found = trends(
        {
            name: [
                Observation(
                    paper_id=name,
                    source="huggingface",
                    at=at,
                    listed=day,
                    votes=int(told["upvotes"]),
                    comments=int(told["comments"] or 0),
                )
            ]
            for name, told in zip(names, signals, strict=True)
        },
        at,
        pictured={name for name, told in zip(names, signals, strict=True) if told["media"]},
    )
    return [found[name].score for name in names]
