"""An embedding model: asked once a text, and told in words where it cannot be had."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from newsletter.embedding import ModelEmbedder
from newsletter.errors import ConfigError
from newsletter.matching import Matcher
from newsletter.papers import Paper, PaperId
from newsletter.pipeline.embedding import KEPT, RememberingEmbedder
from newsletter.store.database import Database
from newsletter.text.index import Floats, unit
from newsletter.topics import Topic

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
FOLDER = os.environ.get("NEWSLETTER_MODEL", "")
NOW = datetime(2026, 3, 5, tzinfo=UTC)


class Letters:
    """Counts letters: an embedder of a few lines, which notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def vectors(self, texts: Sequence[str]) -> Floats:
        self.asked += texts
        counts = [[1 + text.count(letter) for letter in "abcdefgh"] for text in texts]
        return unit(np.array(counts, np.float32))


@pytest.fixture
def database(database_url: str) -> Database:
    kept = Database(database_url)
    kept.upgrade()
    return kept


def test_a_text_is_put_to_the_model_once(database: Database) -> None:
    """In one call and the next, in another run, and again for another model."""
    model = Letters()
    first = RememberingEmbedder(model, "m", database, lambda: NOW)
    again = first.vectors(["abba", "cab", "abba"])
    assert model.asked == ["abba", "cab"]
    assert np.allclose(again, model.vectors(["abba", "cab", "abba"]), atol=1e-3)
    model.asked.clear()
    later = RememberingEmbedder(model, "m", database, lambda: NOW)
    assert np.array_equal(later.vectors(["abba", "cab", "abba"]), again)
    assert model.asked == []
    RememberingEmbedder(model, "other", database, lambda: NOW).vectors(["abba"])
    assert model.asked == ["abba"]
    database.close()


def test_what_nobody_asks_for_any_more_is_forgotten(database: Database) -> None:
    """Half a year after the last time; what is asked for stays."""
    clock = [NOW]
    model = Letters()
    embedder = RememberingEmbedder(model, "m", database, lambda: clock[0])
    embedder.vectors(["old", "used"])
    clock[0] += KEPT - timedelta(days=1)
    embedder.vectors(["used"])
    clock[0] += timedelta(days=2)
    embedder.vectors(["used"])
    model.asked.clear()
    embedder.vectors(["old", "used"])
    assert model.asked == ["old"]
    assert embedder.vectors([]).shape == (0, 0)
    database.close()


def test_without_the_library_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its extra's name."""
    monkeypatch.setitem(sys.modules, "fastembed", None)  # as if it were not installed
    with pytest.raises(ConfigError, match=r"pip install 'trending-papers\[semantic\]'"):
        ModelEmbedder(MODEL).vectors(["a"])


needs_model = pytest.mark.skipif(
    not FOLDER and not os.environ.get("CI"), reason="NEWSLETTER_MODEL names no folder of a model."
)


@needs_model
def test_a_model_knows_what_is_said_in_other_words() -> None:
    """A paper that shares no word with a topic is the nearest, where the model runs."""
    papers = [
        Paper(id=PaperId("link:a"), title="Automobiles that steer themselves through towns"),
        Paper(id=PaperId("link:b"), title="A database of medieval manuscripts"),
        Paper(id=PaperId("link:c"), title="Proofs of the prime number theorem"),
    ]
    topic = Topic(slug="t", name="Self-driving cars", description="Vehicles without drivers.")
    model = ModelEmbedder(MODEL, Path(FOLDER))
    strengths = Matcher(papers, embedder=model).strengths(topic)
    assert max(strengths) == strengths[0]
    vectors = model.vectors(["one text", "another, longer text"])
    assert vectors.shape[0] == 2
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


@needs_model
def test_a_model_that_cannot_be_had_is_told_in_words(tmp_path: Path) -> None:
    """Of a name that is not known, of a folder without a model, and of a broken one."""
    with pytest.raises(ConfigError, match="fastembed knows no 'mini'"):
        ModelEmbedder("mini").vectors(["a"])
    with pytest.raises(ConfigError, match=r"there is no model\.onnx"):
        ModelEmbedder(MODEL, tmp_path).vectors(["a"])
    for file in Path(FOLDER).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        ModelEmbedder(MODEL, tmp_path).vectors(["a"])
