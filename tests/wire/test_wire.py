"""What the upstreams really sent, as papers.

The recordings are no part of this repository; NEWSLETTER_WIRE names the folder they lie in, with
"huggingface/daily_papers-DATE.json" and "arxiv/": answers of the query API as {url, status_code,
body}, and one day's feed. Without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import SourceError
from newsletter.papers import Observation, Paper, PaperId
from newsletter.sources.arxiv import ArxivOptions, ArxivSource
from newsletter.sources.huggingface import HuggingFaceOptions, HuggingFaceSource
from newsletter.sources.port import NEWS, Ask, Harvest, Request
from tests.answers import answer

FOLDER = os.environ.get("NEWSLETTER_WIRE", "")
pytestmark = pytest.mark.skipif(
    not FOLDER, reason="NEWSLETTER_WIRE does not name a folder of recorded answers."
)
NOW = datetime(2026, 11, 24, tzinfo=UTC)
DAYS = {  # how many rows each had
    "2024-05-27": 13,
    "2024-06-12": 16,
    "2025-03-10": 13,
    "2025-03-11": 26,
    "2025-10-01": 37,
    "2025-12-17": 25,
    "2026-03-02": 14,
    "2026-03-03": 25,
    "2026-03-04": 24,
    "2026-03-05": 13,
    "2026-03-06": 17,
    "2026-03-09": 13,
}
QUERIES = {  # how many entries each holds, and of how many in all (None: the query goes on)
    "id_0000.0000_s0_m100_8b51d9633a68": (0, 0),
    "id_0808.05394_1707.08567_s0_m100_42e5aa0ec3af": (1, 1),
    "id_0808.05394_s0_m100_7b0c7d0a7cdd": (0, 0),
    "id_1605.08386_s0_m100_199195aa31ad": (1, 1),
    "id_1707.08567_s0_m100_6a1afebfc6a3": (1, 1),
    "id_2104.12255v1_s0_m100_6ae69987ffe1": (1, 1),
    "id_astro-ph_0601001_s0_m100_3150dca9dc76": (1, 1),
    "id_quant-ph_0201082v1_s0_m100_86989fe779ef": (1, 1),
    "q_testing_s0_m10_bc5a6c384fe9": (10, None),
    "q_testing_s10_m10_34e56e15aaac": (10, None),
    "q_testing_s20_m10_348a237fecab": (10, None),
}
HUGGINGFACE = HuggingFaceSource("huggingface", HuggingFaceOptions())
ARXIV = ArxivSource("arxiv", ArxivOptions(classes=("cs.AI",), page=10))


def recorded(path: str) -> bytes:
    return (Path(FOLDER) / path).read_bytes()


def rows_of(day: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(recorded(f"huggingface/daily_papers-{day}.json"))
    return found


def list_of(day: str) -> Harvest:
    (request,) = HUGGINGFACE.requests(
        Ask(since=date.fromisoformat(day), until=date.fromisoformat(day)), {}, NOW
    )
    body = recorded(f"huggingface/daily_papers-{day}.json")
    (harvest,) = HUGGINGFACE.read(request, answer(body, "application/json; charset=utf-8"), NOW)
    return harvest


def query_of(name: str) -> tuple[dict[str, Any], str]:
    """A recording, and its body as it was sent."""
    found = json.loads(recorded(f"arxiv/{name}.json"))
    body: str = found["body"]
    try:
        return found, body.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return found, body


def texts_of(paper: Paper) -> Iterator[str]:
    yield from (paper.title, paper.abstract, paper.organization, paper.tldr, paper.tldr_model)
    yield from (paper.comment, paper.journal, *paper.authors, *paper.keywords, *paper.classes)


def addresses_of(paper: Paper) -> Iterator[str]:
    told = (paper.url, paper.pdf_url, paper.code_url, paper.project_url, paper.discussion_url)
    yield from (one for one in (*told, paper.thumbnail_url, *paper.media_urls) if one is not None)


def assert_clean(paper: Paper) -> None:
    """Plain single lines and web addresses only."""
    for text in texts_of(paper):
        assert text == " ".join(text.split())
        # No control, no format (bidi, zero width), no surrogate, no line or paragraph separator.
        assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
        assert "\ufffd" not in text
    for address in addresses_of(paper):
        assert address.startswith(("http://", "https://"))
        assert address.isascii()


def words(text: object) -> str:
    return " ".join(str(text).split())


@pytest.mark.parametrize("day", DAYS)
def test_every_row_of_a_day_is_read(day: str) -> None:
    """The very rows, in their order; none refused."""
    rows, harvest = rows_of(day), list_of(day)
    assert len(rows) == DAYS[day]
    assert (harvest.refused, harvest.notes, harvest.more) == ((), (), ())
    assert [paper.id for paper in harvest.papers] == [f"arxiv:{row['paper']['id']}" for row in rows]
    assert [paper.title for paper in harvest.papers] == [
        words(row["paper"]["title"]) for row in rows
    ]
    assert harvest.cursor == {"through": day}


@pytest.mark.parametrize("day", DAYS)
def test_the_votes_of_a_day_are_those_recorded(day: str) -> None:
    """With comments and stars, each of the paper beside it."""
    harvest = list_of(day)
    assert harvest.observations == tuple(
        Observation(
            paper_id=paper.id,
            source="huggingface",
            at=NOW,
            listed=date.fromisoformat(day),
            votes=row["paper"]["upvotes"],
            comments=row["numComments"],
            stars=row["paper"].get("githubStars"),
        )
        for paper, row in zip(harvest.papers, rows_of(day), strict=True)
    )


@pytest.mark.parametrize("day", DAYS)
def test_the_authors_of_a_day_are_those_who_are_not_hidden(day: str) -> None:
    """In their order."""
    for paper, row in zip(list_of(day).papers, rows_of(day), strict=True):
        shown = [one for one in row["paper"]["authors"] if not one["hidden"]]
        assert paper.authors == tuple(words(one["name"]) for one in shown)
        assert paper.authors


@pytest.mark.parametrize("day", DAYS)
def test_the_texts_and_addresses_of_a_day_are_clean(day: str) -> None:
    """Single spaces, nothing hidden, only web addresses."""
    for paper in list_of(day).papers:
        assert_clean(paper)
        assert paper.abstract
        assert paper.thumbnail_url or paper.media_urls


@pytest.mark.parametrize("day", DAYS)
def test_the_dates_of_a_day_are_the_inner_ones(day: str) -> None:
    """Published before it was listed, announced on the day of the list in New York."""
    listed = date.fromisoformat(day)
    for paper, row in zip(list_of(day).papers, rows_of(day), strict=True):
        assert paper.published is not None
        assert paper.announced is not None
        assert paper.published.isoformat() == row["paper"]["publishedAt"][:10]
        assert paper.published <= listed
        assert abs((paper.announced.date() - listed).days) <= 3


def test_all_days_together() -> None:
    """236 rows, and the votes in all."""
    rows = [row for day in DAYS for row in rows_of(day)]
    harvests = [list_of(day) for day in DAYS]
    assert sum(len(one.papers) for one in harvests) == len(rows) == 236
    assert sum(len(one.refused) for one in harvests) == 0
    votes = sum(seen.votes or 0 for one in harvests for seen in one.observations)
    assert votes == sum(row["paper"]["upvotes"] for row in rows) > 0


def test_every_recording_is_known() -> None:
    """A file that is added has to be looked at."""
    here = Path(FOLDER)
    lists = {file.name for file in (here / "huggingface").iterdir()}
    assert lists == {f"daily_papers-{day}.json" for day in DAYS}
    queries = {file.stem for file in (here / "arxiv").glob("*.json")}
    assert queries == {*QUERIES, "id_abc_s0_m100_b79c8dcf6bc3"}


def asking(name: str) -> Request:
    """The request that a recording answers."""
    if name.startswith("id_"):
        ids = name.split("_s0_")[0].removeprefix("id_").split("_")
        if ids[0].isalpha() or "-" in ids[0]:  # archive/number, its slash written as "_"
            ids = ["/".join(ids)]
        (request,) = ARXIV.enrich([PaperId(f"arxiv:{one.split('v')[0]}") for one in ids])
        return request
    (request,) = ARXIV.requests(Ask(since=date(2026, 1, 1)), {}, NOW)
    start = name.split("_")[2].removeprefix("s")
    return Request(location=request.location, context={**request.context, "start": start})


@pytest.mark.parametrize("name", QUERIES)
def test_every_answer_of_the_query_api_is_read(name: str) -> None:
    """Entry for entry; ids that arXiv does not know are told, and pages go on."""
    found, body = query_of(name)
    request = asking(name)
    (harvest,) = ARXIV.read(request, answer(body, status=found["status_code"]), NOW)
    papers = harvest.papers + harvest.updates
    count, total = QUERIES[name]
    assert len(papers) == body.count("<entry>") == count
    assert harvest.refused == ()
    for paper in papers:
        assert_clean(paper)
        assert (
            f"<id>http://{(paper.url or '').removeprefix('https://')}v{paper.version}</id>" in body
        )
        assert paper.id.startswith("arxiv:")
        assert paper.authors
        assert paper.classes
        assert f'primary_category term="{paper.classes[0]}"' in body
        assert paper.published is not None
        assert paper.updated is not None
        assert paper.published <= paper.updated
    if total is None:
        start = int(request.context["start"])
        assert [one.context["start"] for one in harvest.more] == [str(start + count)]
    else:
        asked = request.context["ids"].split(",")
        assert len(harvest.notes) == (len(asked) > total)


def test_pages_of_a_query_hold_different_papers() -> None:
    """Ten each."""
    pages = [name for name in QUERIES if name.startswith("q_")]
    ids = list[str]()
    for name in pages:
        (harvest,) = ARXIV.read(asking(name), answer(query_of(name)[1]), NOW)
        ids += [paper.id for paper in harvest.papers]
    assert len(ids) == len(set(ids)) == 30


def test_a_paper_of_many_authors_has_them_all() -> None:
    """Each stands in an element of its own."""
    name = "id_1707.08567_s0_m100_6a1afebfc6a3"
    _, body = query_of(name)
    (harvest,) = ARXIV.read(asking(name), answer(body), NOW)
    (paper,) = harvest.updates
    assert len(paper.authors) == body.count("<author>") > 20


def test_a_malformed_id_spoils_no_batch() -> None:
    """The answer has status 400; the id is dropped, the rest asked again."""
    found, body = query_of("id_abc_s0_m100_b79c8dcf6bc3")
    assert found["status_code"] == 400
    (request,) = ARXIV.enrich([PaperId("arxiv:abc"), PaperId("arxiv:1605.08386")])
    (harvest,) = ARXIV.read(request, answer(body, status=400), NOW)
    assert harvest.refused == ("abc: arXiv cannot read this id",)
    assert [one.context["ids"] for one in harvest.more] == ["1605.08386"]
    (days,) = ARXIV.requests(Ask(since=date(2026, 1, 1)), {}, NOW)
    with pytest.raises(SourceError, match="arXiv says: incorrect id format for abc"):
        list(ARXIV.read(days, answer(body, status=400), NOW))


def test_the_days_feed_is_read() -> None:
    """Seven announcements of 20 August 2025, midnight in New York."""
    (request,) = ARXIV.requests(NEWS, {}, NOW)
    now = datetime(2025, 8, 20, 12, tzinfo=UTC)
    body = recorded("arxiv/feed-cs.AI.atom")
    (harvest,) = ARXIV.read(request, answer(body, "application/atom+xml"), now)
    assert len(harvest.papers) == 7
    assert (harvest.updates, harvest.refused, harvest.notes, harvest.more) == ((), (), (), ())
    assert harvest.cursor == {"announced": "2025-08-20"}
    assert {paper.announced for paper in harvest.papers} == {datetime(2025, 8, 20, 4, tzinfo=UTC)}
    assert {paper.published for paper in harvest.papers} == {date(2025, 8, 20)}
    assert {paper.version for paper in harvest.papers} == {1}
    assert all("cs.AI" in paper.classes for paper in harvest.papers)
    text = body.decode()
    for paper in harvest.papers:
        assert_clean(paper)
        assert f"<dc:creator>{', '.join(paper.authors)}</dc:creator>" in text
        assert not paper.abstract.startswith(("arXiv:", "Abstract"))
        assert paper.abstract
