"""The saved page as papers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import pytest

from newsletter.errors import SourceError
from newsletter.resources import folder
from newsletter.sources.files import FileOptions
from newsletter.sources.page import PageSource
from newsletter.sources.port import Answer, Harvest, Request

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ABSTRACT = "A sentence that is long enough to be an abstract of a paper, at least here it is."


def read(text: str | bytes, now: datetime = NOW) -> Harvest:
    source = PageSource("page", FileOptions(path=Path("page.txt")))
    body = BytesIO(text.encode() if isinstance(text, str) else text)
    (harvest,) = source.read(Request(location="page.txt"), Answer(where="page.txt", body=body), now)
    return harvest


def page(day: str, *blocks: str) -> str:
    return "\n\n".join(("Get trending papers in your email inbox!", "Subscribe", day, *blocks))


def test_the_saved_page_has_seventy_papers_in_order() -> None:
    """Titles, positions, the page's date, code links, and TeX as it stands."""
    harvest = read((folder("seeds") / "trending-papers.txt").read_bytes())
    assert len(harvest.papers) == 70
    first, last = harvest.papers[0], harvest.papers[-1]
    assert first.title.startswith("Implicit Temporal Modeling")
    assert first.code_url == "https://github.com/Francis-Rings/ILA"
    assert last.title.startswith("CIF-Bench")
    assert [seen.position for seen in harvest.observations] == list(range(1, 71))
    assert {(seen.at, seen.of) for seen in harvest.observations} == {
        (datetime(2026, 3, 11, tzinfo=UTC), 70)
    }
    assert any(r"78.2\%" in paper.abstract for paper in harvest.papers)
    assert any("Align^2LLaVA" in paper.title for paper in harvest.papers)
    assert sum(paper.code_url is not None for paper in harvest.papers) == 20
    assert not any(str(paper.code_url).endswith((".", ",", ")")) for paper in harvest.papers)


@pytest.mark.parametrize(
    ("text", "now", "day"),
    [
        ("Mar 11", date(2026, 3, 11), date(2026, 3, 11)),
        ("Mar 11", date(2026, 3, 9), date(2025, 3, 11)),
        ("Mar 11", date(2026, 3, 10), date(2026, 3, 11)),  # it may be the 11th already further east
        ("Feb 29", date(2026, 3, 1), date(2024, 2, 29)),
        ("March 11, 2024", date(2026, 3, 1), date(2024, 3, 11)),
    ],
)
def test_a_date_without_a_year_is_the_latest_such_day(text: str, now: date, day: date) -> None:
    """The page's date is never in the future."""
    instant = datetime(now.year, now.month, now.day, 12, tzinfo=UTC)
    (seen,) = read(page(text, "A title", ABSTRACT), instant).observations
    assert seen.at.date() == day


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "page.txt, line 1: the page is empty"),
        ("Hello", "page.txt, line 1: not a page of trending papers"),
        (page("some day", "A title", ABSTRACT), "no date"),
        (page("Mar 32", "A title", ABSTRACT), "line 5: 'Mar 32' is not a day"),
        (page("Mar 11"), "line 5: the page ends before its first paper"),
        (page("Marble 11", "A title", ABSTRACT), "no date"),
        (page("Mar 11", "\u200b\u2060 !", ABSTRACT), "line 7: expected a title here"),
        (page("Mar 11", "A title"), "line 7: the page ends after a title"),
        (page("Mar 11", "A title", "Too short."), "line 9: expected an abstract here"),
        (page("Mar 11", ABSTRACT * 5, "A title"), "line 7: expected a title here"),
        (page("Mar 11", "A title", ABSTRACT + " And then it"), "line 9: the last abstract ends in"),
        (b"Get\n\xff", "page.txt, line 2: not UTF-8"),
    ],
)
def test_what_is_not_such_a_page_is_told_with_its_line(text: str | bytes, told: str) -> None:
    """A page that is cut or another page is refused whole."""
    with pytest.raises(SourceError, match=told):
        read(text)


def test_a_link_to_code_comes_without_the_sentences_marks() -> None:
    """What closes a sentence or a bracket is no part of the address."""
    for ending in (".", ").", ",' and more.", ""):
        abstract = f"{ABSTRACT} Code is at (https://github.com/a-b/c_d.py{ending}"
        (paper,) = read(page("Mar 11", "A title", f"{abstract} It is free.")).papers
        assert paper.code_url == "https://github.com/a-b/c_d.py"


def test_a_page_cut_anywhere_is_refused_or_holds_whole_papers() -> None:
    """No cut of the saved page makes a paper of its own, except the one cut at a full stop."""
    body = (folder("seeds") / "trending-papers.txt").read_bytes()
    whole = {(paper.title, paper.abstract) for paper in read(body).papers}
    told = list[tuple[str, int | None]]()
    for end in range(0, len(body), 211):
        try:
            papers = read(body[:end]).papers
        except SourceError as error:
            told.append((error.where, error.line))
        else:
            assert {(paper.title, paper.abstract) for paper in papers[:-1]} <= whole
    assert len(told) > 200
    assert all(where == "page.txt" and line for where, line in told)
