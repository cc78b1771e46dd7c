"""An embedder that remembers: each text is put to the model once, its vector kept in the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import numpy as np

from newsletter.store import vectors as store
from newsletter.store.database import Database
from newsletter.text import Embedder
from newsletter.text.index import Floats

NOTED = timedelta(days=1)  # that a vector is asked for is noted once a day
KEPT = timedelta(days=180)  # since a vector was last asked for; a topic's is asked for each issue


class RememberingEmbedder:
    """Asks another embedder for what is not kept yet. Half precision: a third digit is noise."""

    def __init__(
        self,
        embedder: Embedder,
        model: str,
        database: Database,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`model` tells vectors of different models apart."""
        self._embedder = embedder
        self._model = model
        self._database = database
        self._clock = clock

    def vectors(self, texts: Sequence[str]) -> Floats:
        """(len(texts), D), each of length 1."""
        if not texts:
            return np.zeros((0, 0), np.float32)
        told = (f"{self._model}\n{text}".encode(errors="replace") for text in texts)
        keys = [sha256(one).hexdigest() for one in told]
        now = self._clock()
        with self._database.read() as connection:
            known = store.find(connection, list(dict.fromkeys(keys)))
            stale = store.stale(connection, list(known), now - NOTED)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        fresh: dict[str, bytes] = {}
        if missing:
            found = self._embedder.vectors(list(missing.values()))
            halves = found.astype("<f2")
            fresh = {key: one.tobytes() for key, one in zip(missing, halves, strict=True)}
        if fresh or stale:
            with self._database.write() as connection:
                store.used(connection, stale, now)
                store.keep(connection, fresh, now)
                store.forget(connection, now - KEPT)
        all_known = known | fresh
        return np.stack([np.frombuffer(all_known[key], "<f2").astype(np.float32) for key in keys])
