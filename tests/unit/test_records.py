"""Papers and observations as JSON, ours and strangers'."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from newsletter.identity import doi_id, link_id, title_id
from newsletter.papers import Observation, Paper, PaperId
from newsletter.plain import LONGEST_NAME, LONGEST_TITLE
from newsletter.records import (
    LARGEST_COUNT,
    MOST_AUTHORS,
    MOST_ITEMS,
    MOST_OBSERVATIONS,
    from_json,
    line,
    observation_json,
    read,
    text,
    to_json,
    to_texts,
)

NOW = datetime(2026, 3, 5, 8, tzinfo=UTC)
TITLE = "A title"
LONG = "a-very-long-name-" * 5
FULL = Paper(
    id=PaperId("arxiv:2403.01234"),
    aliases=(PaperId("doi:10.1000/x"), title_id(TITLE)),
    title=TITLE,
    abstract="We show $x^2$.",
    authors=("Ann Lee", "Bo Ek"),
    classes=("cs.LG", "cs.CV"),
    published=date(2024, 3, 1),
    updated=date(2024, 4, 1),
    version=2,
    announced=NOW - timedelta(hours=1),
    url="https://arxiv.org/abs/2403.01234",
    pdf_url="https://arxiv.org/pdf/2403.01234",
    code_url="https://github.com/a/b",
    code_guessed=True,
    project_url="https://example.org/project",
    discussion_url="https://example.org/talk",
    thumbnail_url="https://example.org/small.png",
    media_urls=("https://example.org/1.mp4", "https://example.org/2.png"),
    organization="Example Lab",
    tldr="In short.",
    tldr_model="model-1",
    keywords=("attention",),
    comment="9 pages",
    journal="Journal of Examples",
)
SEEN = Observation(
    paper_id=FULL.id,
    source="huggingface",
    at=NOW,
    position=1,
    of=9,
    listed=date(2026, 3, 5),
    votes=44,
    comments=0,
    stars=7,
)


def told(**fields: Any) -> Paper:
    return read({"title": TITLE} | fields, "page", NOW)[0]


def seen(**fields: Any) -> Observation:
    (one,) = read({"title": TITLE, "observations": [fields]}, "page", NOW)[1]
    return one


def test_a_paper_is_written_with_what_it_has() -> None:
    """Fields stand in the order of `Paper`; what has no value is left out."""
    bare = Paper(id=PaperId("title:1"), title=TITLE)
    assert to_json(bare) == {"id": "title:1", "title": TITLE}
    row = to_json(FULL)
    assert list(row) == list(vars(FULL))
    assert row["aliases"] == ["doi:10.1000/x", title_id(TITLE)]
    assert row["published"] == "2024-03-01"
    assert row["announced"] == "2026-03-05T07:00:00+00:00"
    assert row["code_guessed"] is True


@pytest.mark.parametrize("paper", [FULL, Paper(id=title_id(TITLE), title=TITLE)])
def test_what_is_written_is_read_back_the_same(paper: Paper) -> None:
    """By us and, as long as it was clean, by strangers."""
    row = json.loads(json.dumps(to_json(paper)))
    assert from_json(row) == paper
    assert read(row, "page", NOW) == (paper, ())


@pytest.mark.parametrize(
    "name",
    [
        "arxiv:hep-th/9901001",
        "doi:10.1000/x",
        "link:openreview.net/forum?id=aBc",
        doi_id(f"10.1000/{LONG}"),
        link_id(f"https://example.org/{LONG}"),
    ],
)
def test_every_name_is_read_back(name: str) -> None:
    """Also one that was cut to its hash."""
    assert told(id=name).names == (name, title_id(TITLE))
    assert told(aliases=[name]).names == (name, title_id(TITLE))


def test_a_line_of_a_file_holds_paper_and_observations() -> None:
    """It ends in one line feed, is UTF-8, and says since when the paper is here."""
    written = line(Paper(id=title_id("Ä"), title="Ä"), [SEEN], NOW)
    assert written.endswith(b"\n")
    assert written.count(b"\n") == 1
    assert "Ä".encode() in written
    paper, observations = read(json.loads(written), "page", NOW + timedelta(days=1))
    assert paper == Paper(id=title_id("Ä"), title="Ä", announced=NOW)
    assert [vars(one) | {"paper_id": FULL.id} for one in observations] == [vars(SEEN)]
    assert b"observations" not in line(FULL, [], NOW)


@pytest.mark.parametrize("paper", [FULL, Paper(id=FULL.id, title='a "title" \\ \u00e9\ud800')])
def test_texts_of_values_make_the_same_json(paper: Paper) -> None:
    """What is encoded value by value is what would be encoded whole."""
    assert text(to_texts(paper)) == json.dumps(to_json(paper))


def test_an_observation_is_written_without_what_nobody_counted() -> None:
    """None is left out, nought is not; the paper's id stands beside it."""
    assert observation_json(SEEN) == {
        "source": "huggingface",
        "at": "2026-03-05T08:00:00+00:00",
        "listed": "2026-03-05",
        "position": 1,
        "of": 9,
        "votes": 44,
        "comments": 0,
        "stars": 7,
    }
    bare = Observation(paper_id=FULL.id, source="page", at=NOW)
    assert observation_json(bare) == {"source": "page", "at": "2026-03-05T08:00:00+00:00"}


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, ()),
        ({"id": None, "aliases": None, "url": None, "doi": None}, ()),
        ({"id": ""}, ()),
        ({"id": "2403.01234v2"}, ("arxiv:2403.01234",)),
        ({"id": "https://arxiv.org/abs/2403.01234"}, ("arxiv:2403.01234",)),
        ({"arxiv": "2403.01234"}, ("arxiv:2403.01234",)),
        ({"doi": "10.1000/X"}, ("doi:10.1000/x",)),
        ({"doi": "10.1000/X", "arxiv": "2403.01234"}, ("arxiv:2403.01234", "doi:10.1000/x")),
        ({"url": "https://example.org/a"}, ("link:example.org/a",)),
        ({"url": "https://doi.org/10.1000/x"}, ("doi:10.1000/x",)),
        ({"id": "10.1000/x", "url": "https://example.org/a"}, ("doi:10.1000/x",)),
        ({"id": "link:a.org/1", "url": "https://example.org/a"}, ("link:a.org/1",)),
        (
            {"id": "10.1000/x", "aliases": ["2403.01234", "10.1000/X"]},
            ("arxiv:2403.01234", "doi:10.1000/x"),
        ),
    ],
)
def test_a_paper_is_named_by_what_its_line_tells(
    fields: dict[str, Any], names: tuple[str, ...]
) -> None:
    """Id, aliases, DOI, address and, last, title: the strongest is the id, none is there twice."""
    assert told(**fields).names == (*names, title_id(TITLE))


def test_an_id_of_last_resort_comes_after_the_others() -> None:
    """A title's name that a line gives as its id is an alias where there is a better one."""
    assert told(id="title:0123456789abcdef", doi="10.1000/x").names == (
        "doi:10.1000/x",
        "title:0123456789abcdef",
        title_id(TITLE),
    )


@pytest.mark.parametrize(
    ("field", "value", "clean"),
    [
        ("title", " <b>A</b>\n\u202etitle\x00 ", "<b>A</b> title"),
        ("title", "x" * 1_000, "x" * (LONGEST_TITLE - 1) + "…"),
        ("abstract", "two\nlines\ud800", "two lines"),
        ("authors", ["Ann\u200b Lee", "", " \x00"], ("Ann Lee",)),
        ("authors", [""], ()),
        ("authors", ["", "Ann Lee"], ("Ann Lee",)),
        ("authors", ["Ann Lee ", "Bo  Ek"], ("Ann Lee", "Bo Ek")),
        ("authors", ["Jose\u0301", "Bo"], ("Jos\u00e9", "Bo")),
        ("authors", ["x", "y" * 300], ("x", "y" * (LONGEST_NAME - 1) + "…")),
        ("authors", ["x" * 300], ("x" * (LONGEST_NAME - 1) + "…",)),
        ("authors", ["x"] * (MOST_AUTHORS + 1), ("x",) * MOST_AUTHORS),
        ("keywords", ["x"] * (MOST_ITEMS + 1), ("x",) * MOST_ITEMS),
        ("published", "2026-03-05", date(2026, 3, 5)),
        ("published", "2026-03-05T23:00:00Z", date(2026, 3, 5)),
        ("announced", "2026-03-05T08:00:00Z", NOW),
        ("announced", "2026-03-05T10:00:00+02:00", NOW),
        ("announced", "2026-03-05T08:00:00", NOW),
        ("url", " https://example.org/a ", "https://example.org/a"),
        ("version", LARGEST_COUNT, LARGEST_COUNT),
        ("version", 0, None),
        ("code_guessed", False, False),
        ("abstract", None, ""),
        ("authors", None, ()),
        ("version", None, None),
    ],
)
def test_what_a_stranger_wrote_is_cleaned_and_cut(field: str, value: object, clean: object) -> None:
    """Text is one clean line of bounded length, lists are bounded, instants are UTC."""
    assert getattr(told(**{field: value}), field) == clean


def test_what_a_paper_does_not_have_is_passed_over() -> None:
    """Unknown fields of a line are no error."""
    assert told(surprise=[1, {"x": "y"}], names=7) == told()


TEXTS = ("title", "abstract", "organization", "tldr", "tldr_model", "comment", "journal")
LISTS = ("authors", "classes", "keywords")
ADDRESSES = (
    "url",
    "pdf_url",
    "code_url",
    "project_url",
    "discussion_url",
    "thumbnail_url",
)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        *((field, value, "not text") for field in (*TEXTS, "doi", "arxiv") for value in (7, ["x"])),
        *((field, value, "not a list of texts") for field in LISTS for value in ("x", [7], {})),
        *(
            (field, value, "no http")
            for field in ADDRESSES
            for value in (7, "javascript:alert(1)", "https://example.org/\x00", "")
        ),
        ("media_urls", "https://example.org/1", "not a list of addresses"),
        ("media_urls", ["https://example.org/1", "ftp://x/2"], "no http"),
        *((field, 20260305, "no date") for field in ("published", "updated")),
        *((field, "soon", "no date") for field in ("published", "updated")),
        ("published", "2026-02-30", "no date"),
        ("announced", 1772697600, "no instant"),
        ("announced", "yesterday", "no instant"),
        ("announced", "0001-01-01T00:00:00+14:00", "no instant"),
        ("version", "2", "not a count"),
        ("version", 2.0, "not a count"),
        ("version", -1, "not a count"),
        ("version", LARGEST_COUNT + 1, "not a count"),
        ("version", True, "not a count"),
        ("code_guessed", 1, "neither true nor false"),
        ("code_guessed", "yes", "neither true nor false"),
        ("id", 7, "'7' is no arXiv id, DOI, link or title id"),
        ("id", 0, "'0' is no arXiv id"),
        ("id", "A title", "'A title' is no arXiv id"),
        ("id", "2413.01234", "'2413.01234' is no arXiv id"),
        ("id", "title:", "'title:' is no arXiv id"),
        ("id", "link:a b", "'link:a b' is no arXiv id"),
        ("id", "link:a\x00b", "is no arXiv id"),
        ("id", "link:" + "a" * 60, "is no arXiv id"),
        ("id", "https://example.org/" + "a" * 500, "is no arXiv id"),
        ("aliases", "2403.01234", "not a list of names"),
        ("aliases", [7], "'7' is no arXiv id"),
        ("observations", {}, "not a list"),
        ("observations", [7], "not JSON objects"),
        ("observations", [{}] * (MOST_OBSERVATIONS + 1), "not a list of at most"),
    ],
)
def test_a_wrong_value_is_refused_by_name(field: str, value: object, reason: str) -> None:
    """The error says which field it is and what is wrong."""
    with pytest.raises(ValueError, match=f"^{field}: .*{reason}"):
        told(**{field: value})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (None, "not a JSON object"),
        ([], "not a JSON object"),
        ("A title", "not a JSON object"),
        ({}, "it has no title"),
        ({"title": None, "id": "2403.01234"}, "it has no title"),
        ({"title": ""}, "it has no title"),
        ({"title": "\u200b?!"}, "it has no title"),
        ({"title": "A", "id": "2403.01234", "aliases": ["2403.99999"]}, "two arXiv ids"),
        ({"title": "A", "id": "2403.01234", "arxiv": "2403.99999"}, "two arXiv ids"),
    ],
)
def test_a_wrong_line_is_refused(row: object, reason: str) -> None:
    """Without a title there is no paper, and a paper is not two."""
    with pytest.raises(ValueError, match=reason):
        read(row, "page", NOW)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"source": None, "at": None, "listed": None, "votes": None}, {}),
        ({"source": "huggingface"}, {"source": "huggingface"}),
        ({"at": "2026-03-04T08:00:00Z"}, {"at": NOW - timedelta(days=1)}),
        ({"at": "2026-03-04T03:00:00-05:00"}, {"at": NOW - timedelta(days=1)}),
        ({"listed": "2026-03-04"}, {"listed": date(2026, 3, 4)}),
        ({"votes": 0, "position": 3, "of": 9}, {"votes": 0, "position": 3, "of": 9}),
        ({"paper_id": "arxiv:2403.99999", "surprise": 1}, {}),
    ],
)
def test_an_observation_is_of_the_paper_it_stands_with(
    fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Without a source it is of the file's, without an instant of now, and never another's."""
    bare = {"paper_id": title_id(TITLE), "source": "page", "at": NOW}
    assert seen(**fields) == Observation(**bare | expected)


def test_instants_are_utc() -> None:
    """Whatever zone was told."""
    assert seen(at="2026-03-05T10:00:00+02:00").at.tzinfo is UTC
    assert told(announced="2026-03-05T10:00:00+02:00").announced == datetime(
        2026, 3, 5, 10, tzinfo=timezone(timedelta(hours=2))
    )


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        *(
            (field, value, "not a count")
            for field in ("position", "of", "votes", "comments", "stars")
            for value in (-1, "7", 1.5, True, LARGEST_COUNT + 1)
        ),
        ("source", "", "no name"),
        ("source", 7, "no name"),
        ("source", "x" * 65, "no name"),
        ("source", "a\nb", "no name"),
        ("at", 7, "no instant"),
        ("at", "noon", "no instant"),
        ("listed", "noon", "no date"),
    ],
)
def test_a_wrong_observation_is_refused_by_name(field: str, value: object, reason: str) -> None:
    """The error says which of its fields it is."""
    with pytest.raises(ValueError, match=f"^observations: {field}: {reason}"):
        seen(**{field: value})
