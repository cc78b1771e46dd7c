"""How close papers are to a topic's words and examples, and to what a reader liked.

No single view of nearness is the best for all: words that are said exactly miss what is said in
other words, and the latent space blurs what is exact. So z-scores of several views are added
(selection by two views beats either; Fox and Shaw, 1994, CombSUM). Of a topic::

    closeness = z(spoken) + z(feedback) + 0.5 z(latent feedback) + 0.5 z(latent words)

`spoken` asks for the words of the name, and at a quarter of their weight those of the description.
`feedback` is the nearness to the five papers that speak of it most (pseudo-relevance feedback,
Rocchio, 1971): short names say little, the papers that bear them say more. With an embedder, the
nearness of its vectors to name and description, to the name alone, and to the ten closest papers
are added, z-scores all.

Of a reader's liked papers::

    closeness = z(z(similar) + 0.5 z(latent) + 1.5 z(embedded)) + 3 ln(1 + authors shared)

each view the mean over the liked papers, `similar` less what the paper is like all papers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from newsletter.text.index import Floats, Ints, Sparse, TextIndex, standard
from newsletter.text.tokens import tokens

DESCRIPTION = 0.25  # what a word of the description weighs beside one of the name
MOST_WORDS = 64  # of a description; what comes after is hardly about the topic any more
FEEDBACK = 5  # papers
LATENT = 0.5
EMBEDDED = 1.0
EMBEDDED_FEEDBACK = 10  # papers
EMBEDDED_LIKES = 1.5
SHORTEST_NAME = 4  # letters; shorter ones are many people's
AUTHORS = 3.0  # who follows a group's work wants its next paper, whatever it is about


class Embedder(Protocol):
    """Turns texts into vectors of length 1 whose products tell how near their meanings are."""

    def vectors(self, texts: Sequence[str]) -> Floats:
        """(len(texts), D)."""


@dataclass(frozen=True)
class Asked:
    """What a topic asks for in words."""

    name: str
    description: str = ""

    @property
    def sentence(self) -> str:
        """Name and description, as an embedder reads them."""
        return ". ".join(part for part in (self.name, self.description) if part)

    def weights(self) -> dict[str, float]:
        """Each word with its weight."""
        name = dict.fromkeys(tokens(self.name), 1.0)
        more = [word for word in dict.fromkeys(tokens(self.description)) if word not in name]
        return dict.fromkeys(more[:MOST_WORDS], DESCRIPTION) | name


class Closeness:
    """Scores some papers of an index, by their numbers, for topics and likes."""

    def __init__(
        self,
        index: TextIndex,
        papers: Ints,
        vectors: Floats | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        """`vectors` are the embedder's of `papers`, in their order."""
        self.index = index
        self.papers = papers
        self._vectors = vectors
        self._embedder = embedder
        self._rows = index.rows.pick(papers)
        self._typical = self._rows.times(index.mean)  # how much each is like all others
        self._latent = index.latent[papers]
        self._similar: dict[int, Floats] = {}

    def to_words(self, topics: Sequence[Asked]) -> Floats:
        """z-scores of every paper for every topic, (topics, papers)."""
        asked = [self.index.weigh(topic.weights()) for topic in topics]
        spoken = [self.index.spoken(words) for words in asked]
        nearest = [_best(scores, FEEDBACK) for scores in spoken]
        self._compare(np.unique(np.concatenate([*nearest, np.zeros(0, np.int32)])))
        found = np.zeros((len(topics), len(self.papers)), np.float32)
        for at, (words, scores, near) in enumerate(zip(asked, spoken, nearest, strict=True)):
            if len(near):
                found[at] = self._to_words(words, scores, near)
        if self._embedder is not None and self._vectors is not None:
            found = self._embedded(topics, found, self._embedder, self._vectors)
        return standard(found)

    def _to_words(self, words: Mapping[int, float], scores: Floats, near: Ints) -> Floats:
        weights = scores[near] / scores[near[0]]
        feedback = self._columns(near) @ weights - weights.sum() * self._typical
        latent = self._latent @ (weights @ self.index.latent[near])
        said = self._latent @ self.index.latent_words(words)
        found: Floats = (
            standard(scores[self.papers])
            + standard(feedback)
            + LATENT * (standard(latent) + standard(said))
        )
        return found

    def _embedded(
        self, topics: Sequence[Asked], found: Floats, embedder: Embedder, vectors: Floats
    ) -> Floats:
        sentences = embedder.vectors([topic.sentence for topic in topics])
        names = embedder.vectors([topic.name for topic in topics])
        total = (
            standard(found)
            + EMBEDDED * standard(sentences @ vectors.T)
            + EMBEDDED * standard(names @ vectors.T)
        )
        near = np.argsort(-total, axis=1, kind="stable")[:, :EMBEDDED_FEEDBACK]
        weights = np.maximum(np.take_along_axis(total, near, axis=1), 0)
        centres = np.einsum("tk,tkd->td", weights, vectors[near])
        closer: Floats = total + EMBEDDED * standard(centres @ vectors.T)
        return closer

    def _compare(self, others: Ints) -> None:
        new = np.array([one for one in others if int(one) not in self._similar], np.int32)
        for one, column in zip(new, self.index.similar(self.papers, new).T, strict=True):
            self._similar[int(one)] = column

    def _columns(self, others: Ints) -> Floats:
        return np.stack([self._similar[int(one)] for one in others], axis=1)

    def views(self, liked: Sparse, vectors: Floats | None = None) -> Floats:
        """How near every paper is to each liked one, in every view, (views, liked, papers).

        `liked` are their rows, as `TextIndex.fold_in` makes them; `vectors` the embedder's of the
        liked, (liked, D).
        """
        similar = [self._rows.times(self._full(liked, at)) for at in range(len(liked))]
        nothing = np.zeros((0, len(self.papers)), np.float32)
        found = [
            np.stack(similar) if similar else nothing,
            self.index.latent_of(liked) @ self._latent.T,
        ]
        if vectors is not None and self._vectors is not None:
            found.append(vectors @ self._vectors.T)
        return np.stack(found)

    def _full(self, rows: Sparse, at: int) -> Floats:
        columns, data = rows.row(at)
        full = np.zeros(rows.width, np.float32)
        full[columns] = data
        return full

    def to_liked(self, views: Floats, weights: Floats) -> Floats:
        """Scores of every paper for groups of liked ones, (groups, papers).

        `views` as above; `weights` what each of the liked counts in each group, (groups, liked),
        something in every row. 0 is what papers commonly have.
        """
        each = weights / weights.sum(axis=1, keepdims=True)
        similar, latent, *embedded = each @ views
        total = standard(similar - self._typical) + LATENT * standard(latent)
        for near in embedded:
            total = total + EMBEDDED_LIKES * standard(near)
        return np.asarray(standard(total), np.float32)


def by_authors(shared: Floats) -> Floats:
    """What authors add to a score, of how many a paper shares with the liked ones."""
    return np.asarray(AUTHORS * np.log1p(shared), np.float32)


def _best(scores: Floats, many: int) -> Ints:
    """The places of the highest scores above zero, best first."""
    least = np.partition(scores, -many)[-many] if len(scores) > many else 0
    good = np.flatnonzero((scores >= least) & (scores > 0))
    order = np.argsort(-scores[good], kind="stable")[:many]
    return good[order].astype(np.int32)


def author_names(names: Iterable[str]) -> frozenset[str]:
    """Authors as they are compared; very short names are many people's and left out."""
    kept = (name for name in names if len(name) > SHORTEST_NAME)
    return frozenset(" ".join(name.casefold().split()) for name in kept)
