"""One paper of many records, and which works are one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from newsletter.identity import title_id
from newsletter.merging import TELLING_TITLE, Merged, Record, Work, merge, renewed, unite
from newsletter.papers import Paper, PaperId

NOW = datetime(2026, 3, 5, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
LONG, SHORT = "A title of more words than three", "Segment Anything"
A, B = "arxiv:2403.00001", "arxiv:2403.00002"
X, Y = "doi:10.1000/x", "doi:10.1000/y"
TRUST = {"editor": 90, "arxiv": 80, "feed": 60, "huggingface": 50, "jsonl": 40, "page": 20}


def record(source: str, at: datetime = NOW, *, trust: int | None = None, **told: Any) -> Record:
    paper = Paper(**{"id": PaperId(A), "title": f"As {source} has it"} | told)
    return Record(
        source=source, trust=TRUST[source] if trust is None else trust, at=at, paper=paper
    )


def both_ways(*records: Record) -> Merged:
    merged = merge(records)
    assert merge(records[::-1]) == merged
    return merged


@pytest.mark.parametrize("name", ["abstract", "url", "pdf_url", "journal", "tldr", "code_url"])
def test_of_every_field_the_most_trusted_record_counts(name: str) -> None:
    """Fields are taken one by one, and each is told where it comes from."""
    merged = both_ways(
        record("page", **{name: "page's"}),
        record("feed", **{name: "feed's"}),
        record("arxiv"),
        record("huggingface", **{name: "huggingface's"}),
    )
    assert getattr(merged.paper, name) == "feed's"
    assert merged.origins == {"title": "arxiv", name: "feed"}


def test_a_list_is_taken_whole() -> None:
    """Authors and classes of two records are not mixed."""
    merged = both_ways(
        record("arxiv", authors=("Ann Lee",)),
        record("feed", authors=("A. Lee", "B. Ek"), classes=("cs.LG", "cs.CV")),
    )
    assert merged.paper.authors == ("Ann Lee",)
    assert merged.paper.classes == ("cs.LG", "cs.CV")
    assert merged.origins == {"title": "arxiv", "authors": "arxiv", "classes": "feed"}


@pytest.mark.parametrize(
    ("one", "other", "source"),
    [
        (("feed", 60, NOW), ("page", 60, NOW + HOUR), "page"),
        (("feed", 60, NOW + HOUR), ("page", 60, NOW), "feed"),
        (("feed", 60, NOW), ("page", 60, NOW), "feed"),
        (("feed", 60, NOW), ("page", 61, NOW - HOUR), "page"),
    ],
)
def test_equal_trust_is_decided_by_time_then_by_name(
    one: tuple[str, int, datetime], other: tuple[str, int, datetime], source: str
) -> None:
    """Trust, then the newer, then the alphabet."""
    merged = both_ways(*(record(name, at, trust=trust) for name, trust, at in (one, other)))
    assert merged.paper.title == f"As {source} has it"
    assert merged.origins == {"title": source}


def test_two_records_of_one_source_and_instant_make_one_paper() -> None:
    """Even then the order in which they came does not matter."""
    both_ways(record("feed", title="One"), record("feed", title="Another"))


def test_a_work_has_all_its_names() -> None:
    """Those of every record, the strongest as its id; or those that it is left with."""
    told = [
        record("arxiv", id=PaperId(B), aliases=(title_id(LONG),)),
        record("page", id=PaperId("link:example.org/a"), aliases=(PaperId("title:1"),)),
    ]
    merged = merge(told)
    names = (B, "link:example.org/a", *sorted(("title:1", title_id(LONG))))
    assert merged.paper.names == names
    assert "id" not in merged.origins
    assert merge(told, [PaperId(X), PaperId(B)]).paper.names == (B, X)


def test_a_work_was_announced_when_the_first_source_did() -> None:
    """The earliest instant counts, whoever told it."""
    merged = both_ways(
        record("arxiv", announced=NOW),
        record("feed"),
        record("page", announced=NOW - HOUR),
    )
    assert merged.paper.announced == NOW - HOUR
    assert merged.origins["announced"] == "page"
    assert merge([record("arxiv")]).paper.announced is None


DAY, LATER = date(2024, 3, 1), date(2026, 1, 1)


@pytest.mark.parametrize(
    ("arxiv", "page", "version", "updated", "source"),
    [
        ((1, DAY), (2, LATER), 2, LATER, "page"),
        ((1, DAY), (2, None), 2, None, "page"),
        ((2, DAY), (2, LATER), 2, DAY, "arxiv"),
        ((2, DAY), (None, LATER), 2, DAY, "arxiv"),
        ((None, DAY), (1, LATER), 1, LATER, "page"),
    ],
)
def test_the_version_is_the_highest_seen_with_its_day(
    arxiv: tuple[int | None, date | None],
    page: tuple[int | None, date | None],
    version: int,
    updated: date | None,
    source: str,
) -> None:
    """The day goes with the version: another version's day is never taken for it."""
    merged = both_ways(
        *(
            record(name, version=number, updated=day)
            for name, (number, day) in (("arxiv", arxiv), ("page", page))
        )
    )
    assert (merged.paper.version, merged.paper.updated) == (version, updated)
    origins = {"title": "arxiv", "version": source} | ({"updated": source} if updated else {})
    assert merged.origins == origins


@pytest.mark.parametrize(
    ("arxiv", "page", "code", "guessed", "source"),
    [
        (("https://a", False), ("https://b", False), "https://a", False, "arxiv"),
        (("https://a", True), ("https://b", False), "https://b", False, "page"),
        (("https://a", True), ("https://b", True), "https://a", True, "arxiv"),
        ((None, False), ("https://b", True), "https://b", True, "page"),
        (("https://a", True), (None, False), "https://a", True, "arxiv"),
    ],
)
def test_guessed_code_gives_way_to_named_code(
    arxiv: tuple[str | None, bool],
    page: tuple[str | None, bool],
    code: str,
    guessed: bool,
    source: str,
) -> None:
    """Trust counts among those that guess, and among those that know."""
    merged = both_ways(
        *(
            record(name, code_url=url, code_guessed=how)
            for name, (url, how) in (("arxiv", arxiv), ("page", page))
        )
    )
    assert (merged.paper.code_url, merged.paper.code_guessed) == (code, guessed)
    assert merged.origins["code_url"] == source


def test_a_summary_is_never_signed_by_another_machine() -> None:
    """The summary and its model come from one record."""
    merged = both_ways(
        record("huggingface", tldr="In short."),
        record("jsonl", tldr="Shorter.", tldr_model="model-1"),
    )
    assert (merged.paper.tldr, merged.paper.tldr_model) == ("In short.", "")
    assert merged.origins == {"title": "huggingface", "tldr": "huggingface"}


def test_what_a_source_says_now_replaces_what_it_said() -> None:
    """Where it is silent now the old word stands; names are only added, the strongest first."""
    before = Paper(
        id=PaperId(A),
        aliases=(title_id("Old"),),
        title="Old",
        abstract="Old.",
        journal="Old journal",
        code_url="https://a",
        code_guessed=True,
        announced=NOW,
    )
    now = Paper(
        id=title_id("New"),
        title="New",
        abstract="New.",
        code_url="https://b",
        announced=NOW + HOUR,
    )
    after = renewed(before, now)
    assert after == Paper(
        id=PaperId(A),
        aliases=tuple(sorted((title_id("Old"), title_id("New")))),
        title="New",
        abstract="New.",
        journal="Old journal",
        code_url="https://b",
        announced=NOW,
    )
    assert renewed(after, now) == after


def paper(title: str, *names: str) -> Paper:
    """A paper of these names and its title's, as sources make them."""
    first, *rest = (*map(PaperId, names), title_id(title))
    return Paper(id=first, aliases=tuple(rest), title=title)


def works(*incoming: Paper, kept: tuple[Paper, ...] = ()) -> list[tuple[list[int], set[PaperId]]]:
    found = united(*incoming, kept=kept)
    assert sorted(place for work in found for place in work.told) == list(range(len(incoming)))
    return [(work.told, work.kept) for work in found]


def united(*incoming: Paper, kept: tuple[Paper, ...] = ()) -> list[Work]:
    """What `unite` makes of papers, where the store has others."""
    owners: dict[PaperId, PaperId] = {}
    names: dict[PaperId, list[PaperId]] = {}
    for one in kept:
        for name in one.names:
            owner = owners.setdefault(name, one.id)
            names.setdefault(owner, []).append(name)
    asked = {name for one in incoming for name in one.names}
    return unite(incoming, {name: owners[name] for name in owners if name in asked}, names)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (paper("One", A), paper("Another", A), True),
        (paper("One", X), paper("Another", X), True),
        (paper("One", A), paper("Another", B), False),
        (paper(LONG), paper(LONG), True),
        (paper(SHORT), paper(SHORT), True),
        (paper(LONG), paper(LONG, A), True),
        (paper(SHORT), paper(SHORT, A), True),
        (paper(LONG, A), paper(LONG, B), False),
        (paper(LONG, X), paper(LONG, Y), False),
        (paper(LONG, "link:a.org/1"), paper(LONG, "link:b.org/1"), False),
        (paper(LONG, A), paper(LONG, X), True),
        (paper(SHORT, A), paper(SHORT, X), False),
        (paper(LONG, A), paper(LONG, "link:a.org/1"), True),
        (paper(SHORT, A), paper(SHORT, "link:a.org/1"), False),
        (paper("One", A, X), paper("Another", B, X), False),
        (paper("One", A, X), paper("Another", A, Y), True),
        (paper("One", A, X), paper("Another", X), True),
        (paper(LONG, A, X), paper(LONG, B), False),
        (paper(LONG, A, X), paper(LONG, Y), False),
    ],
)
def test_a_shared_name_makes_one_work_of_two(one: Paper, other: Paper, same: bool) -> None:
    """An arXiv id or DOI always, a title with caution; two arXiv ids are two works."""
    for first, second in ((one, other), (other, one)):
        together, apart = [([0, 1], set())], [([0], set()), ([1], set())]
        assert works(first, second) == (together if same else apart)
        beside = {first.id} if same else set()
        assert works(second, kept=(first,)) == [([0], beside)]


@pytest.mark.parametrize("count", range(2, 7))
def test_a_title_tells_from_some_words_on(count: int) -> None:
    """The same title of four words makes a preprint's DOI and an arXiv id one work."""
    title = " ".join("abcdefg"[:count])
    assert (len(united(paper(title, A), paper(title, X))) == 1) == (count >= TELLING_TITLE)


def test_an_incoming_paper_can_make_one_of_two_kept() -> None:
    """The one that has both names is the proof; the work has everything of both."""
    kept = paper("One", A), paper("Another", X)
    (work,) = united(paper("A third", A, X), kept=kept)
    assert (work.kept, work.told) == ({A, X}, [0])
    names = {A, X, *map(title_id, ("One", "Another", "A third"))}
    assert work.names == names


def test_an_incoming_paper_makes_no_work_of_two_arxiv_ids() -> None:
    """Neither by a shared DOI and a shared title, nor by way of a paper that has no arXiv id."""
    kept = paper("One", X), paper(LONG, B)
    assert works(paper(LONG, A, X), kept=kept) == [([0], {X})]
    kept = paper("One", A, X), paper(LONG, B)
    assert works(paper(LONG, X), kept=kept) == [([0], {A})]
    assert works(paper(LONG, X), paper(LONG, A), paper(LONG, B)) == [([0, 1], set()), ([2], set())]


def test_duplicates_among_the_incoming_are_one_work() -> None:
    """Their places are told in order, also where the third joins the first two."""
    first, second, third = paper("One", A), paper("Another", X), paper("A third", A, X)
    assert works(first, first, first) == [([0, 1, 2], set())]
    assert works(first, second, third) == [([0, 1, 2], set())]
    assert works(first, second, paper("A fourth"), third) == [([0, 1, 3], set()), ([2], set())]
    assert works(second, first, third) == [([0, 1, 2], set())]
    assert works(first, second, third, kept=(second,)) == [([0, 1, 2], {X})]


def test_a_kept_paper_that_nothing_is_told_of_is_no_work() -> None:
    """Only what has news is returned, and nothing of nothing."""
    assert works(kept=(paper("One", A),)) == []
    assert works(paper("One", B), kept=(paper("Another", A),)) == [([0], set())]
    shared = paper(LONG, A)
    assert works(paper(LONG, B), kept=(shared,)) == [([0], set())]
