"""The 70 papers of the saved page, for tests that need real ones."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from newsletter.papers import Paper
from newsletter.resources import folder
from newsletter.sources.files import FileOptions
from newsletter.sources.page import PageSource
from newsletter.sources.port import NEWS, Answer

PAGE = folder("seeds") / "trending-papers.txt"
ANY_DAY = datetime(2026, 11, 24, tzinfo=UTC)


@cache
def seed_papers() -> tuple[Paper, ...]:
    """Top first."""
    source = PageSource("page", FileOptions(path=PAGE))
    (request,) = source.requests(NEWS, {}, ANY_DAY)
    with PAGE.open("rb") as body:
        (harvest,) = source.read(request, Answer(where=str(PAGE), body=body), ANY_DAY)
    return harvest.papers
