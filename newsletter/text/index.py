"""An index over the texts of papers: how near each is to words, and to other papers.

Built once an issue from the papers of the day and a background of older ones, which says how
rare a word is. Three views of nearness, each a row of numbers, one a paper:

* `spoken`: BM25 (Robertson and Zaragoza, 2009; k1 = 1.2, b = 0.75) of the words asked for, a word
  in the title counted three times;
* `similar`: cosine of tf-idf, (1 + ln tf) * (ln((1 + N) / (1 + df)) + 1), between papers;
* `latent`: cosine in the space of the first 100 left singular vectors of that matrix (latent
  semantic analysis, Deerwester et al., 1990), found by subspace iteration from a fixed start
  (Halko, Martinsson and Tropp, 2011), so that papers meet that say the same in other words.

Arrays are float32; shapes stand beside them. N is the number of papers, V of words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from newsletter.text.tokens import tokens

K1, B = 1.2, 0.75
TITLE = 3  # how often a word in the title counts in BM25
COMMON = 0.2  # a word in more than this share of the papers tells them no better apart
DIMENSIONS = 100
ROUNDS = 3  # of subspace iteration
BLOCK = 256  # rows that are made dense at a time

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Text:
    """A paper's words."""

    title: str
    abstract: str = ""


@dataclass(frozen=True)
class Sparse:
    """Rows of few numbers each: row i has `data[a:b]` in the columns `columns[a:b]`."""

    starts: NDArray[np.int64]  # (rows + 1,); a, b = starts[i], starts[i + 1]
    columns: Ints
    data: Floats
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def row(self, at: int) -> tuple[Ints, Floats]:
        """The columns and numbers of a row."""
        a, b = self.starts[at], self.starts[at + 1]
        return self.columns[a:b], self.data[a:b]

    def pick(self, rows: Ints) -> Sparse:
        """Some rows, in their order."""
        lengths = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        at = np.arange(int(starts[-1])) + np.repeat(self.starts[rows] - starts[:-1], lengths)
        return Sparse(starts, self.columns[at], self.data[at], self.width)

    def times(self, vector: Floats) -> Floats:
        """Every row times a vector, (rows,)."""
        at = np.repeat(np.arange(len(self)), np.diff(self.starts))
        total = np.bincount(at, self.data * vector[self.columns], minlength=len(self))
        return total.astype(np.float32)

    def dense(self, rows: Sequence[int] | Ints) -> Floats:
        """Some rows as a full matrix, (len(rows), width)."""
        full = np.zeros((len(rows), self.width), np.float32)
        for place, at in enumerate(rows):
            columns, data = self.row(int(at))
            full[place, columns] = data
        return full

    def turned(self) -> Sparse:
        """The same with rows and columns exchanged."""
        rows = np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.starts))
        order = np.argsort(self.columns, kind="stable")
        counts = np.bincount(self.columns, minlength=self.width)
        starts = np.concatenate([[0], np.cumsum(counts)])
        return Sparse(starts, rows[order], self.data[order], len(self))


class TextIndex:
    """Papers by what they say; the order of `texts` numbers them."""

    def __init__(self, texts: Iterable[Text]) -> None:
        self.vocabulary: dict[str, int] = {}
        rows = [self._counts(text) for text in texts]
        self.size = len(rows)
        starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        columns = np.fromiter((at for row in rows for at in row), np.int32, int(starts[-1]))
        titled = np.fromiter((t for row in rows for t, _ in row.values()), np.float32, len(columns))
        plain = np.fromiter((a for row in rows for _, a in row.values()), np.float32, len(columns))
        self.width = len(self.vocabulary)
        self._frequency = np.bincount(columns, minlength=self.width)
        self._saying = self._bm25(starts, columns, TITLE * titled + plain).turned()
        self.rows = self._weigh(starts, columns, titled + plain)

    def __len__(self) -> int:
        return self.size

    def _counts(self, text: Text) -> dict[int, tuple[int, int]]:
        """How often each word is said in title and abstract, by its number."""
        name = self.vocabulary
        title = Counter(tokens(text.title))
        abstract = Counter(tokens(text.abstract))
        return {
            name.setdefault(word, len(name)): (title[word], abstract[word])
            for word in title | abstract
        }

    def _bm25(self, starts: NDArray[np.int64], columns: Ints, said: Floats) -> Sparse:
        at = np.repeat(np.arange(self.size), np.diff(starts))
        length = np.bincount(at, said, minlength=self.size)
        mean = max(1.0, float(length.mean())) if self.size else 1.0
        norm = K1 * (1 - B + B * length / mean)
        rare = np.log(1 + (self.size - self._frequency + 0.5) / (self._frequency + 0.5))
        data = said * (K1 + 1) / (said + norm[at]) * rare[columns]
        return Sparse(starts, columns, data.astype(np.float32), self.width)

    @cached_property
    def _rarity(self) -> Floats:
        """What a word weighs in tf-idf, (V,): nothing where one paper has it, or very many."""
        seen = self._frequency
        kept = (seen >= 2) & (seen <= max(3, COMMON * self.size))
        return np.where(kept, np.log((1 + self.size) / (1 + seen)) + 1, 0).astype(np.float32)

    def _weigh(self, starts: NDArray[np.int64], columns: Ints, said: Floats) -> Sparse:
        """Rows of tf-idf, each of length 1; words that weigh nothing are left out."""
        data = ((1 + np.log(said)) * self._rarity[columns]).astype(np.float32)
        at = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        kept = data > 0
        data, columns, at = data[kept], columns[kept], at[kept]
        norm = np.sqrt(np.bincount(at, data * data, minlength=len(starts) - 1))
        data = (data / np.maximum(norm[at], 1e-9)).astype(np.float32)
        counts = np.bincount(at, minlength=len(starts) - 1)
        return Sparse(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            columns,
            data,
            self.width,
        )

    def fold_in(self, texts: Iterable[Text]) -> Sparse:
        """Rows of other papers, by the words and rarities of this index."""
        rows: list[dict[int, int]] = []
        for text in texts:
            said = Counter(tokens(text.title) + tokens(text.abstract))
            known = self.vocabulary
            rows.append({known[word]: many for word, many in said.items() if word in known})
        starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        columns = np.fromiter((at for row in rows for at in row), np.int32, int(starts[-1]))
        said_ = np.fromiter((many for row in rows for many in row.values()), np.float32)
        return self._weigh(starts, columns, said_)

    def weigh(self, words: Mapping[str, float]) -> dict[int, float]:
        """Words with their weights as numbers of this vocabulary; unknown ones are left out."""
        return {
            self.vocabulary[word]: weight
            for word, weight in words.items()
            if word in self.vocabulary
        }

    def spoken(self, asked: Mapping[int, float]) -> Floats:
        """BM25 of every paper, (N,), for words by number with their weights."""
        found = np.zeros(self.size, np.float32)
        for word, weight in asked.items():
            papers, data = self._saying.row(word)
            found[papers] += np.float32(weight) * data
        return found

    @cached_property
    def mean(self) -> Floats:
        """The mean row, (V,)."""
        total = np.bincount(self.rows.columns, self.rows.data, minlength=self.width)
        mean: Floats = (total / max(1, self.size)).astype(np.float32)
        return mean

    def similar(self, papers: Ints, others: Ints) -> Floats:
        """Cosines of tf-idf between papers and others, (P, O)."""
        found = np.empty((len(papers), len(others)), np.float32)
        for start in range(0, len(others), BLOCK):
            right = self.rows.dense(others[start : start + BLOCK]).T
            for first in range(0, len(papers), BLOCK):
                left = self.rows.dense(papers[first : first + BLOCK])
                found[first : first + BLOCK, start : start + BLOCK] = left @ right
        return found

    @cached_property
    def _basis(self) -> Floats:
        """An orthonormal basis of the words, (V, D), that holds most of what papers say."""
        wanted = min(DIMENSIONS, max(1, min(self.size, self.width) - 1))
        start = np.random.default_rng(0).standard_normal((self.width, wanted + 10))
        basis = start.astype(np.float32)
        turned = self.rows.turned()
        for _ in range(ROUNDS):
            basis, _ = np.linalg.qr(self.project(turned, self.project(self.rows, basis)))
        small = self.project(self.rows, basis)
        _, _, turn = np.linalg.svd(small, full_matrices=False)
        found: Floats = (basis @ turn[:wanted].T).astype(np.float32)
        return found

    @staticmethod
    def project(rows: Sparse, basis: Floats) -> Floats:
        """Sparse rows times a matrix, (rows, D)."""
        found = np.zeros((len(rows), basis.shape[1]), np.float32)
        for at in range(len(rows)):
            columns, data = rows.row(at)
            found[at] = data @ basis[columns]
        return found

    @cached_property
    def latent(self) -> Floats:
        """Every paper in the latent space, (N, D), each of length 1."""
        return unit(self.project(self.rows, self._basis))

    def latent_of(self, rows: Sparse) -> Floats:
        """Other papers in the latent space, (rows, D)."""
        return unit(self.project(rows, self._basis))

    def latent_words(self, asked: Mapping[int, float]) -> Floats:
        """Words by number in the latent space, (D,)."""
        at = np.fromiter(asked, np.int32)
        weights = np.fromiter(asked.values(), np.float32) * self._rarity[at]
        return np.asarray(weights @ self._basis[at], np.float32)


def unit(rows: Floats) -> Floats:
    """Rows scaled to length 1; those of length 0 stay."""
    length = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    found: Floats = (rows / np.maximum(length, 1e-9)).astype(np.float32)
    return found


def standard(scores: Floats) -> Floats:
    """z-scores along the last axis: how many standard deviations above the mean."""
    mean = scores.mean(axis=-1, keepdims=True)
    spread = scores.std(axis=-1, keepdims=True)
    found: Floats = ((scores - mean) / (spread + 1e-9)).astype(np.float32)
    return found
