"""JSON lines as papers, line by line; what a line may say is the matter of `records`."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter import records
from newsletter.papers import Observation, PaperId
from newsletter.sources.files import FileOptions
from newsletter.sources.jsonl import BATCH, LONGEST_LINE, JsonlSource
from newsletter.sources.port import NEWS, Harvest
from tests.answers import answer, number, seed
from tests.seed_papers import seed_papers

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)


def parts(body: str | bytes) -> list[Harvest]:
    source = JsonlSource("files", FileOptions(path=Path("papers.jsonl")))
    (request,) = source.requests(NEWS, {}, NOW)
    return list(source.read(request, answer(body, where="papers.jsonl"), NOW))


def read(body: str | bytes) -> Harvest:
    (harvest,) = parts(body)
    return harvest


def line(place: int = 0, **fields: object) -> str:
    row = {"id": f"arxiv:{number(place)}", "title": seed(place % 70).title, **fields}
    return json.dumps(row, ensure_ascii=False) + "\n"


def test_the_file_is_asked_for_as_it_is_named() -> None:
    """Of a folder, every file of the kind."""
    source = JsonlSource("files", FileOptions(path=Path("a/folder")))
    (request,) = source.requests(NEWS, {}, NOW)
    assert (request.location, request.suffixes) == ("a/folder", (".jsonl", ".ndjson"))
    assert not request.conditional


def test_what_was_exported_is_read_back() -> None:
    """The whole seed with its observations."""
    seen = Observation(
        paper_id=PaperId("title:x"), source="page", at=NOW, position=1, of=70, votes=5
    )
    papers = seed_papers()
    harvest = read(b"".join(records.line(paper, [seen], NOW) for paper in papers))
    assert [paper.names for paper in harvest.papers] == [paper.names for paper in papers]
    assert [paper.abstract for paper in harvest.papers] == [paper.abstract for paper in papers]
    assert {paper.announced for paper in harvest.papers} == {NOW}
    assert [one.paper_id for one in harvest.observations] == [paper.id for paper in papers]
    assert {(one.source, one.at, one.votes) for one in harvest.observations} == {("page", NOW, 5)}
    assert harvest.refused == ()
    assert harvest.cursor is None


def test_an_observation_is_of_this_source_and_now_where_it_does_not_say() -> None:
    """The NAME of its [sources.NAME]."""
    (seen,) = read(line(observations=[{"votes": 44, "listed": "2026-03-05"}])).observations
    assert seen == Observation(
        paper_id=PaperId("arxiv:2603.90001"),
        source="files",
        at=NOW,
        listed=date(2026, 3, 5),
        votes=44,
    )


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "arxiv:2603.90001"),
        ({"id": "2603.90001v2"}, "arxiv:2603.90001"),
        ({"id": "doi:10.1000/XYZ"}, "doi:10.1000/xyz"),
        ({"id": None, "doi": "https://doi.org/10.1000/xyz"}, "doi:10.1000/xyz"),
        ({"id": None, "arxiv": "2603.90001"}, "arxiv:2603.90001"),
        ({"id": None, "url": "https://example.org/1"}, "link:example.org/1"),
        ({"id": None}, seed().id),
    ],
)
def test_how_a_line_is_named(fields: dict[str, Any], name: str) -> None:
    """By the strongest name it tells, at last by its title."""
    (paper,) = read(line(**fields)).papers
    assert paper.id == name


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (b'{"title" "A"}', "not JSON: Expecting ':' delimiter at column 10"),
        (b"{} {}", "not JSON: Extra data at column 4"),
        (b"not json", "not JSON: Expecting value at column 1"),
        (b"null", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"7", "not a JSON object"),
        (b"NaN", "not a JSON object"),
        (b"{}", "it has no title"),
        (b'{"title": "\\u200b"}', "it has no title"),
        (b'{"title": 7}', "title: not text"),
        (b'{"title": "\xff"}', "not UTF-8 text"),
        (b'{"title": "A", "votes": ' + b"[" * 10**6, "nested too deeply"),
        (b'{"title": "A", "version": ' + b"1" * 5000 + b"}", "Exceeds the limit"),
        (b'{"title": "A", "version": NaN}', "version: not a count"),
        (b'{"title": "A", "authors": "B. Author"}', "authors: not a list of texts"),
        (b'{"title": "A", "url": "javascript:alert(1)"}', "url: no http(s) address"),
        (b'{"title": "A", "id": 7}', "id: '7' is no"),
        (b'{"title": "A", "observations": [7]}', "observations: not JSON objects"),
        (b'{"title": "A", "observations": [{"votes": -1}]}', "observations: "),
    ],
)
def test_a_bad_line_is_told_with_its_number(wrong: bytes, told: str) -> None:
    """The lines beside it are kept."""
    body = b"\n".join([line(0).strip().encode(), b"", wrong, line(1).strip().encode()])
    harvest = read(body)
    (refused,) = harvest.refused
    assert refused.startswith(f"line 3: {told}")
    assert len(refused) < 300
    assert [paper.id for paper in harvest.papers] == [f"arxiv:{number(at)}" for at in (0, 1)]


@pytest.mark.parametrize(
    "body",
    [
        line(0) + line(1),
        line(0) + line(1).rstrip("\n"),
        line(0) + "\n\n  \n" + line(1) + "\n",
        line(0).replace("\n", "\r\n") + line(1).replace("\n", "\r\n"),
        "\ufeff" + line(0) + line(1),
    ],
    ids=["plain", "no end", "empty lines", "CRLF", "BOM"],
)
def test_lines_end_in_several_ways(body: str) -> None:
    """Empty lines are nothing, and the mark some editors put in front is no part of the text."""
    harvest = read(body)
    assert (len(harvest.papers), harvest.refused) == (2, ())


@pytest.mark.parametrize("body", [b"", b"\n", b"  \n\t\n"])
def test_an_empty_file_is_nothing(body: bytes) -> None:
    """It holds no paper and nothing wrong."""
    assert read(body) == Harvest()


def test_a_long_file_comes_in_parts() -> None:
    """Numbers go on from part to part."""
    lines = [line(at) for at in range(2 * BATCH + 1)]
    lines[BATCH + 1] = "wrong\n"
    harvests = parts("".join(lines))
    assert [len(one.papers) for one in harvests] == [BATCH, BATCH - 1, 1]
    assert [one.refused for one in harvests] == [
        (),
        (f"line {BATCH + 2}: not JSON: Expecting value at column 1",),
        (),
    ]


@pytest.mark.parametrize("over", [-1, 0, 1, 2, LONGEST_LINE, LONGEST_LINE + 1, 2 * LONGEST_LINE])
def test_a_line_too_long_is_skipped_alone(over: int) -> None:
    """Wherever its end falls, the next line is read."""
    bare = json.dumps({"id": "2603.90001", "title": "A", "filler": ""})
    filler = "x" * (LONGEST_LINE + over - len(bare) - 1)
    long = bare.replace('"filler": ""', f'"filler": "{filler}"') + "\n"
    assert len(long) == LONGEST_LINE + over
    harvest = read(long + line(1) + "wrong\n" + line(2))
    names = [paper.id for paper in harvest.papers]
    assert names[-2:] == [f"arxiv:{number(1)}", f"arxiv:{number(2)}"]
    assert len(names) == (2 if over > 0 else 3)
    told = ("line 1: longer than 4 MiB",) if over > 0 else ()
    assert harvest.refused == (*told, "line 3: not JSON: Expecting value at column 1")


def test_a_line_too_long_at_the_end_is_told() -> None:
    """It need not end."""
    harvest = read(line(0) + "x" * (3 * LONGEST_LINE))
    assert harvest.refused == ("line 2: longer than 4 MiB",)
    assert len(harvest.papers) == 1
