"""Whatever sources tell of papers, they have clean text, firm names, and are merged alike."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from newsletter import plain, records
from newsletter.identity import (
    LONGEST_NAME,
    arxiv_id,
    arxiv_version,
    doi_id,
    identify,
    link_id,
    normalised_title,
    parse,
    scheme,
    strength,
    title_id,
)
from newsletter.merging import Record, merge, renewed, unite
from newsletter.papers import Paper, PaperId

NOW = datetime(2026, 3, 5, 8, tzinfo=UTC)
HIDDEN = {
    *"\u00ad\u061c\u180e\u200b\u200e\u200f\ufeff\ufff9\ufffa\ufffb",
    *map(chr, (*range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xE0000, 0xE0080))),
}
PIECES = [
    *"\u0301\u0302\u0323\u05b0\u094d\u200b\u200c\u200d\u202e\u3000\ud800\x00\x85 aeक数🙂…<>&;",
    *("<p>", "</p>", "<script>", "</script>", "<!--", "-->", "&lt;", "&#", "99999999", "&amp;"),
]
ANY_TEXT = st.text(st.characters(), max_size=80) | st.lists(
    st.sampled_from(PIECES) | st.text(max_size=3), max_size=60
).map("".join)
PARTS = [
    *("arxiv:", "doi:", "http://", "https://", "www.", "arxiv.org", "doi.org", "huggingface.co"),
    *("/abs/", "/papers/", "/full", ".pdf", "/", "?", "#", "&", "=", "[", "]", "%00", "%ed%a0%80"),
    *("2403.01234", "v2", "hep-th/9901001", "10.48550/arXiv.", "10.1000/", "10.1101/", "a" * 70),
    *("utm_source=x", "id=7", "\ud800", "\x00", "\u202e", " ", "é", "x.org", "@", ":", ":8o"),
]
TOLD = ANY_TEXT | st.lists(st.sampled_from(PARTS), max_size=9).map("".join)

ARXIV = st.integers(1, 4).map(lambda n: f"2403.{n:05d}")
DOI = st.integers(1, 4).map(lambda n: f"10.1000/x{n}")
LINK = st.integers(1, 4).map(lambda n: f"https://example.org/{n}")
TITLES = st.sampled_from(["Editorial", "Segment Anything", "A title of more words than three", "B"])
NAMED = st.fixed_dictionaries(
    {"title": TITLES}, optional={"arxiv": ARXIV, "doi": DOI, "link": LINK}
)

LINES = ANY_TEXT.map(plain.line)
DAYS = st.dates(date(1990, 1, 1), date(2100, 1, 1))
LAST = datetime(2100, 1, 1, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
URLS = st.none() | LINK
TEXT_LISTS = st.lists(LINES.filter(bool).map(lambda text: text[:20].strip()), max_size=3).map(
    lambda texts: tuple(text for text in map(plain.line, texts) if text)
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "abstract": LINES,
        "authors": TEXT_LISTS,
        "classes": TEXT_LISTS,
        "published": DAYS,
        "updated": DAYS,
        "version": st.integers(1, 9),
        "announced": INSTANTS,
        "pdf_url": URLS,
        "code_url": URLS,
        "code_guessed": st.booleans(),
        "project_url": URLS,
        "discussion_url": URLS,
        "thumbnail_url": URLS,
        "media_urls": st.lists(LINK, max_size=3).map(tuple),
        "organization": LINES,
        "tldr": LINES,
        "tldr_model": LINES,
        "keywords": TEXT_LISTS,
        "comment": LINES,
        "journal": LINES,
    },
)


def named(told: dict[str, str], **fields: object) -> Paper:
    """A paper of the names that a source would give it."""
    first, *rest = identify(**told)
    values = {"title": told["title"], "url": told.get("link")} | fields
    return Paper(id=first, aliases=tuple(rest), **values)  # type: ignore[arg-type]


PAPERS = st.builds(lambda told, fields: named(told, **fields), NAMED, FIELDS)
CLEAN = st.builds(
    lambda title, told, fields: named(told | {"title": title}, **fields),
    LINES.filter(normalised_title),
    NAMED,
    FIELDS,
)
RECORDS = st.builds(
    Record,
    source=st.sampled_from(["arxiv", "feed", "page"]),
    trust=st.sampled_from([20, 60]),
    at=st.sampled_from([NOW, datetime(2026, 3, 6, tzinfo=UTC)]),
    paper=PAPERS,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
OBSERVED = st.sampled_from(["source", "at", "listed", "position", "of", "votes"])
SPOILT = st.fixed_dictionaries(
    {},
    optional={
        "id": TOLD,
        "aliases": st.lists(TOLD, max_size=2),
        "doi": TOLD,
        "url": TOLD,
        "title": ANY_TEXT,
        "version": st.integers(-1, 2),
        "observations": st.lists(st.dictionaries(OBSERVED, JSON), max_size=2),
    },
)
STRANGE = st.dictionaries(st.sampled_from([*vars(Paper(id=PaperId(""), title=""))]), JSON)
ROWS = st.builds(
    lambda paper, spoilt, strange: records.to_json(paper) | spoilt | strange,
    CLEAN,
    st.just({}) | SPOILT,
    st.just({}) | STRANGE,
)
FEW = st.fixed_dictionaries(
    {"title": st.sampled_from(["Editorial", "A title of more words than three"])},
    optional={
        "arxiv": st.sampled_from(["2403.00001", "2403.00002"]),
        "doi": st.sampled_from(["10.1000/x", "10.1000/y"]),
    },
).map(named)


def is_seen(text: str) -> bool:
    """Whether a text is one line without anything that hides or reorders."""
    categories = {unicodedata.category(c) for c in text}
    return (
        HIDDEN.isdisjoint(text)
        and categories.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
        and text == " ".join(text.split())
    )


@given(ANY_TEXT, st.integers(1, 40))
def test_a_line_is_bounded_and_can_be_seen(text: str, longest: int) -> None:
    """With mark-up or without: one line, nothing hidden, never longer than asked."""
    for clean in (plain.line(text, longest), plain.unmarked(text, longest)):
        assert len(clean) <= longest
        assert is_seen(clean)


@given(ANY_TEXT, st.integers(1, 40))
def test_a_clean_line_stays_as_it_is(text: str, longest: int) -> None:
    """Cleaning twice is cleaning once."""
    clean = plain.line(text, longest)
    assert plain.line(clean, longest) == clean
    assert plain.line(clean) == clean


@given(TOLD)
def test_an_address_is_printable_ascii(text: str) -> None:
    """What passes for an address can stand in a header and in an attribute."""
    found = plain.url(text)
    if found is not None:
        assert found.isascii()
        assert found.isprintable()
        assert not set(found) & set(" \"'<>`{}|\\^")


@given(TOLD)
def test_names_can_be_kept_and_are_firm(text: str) -> None:
    """No text makes trouble; a name is short, printable, and names itself."""
    arxiv_version(text)
    found = (arxiv_id(text), doi_id(text), link_id(text), parse(text), title_id(text))
    for name in found:
        if name is not None:
            assert len(name) <= LONGEST_NAME
            assert name.isprintable()
            assert " " not in name
            paper, _ = records.read({"id": name, "title": "A title"}, "page", NOW)
            assert name in paper.names


@given(TOLD, TOLD, TOLD, ANY_TEXT)
def test_a_work_has_one_name_of_a_kind(arxiv: str, doi: str, link: str, title: str) -> None:
    """Whatever a source tells, the names are sorted and never more than one of a kind."""
    names = identify(arxiv=arxiv, doi=doi, link=link, title=title)
    assert list(names) == sorted(names, key=strength)
    kinds = [scheme(name) for name in names]
    assert len(set(kinds)) == len(kinds)
    assert bool(normalised_title(title)) == ("title" in kinds)


@given(
    st.lists(RECORDS, min_size=1, max_size=4).flatmap(
        lambda r: st.tuples(st.just(r), st.permutations(r))
    )
)
def test_the_order_of_records_does_not_matter(orders: tuple[list[Record], list[Record]]) -> None:
    """The merged paper and its origins are a function of the records."""
    one, other = orders
    merged = merge(one)
    assert merge(other) == merged
    assert list(merged.paper.names) == sorted(merged.paper.names, key=strength)
    for name, source in merged.origins.items():
        value = getattr(merged.paper, name)
        assert value
        assert any(r.source == source and getattr(r.paper, name) == value for r in one)


@given(PAPERS, PAPERS)
def test_a_source_that_repeats_itself_changes_nothing(before: Paper, now: Paper) -> None:
    """Told twice is told once, and no name is ever lost."""
    after = renewed(before, now)
    assert renewed(after, now) == after
    assert renewed(now, now) == now
    assert {*after.names} == {*before.names, *now.names}
    assert list(after.names) == sorted(after.names, key=strength)


@given(CLEAN)
def test_a_clean_paper_is_read_as_it_was_written(paper: Paper) -> None:
    """To JSON and back, as a stranger's line too; encoded value by value it is the same text."""
    assert records.text(records.to_texts(paper)) == json.dumps(records.to_json(paper))
    row = json.loads(json.dumps(records.to_json(paper)))
    assert records.from_json(row) == paper
    assert records.read(row, "page", LAST) == (paper, ())
    earliest = min(paper.announced, NOW) if paper.announced else None
    assert records.read(row, "page", NOW)[0] == replace(paper, announced=earliest)


@given(ROWS)
def test_a_strangers_line_is_a_paper_or_refused(row: dict[str, object]) -> None:
    """Whatever JSON it holds; and what was read once is read the same again."""
    try:
        paper, seen = records.read(row, "page", NOW)
    except ValueError:
        return
    assert all(one.paper_id == paper.id for one in seen)
    assert is_seen(paper.title)
    written = json.loads(records.line(paper, seen, NOW))
    again, seen_again = records.read(written, "other", NOW)
    assert again == Paper(**vars(paper) | {"announced": NOW})
    assert seen_again == seen


@given(st.lists(FEW, max_size=3), st.lists(FEW, max_size=5))
def test_every_paper_is_of_one_work(kept: list[Paper], incoming: list[Paper]) -> None:
    """Each is told in one work only, no work has two arXiv ids, and none has another's names."""
    owners: dict[PaperId, PaperId] = {}
    names: dict[PaperId, list[PaperId]] = {}
    for one in kept:
        if one.id not in owners:
            mine = [name for name in one.names if name not in owners]
            owners |= dict.fromkeys(mine, one.id)
            names[one.id] = mine
    asked = {name for one in incoming for name in one.names} & owners.keys()
    works = unite(incoming, {name: owners[name] for name in sorted(asked)}, names)
    assert sorted(place for work in works for place in work.told) == list(range(len(incoming)))
    owned = [owner for work in works for owner in work.kept]
    assert len(set(owned)) == len(owned)
    claimed = [name for work in works for name in work.names]
    assert len(set(claimed)) == len(claimed)
    for work in works:
        told = [incoming[place] for place in work.told]
        known = {*work.names, *(name for one in told for name in one.names)}
        assert sum(scheme(name) == "arxiv" for name in known) <= 1
        assert known <= {name for other in works for name in other.names} | owners.keys()
