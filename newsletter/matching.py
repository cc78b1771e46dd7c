"""Which papers fall under which topics: what they say of each, and how near their texts are.

Two kinds of evidence add up as log-odds do. What a paper shows of a topic's rule (`topics.py`)
leaves a share of doubt; how near its text is to the topic's words and examples is a z-score among
the papers of the time (`text/closeness.py`), shrunk where there are few of them::

    evidence = -ln(doubt)
    closeness = z * N / (N + 100)                 of N papers
    strength = 1 / (1 + exp(-(evidence + closeness) / 2))

A paper falls under a topic if it fulfils the rule (doubt at most a half), or if its text is near
(3 or more) and it shows anything of the rule or the topic has none. Nearness alone is not enough
where there is a rule: on a day without papers of a topic some paper is still the nearest. Each
paper is scored once for all topics, whoever follows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np

from newsletter.papers import Paper
from newsletter.phrases import wanted, words
from newsletter.text import Asked, Closeness, Embedder, Text, TextIndex
from newsletter.text.index import Floats
from newsletter.topics import FLOOR, Catalogue, Match, Signs, Topic

NEAR = 3.0  # standard deviations above what papers have in common with the topic
FEW = 100  # papers, of which a z-score is worth half
TELLING = 8  # different words a text has at least to be told from another
BLOCK = 256  # papers compared at a time
FEWEST = 300  # papers a z-score is of; fewer are filled up from the background
RELATED = 0.35  # cosine in the latent space from which a paper is worth looking at beside another
TWINS = 0.9  # cosine of tf-idf from which two papers are one
CLOSE = "its text"  # as evidence


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A paper by one topic, whether it falls under it or not."""

    paper: Paper
    strength: float
    near: float  # standard deviations
    evidence: tuple[str, ...]  # of the rule
    under: bool

    @property
    def lacks(self) -> str:
        """What keeps it from falling under the topic, in words; empty where it does."""
        if self.under:
            return ""
        if self.evidence:
            return f"{', '.join(self.evidence)} said once; its text is not near enough"
        return "none of the rule; its text is near"


class Matcher:
    """Papers beside others of their time, to be matched with topics."""

    def __init__(
        self,
        papers: Sequence[Paper],
        background: Sequence[Paper] = (),
        embedder: Embedder | None = None,
        fewest: int = FEWEST,
    ) -> None:
        """`background`: older papers, which tell how rare a word is, and topics' examples.

        Closeness is a z-score among `papers`, filled up to `fewest` from the background.
        """
        self.papers = list(papers)
        here = {paper.id for paper in papers}
        others = {paper.id: paper for paper in background if paper.id not in here}
        self._all = [*self.papers, *others.values()]
        self._place = {paper.id: at for at, paper in enumerate(self._all)}
        self.index = TextIndex(Text(one.title, one.abstract) for one in self._all)
        measured = np.arange(min(len(self._all), max(len(papers), fewest)), dtype=np.int32)
        vectors = None
        if embedder is not None:
            vectors = embedder.vectors([_sentence(self._all[at]) for at in measured])
        self.closeness = Closeness(self.index, measured, vectors, embedder)
        self._embedder = embedder

    @property
    def measured(self) -> list[Paper]:
        """The papers that closeness is a z-score of: `papers` first."""
        return [self._all[at] for at in self.closeness.papers]

    def vectors_of(self, papers: Sequence[Paper]) -> Floats | None:
        """The embedder's vectors of papers, (papers, D); None without one."""
        if self._embedder is None:
            return None
        return self._embedder.vectors([_sentence(one) for one in papers])

    def match(self, catalogue: Catalogue) -> list[tuple[Match, ...]]:
        """The topics of each paper, surest first, ties by slug."""
        topics = list(catalogue.topics.values())
        near = self._near(topics)
        row = {topic.slug: at for at, topic in enumerate(topics)}
        found: list[tuple[Match, ...]] = []
        for at, paper in enumerate(self.papers):
            signs = catalogue.signs(paper)
            column = near[:, at]
            for place in np.flatnonzero(column >= NEAR):
                signs.setdefault(topics[int(place)].slug, Signs())
            own = (
                self._match(catalogue.topics[slug], one, float(column[row[slug]]))
                for slug, one in signs.items()
            )
            kept = [match for match in own if match is not None]
            found.append(tuple(sorted(kept, key=lambda match: (-match.strength, match.topic))))
        return found

    def judge(self, topic: Topic) -> list[Judged]:
        """Every paper by one topic, the strongest first: those under it and those that are not."""
        told = self._judged(topic)
        return sorted(told, key=lambda one: (not one.under, -one.strength, one.paper.id))

    def strengths(self, topic: Topic) -> list[float]:
        """How strongly each paper would match one topic, whether it falls under it or not."""
        return [one.strength for one in self._judged(topic)]

    def _judged(self, topic: Topic) -> list[Judged]:
        catalogue = Catalogue([topic])
        nothing = Signs()
        told = list[Judged]()
        for paper, near in zip(self.papers, self._near([topic])[0].tolist(), strict=True):
            signs = catalogue.signs(paper).get(topic.slug, nothing)
            told.append(
                Judged(
                    paper=paper,
                    strength=strength(signs, near),
                    near=near,
                    evidence=tuple(dict.fromkeys(signs.evidence)),
                    under=self._match(topic, signs, near) is not None,
                )
            )
        return told

    def _near(self, topics: Sequence[Topic]) -> Floats:
        """Closeness of every paper to every topic, (topics, papers); 0 without a text."""
        near = np.zeros((len(topics), len(self.papers)), np.float32)
        if not self.papers:
            return near
        asked = [(at, words) for at, topic in enumerate(topics) if (words := _asked(topic))]
        if asked:
            found = self.closeness.to_words([words for _, words in asked])
            near[[at for at, _ in asked]] = found[:, : len(self.papers)]
        for at, topic in enumerate(topics):
            known = [self._all[self._place[one]] for one in topic.examples if one in self._place]
            if known:
                near[at] = np.maximum(near[at], self._like(known))
        many = len(self.closeness.papers)
        return near * np.float32(many / (many + FEW))

    def _like(self, examples: Sequence[Paper]) -> Floats:
        rows = self.index.fold_in(Text(one.title, one.abstract) for one in examples)
        vectors = self.vectors_of(examples)
        views = self.closeness.views(rows, vectors)
        all_alike = np.ones((1, len(examples)), np.float32)
        return self.closeness.to_liked(views, all_alike)[0, : len(self.papers)]

    @staticmethod
    def _match(topic: Topic, signs: Signs, near: float) -> Match | None:
        may_be = signs.evidence or topic.asks_by_text
        if signs.strength < FLOOR and not (may_be and near >= NEAR):
            return None
        evidence = [*signs.evidence, *([CLOSE] if near >= NEAR else [])]
        return Match(
            topic=topic.slug,
            strength=strength(signs, near),
            evidence=tuple(dict.fromkeys(evidence)),
        )

    def search(self, said: str, most: int) -> list[Paper]:
        """The papers that say these words most (BM25), background and all, the best first."""
        found = self.index.spoken(self.index.weigh(Asked(said).weights()))
        return [self._all[at] for at in _best(found, most)]

    def related(self, paper: Paper, most: int) -> list[Paper]:
        """The papers nearest to one in the latent space, background and all."""
        row = self.index.latent_of(self.index.fold_in([Text(paper.title, paper.abstract)]))[0]
        near = self.index.latent @ row
        near[near < RELATED] = 0
        if paper.id in self._place:
            near[self._place[paper.id]] = 0
        return [self._all[at] for at in _best(near, most)]

    def twins(self) -> list[list[int]]:
        """The places of papers that are nearly the same, in groups of two and more.

        By their text; or by their title, where an author is the same too.
        """
        leader = list(range(len(self.papers)))

        def first(at: int) -> int:
            while leader[at] != at:
                at = leader[at]
            return at

        for one, other in (*self._same_text(), *self._same_title()):
            a, b = sorted((first(one), first(other)))
            leader[b] = a
        groups: dict[int, list[int]] = {}
        for at in range(len(self.papers)):
            groups.setdefault(first(at), []).append(at)
        return [group for group in groups.values() if len(group) > 1]

    def _same_text(self) -> Iterator[tuple[int, int]]:
        many = len(self.papers)
        said = np.diff(self.index.rows.starts)
        for start in range(0, many, BLOCK):
            rows = np.arange(start, min(start + BLOCK, many), dtype=np.int32)
            later = np.arange(start, many, dtype=np.int32)
            near = np.argwhere(self.index.similar(rows, later) >= TWINS)
            pairs = ((start + int(a), start + int(b)) for a, b in near if a < b)
            yield from ((a, b) for a, b in pairs if min(said[a], said[b]) >= TELLING)

    def _same_title(self) -> Iterator[tuple[int, int]]:
        seen: dict[tuple[str, str], int] = {}
        for at, paper in enumerate(self.papers):
            title = " ".join(words(paper.title))
            for author in paper.authors if title else ():
                known = seen.setdefault((title, author.casefold()), at)
                if known != at:
                    yield known, at


def _best(scores: Floats, most: int) -> list[int]:
    """The places of the highest scores above 0, the best first."""
    order = np.argsort(-scores, kind="stable")[:most]
    return [int(at) for at in order if scores[at] > 0]


def strength(signs: Signs, near: float) -> float:
    """In (0, 1)."""
    evidence = -log(max(signs.doubt, 1e-12))
    return 1 / (1 + exp(-(evidence + near) / 2))


def _asked(topic: Topic) -> Asked | None:
    """What a topic's text is; None where its name is not of what papers say."""
    if not topic.own:
        return Asked(topic.name, topic.description)
    said = ". ".join(phrase.said for rule in topic.rules for phrase in wanted(rule))
    return Asked(said or topic.name, topic.description) if said or topic.asks_by_text else None


def _sentence(paper: Paper) -> str:
    return f"{paper.title}. {paper.abstract}"
