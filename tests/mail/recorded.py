"""Days as Hugging Face really listed them, as sources; where no recordings are there, none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from newsletter.sources.huggingface import HuggingFaceOptions, HuggingFaceSource
from newsletter.sources.port import Ask, Request

WIRE = os.environ.get("NEWSLETTER_WIRE", "")
DAYS = ("2026-03-02", "2026-03-03", "2026-03-04") if WIRE else ()


class Recorded(HuggingFaceSource):
    """One day, from a file."""

    def __init__(self, day: str) -> None:
        super().__init__("huggingface", HuggingFaceOptions())
        self._day = date.fromisoformat(day)

    def requests(self, ask: Ask, cursor: Mapping[str, str], now: datetime) -> Iterator[Request]:
        """Of that day only, whatever is asked for."""
        file = Path(WIRE) / "huggingface" / f"daily_papers-{self._day}.json"
        for one in super().requests(Ask(since=self._day, until=self._day), cursor, now):
            yield replace(one, location=str(file), conditional=False, statuses=(), manners=None)
