"""Papers kept on both databases: one work is one paper, whoever tells of it, in whatever order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from newsletter.errors import RequestError
from newsletter.identity import identify
from newsletter.papers import Observation, Paper, PaperId
from newsletter.store import papers
from newsletter.store.database import Database
from newsletter.store.schema import observations, paper_records
from newsletter.store.schema import papers as table

NOW = datetime(2026, 3, 12, 6, tzinfo=UTC)
TITLE = "Five words make a title"
TRUST = {"page": 20, "huggingface": 50, "arxiv": 80}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    made.upgrade()
    yield made
    made.close()


def paper(
    title: str = TITLE, *, arxiv: str | None = None, doi: str | None = None, **more: object
) -> Paper:
    names = identify(arxiv=arxiv, doi=doi, title=title)
    return Paper(id=names[0], aliases=names[1:], title=title, **more)  # type: ignore[arg-type]


def put(
    database: Database, source: str, *found: Paper, now: datetime = NOW, known_only: bool = False
) -> papers.Put:
    with database.write() as connection:
        return papers.put(
            connection, found, now, source=source, trust=TRUST[source], known_only=known_only
        )


def kept(database: Database) -> list[papers.Kept]:
    with database.read() as connection:
        return [one for batch in papers.in_batches(connection, None) for one in batch]


FROM_PAGE = paper(abstract="The page's words.")
FROM_HF = paper(arxiv="2603.00001", abstract="Copied words.", code_url="https://github.com/a/b")
FROM_ARXIV = paper(arxiv="2603.00001v2", doi="10.1000/x", abstract="Their own.", classes=("cs.CL",))
SAID = {"page": FROM_PAGE, "huggingface": FROM_HF, "arxiv": FROM_ARXIV}


@pytest.mark.parametrize("order", list(itertools.permutations(SAID)))
def test_the_order_in_which_sources_tell_does_not_matter(
    database: Database, order: tuple[str, ...]
) -> None:
    """Title, arXiv id and DOI of one work make one paper, each field from whom it trusts most."""
    for source in order:
        put(database, source, SAID[source])
    (one,) = kept(database)
    assert one.paper.names == (
        "arxiv:2603.00001",
        "doi:10.1000/x",
        *identify(title=TITLE),
    )
    assert one.paper.abstract == "Their own."
    assert one.paper.code_url == "https://github.com/a/b"
    assert one.paper.classes == ("cs.CL",)
    with database.read() as connection:
        records, merged = papers.origins(connection, one.paper.id)
    assert [record.source for record in records] == ["arxiv", "huggingface", "page"]
    assert (merged.origins["abstract"], merged.origins["code_url"]) == ("arxiv", "huggingface")


def test_a_paper_is_found_under_every_name_it_has_or_had(database: Database) -> None:
    """By its old id, an address, a DOI, the beginning of an id; an unknown one is told."""
    put(database, "page", FROM_PAGE)
    put(database, "arxiv", FROM_ARXIV)
    names = (FROM_PAGE.id, "2603.00001v1", "https://arxiv.org/abs/2603.00001", "10.1000/X", "arxi")
    with database.read() as connection:
        assert {papers.get(connection, name).paper.id for name in names} == {"arxiv:2603.00001"}
        for unknown in ("2603.00002", "%", "arxiv_2603"):
            with pytest.raises(RequestError, match="There is no paper"):
                papers.get(connection, unknown)


def test_saying_the_same_again_changes_nothing(database: Database) -> None:
    """A paper is new once; what is unchanged is not written."""
    assert put(database, "huggingface", FROM_HF).new == 1
    again = put(database, "huggingface", FROM_HF, now=NOW + timedelta(days=1))
    assert (again.new, again.changed, again.ids) == (0, 0, {FROM_HF.id: FROM_HF.id})
    (one,) = kept(database)
    assert one.first_seen_at == NOW


def test_what_a_source_is_silent_about_it_still_says(database: Database) -> None:
    """A feed that tells less than a query did takes nothing away; what it tells anew counts."""
    put(database, "arxiv", replace(FROM_ARXIV, comment="44 pages", version=1))
    done = put(database, "arxiv", paper(arxiv="2603.00001", abstract="Newer.", version=2))
    assert done.changed == 1
    (one,) = kept(database)
    assert (one.paper.comment, one.paper.abstract, one.paper.version) == ("44 pages", "Newer.", 2)


def test_a_paper_with_all_it_can_have_is_read_back(database: Database) -> None:
    """Columns, lists and the rest of it, and every value of an observation; told again it stays."""
    full = paper(
        arxiv="2603.00001",
        doi="10.1000/x",
        abstract='A "quoted" \\ caf\u00e9, 1 < 2 %s :x.',
        authors=("Ann Lee", "Jos\u00e9 Ek"),
        classes=("cs.CL",),
        published=date(2026, 3, 1),
        updated=date(2026, 3, 2),
        version=2,
        announced=NOW - timedelta(hours=1, microseconds=5),
        url="https://example.org/a?b=%20",
        code_guessed=True,
        code_url="https://github.com/a/b",
        media_urls=("https://example.org/1.mp4",),
    )
    seen = Observation(
        paper_id=full.id, source="a", at=NOW, position=1, of=2, listed=NOW.date(), votes=0, stars=4
    )
    for new in (1, 0):
        done = put(database, "arxiv", full, now=NOW + timedelta(days=1))
        assert (done.new, done.changed) == (new, 0)
        with database.write() as connection:
            assert papers.observe(connection, [seen, seen], done.ids) == new
    (one,) = kept(database)
    assert one.observations == (seen,)
    with database.read() as connection:
        (record,), merged = papers.origins(connection, full.id)
    assert record.paper == merged.paper == one.paper == full
    assert one.first_seen_at == full.announced


def test_two_papers_that_turn_out_to_be_one_become_one(database: Database) -> None:
    """Records, observations and names move to the stronger id; what both had is there once."""
    by_doi, by_arxiv = paper("A preprint here", doi="10.1000/x"), paper(arxiv="2603.00001")
    put(database, "page", by_doi)
    put(database, "huggingface", by_arxiv)
    both = [
        Observation(paper_id=one.id, source="list", at=NOW + timedelta(hours=hour), votes=hour)
        for one, hours in ((by_doi, (0, 1)), (by_arxiv, (1, 2)))
        for hour in hours
    ]
    with database.write() as connection:
        ids = {one.id: one.id for one in (by_doi, by_arxiv)}
        assert papers.observe(connection, both, ids) == 4
        assert papers.count(connection) == 2
    put(database, "arxiv", FROM_ARXIV)
    (one,) = kept(database)
    assert one.paper.id == "arxiv:2603.00001"
    assert [seen.votes for seen in one.observations] == [0, 1, 2]
    with database.read() as connection:
        assert papers.count(connection) == 1
        assert papers.get(connection, "10.1000/x").paper.id == one.paper.id
        pointer = connection.execute(select(table.c.same_as).where(table.c.id == by_doi.id))
        assert pointer.scalar_one() == one.paper.id
        assert connection.scalar(select(func.count()).select_from(paper_records)) == 3


def test_a_paper_was_first_seen_when_it_was_first_announced(database: Database) -> None:
    """That instant moves back when a source knows of an earlier one, and never forward."""
    early, late = NOW - timedelta(days=3), NOW - timedelta(days=1)
    put(database, "huggingface", replace(FROM_HF, announced=late))
    assert kept(database)[0].first_seen_at == late
    put(database, "arxiv", replace(FROM_ARXIV, announced=early), now=NOW + timedelta(days=9))
    assert kept(database)[0].first_seen_at == early


def test_news_of_unknown_papers_is_passed_over(database: Database) -> None:
    """A replacement of a paper nobody told of before makes no paper and no observation."""
    put(database, "huggingface", FROM_HF)
    stranger = paper("Another title of five words", arxiv="2603.00009")
    done = put(database, "arxiv", FROM_ARXIV, stranger, known_only=True)
    assert (done.new, done.changed, set(done.ids)) == (0, 1, {FROM_ARXIV.id})
    seen = Observation(paper_id=stranger.id, source="arxiv", at=NOW)
    with database.write() as connection:
        assert papers.observe(connection, [seen], done.ids) == 0


def test_observations_are_appended_once_an_instant(database: Database) -> None:
    """The same instant of the same source is the same observation, whatever it says later."""
    ids = put(database, "huggingface", FROM_HF).ids
    first = Observation(
        paper_id=FROM_HF.id, source="a", at=NOW, listed=date(2026, 3, 11), votes=3, comments=1
    )
    with database.write() as connection:
        assert papers.observe(connection, [first], ids) == 1
        assert papers.observe(connection, [replace(first, votes=9)], ids) == 0
        later = replace(first, votes=9, at=NOW + timedelta(hours=1))
        assert papers.observe(connection, [later, replace(later, source="b")], ids) == 2
    assert [seen.votes for seen in kept(database)[0].observations] == [3, 9, 9]


def test_candidates_are_new_listed_lately_or_named(database: Database) -> None:
    """A late riser in today's list counts although it was announced long ago."""
    long_ago = NOW - timedelta(days=30)
    old, riser, pinned = (
        paper(f"Paper number {word} of this test", announced=long_ago)
        for word in ("one", "two", "three")
    )
    ids = put(database, "page", old, riser, pinned, FROM_HF).ids
    seen = Observation(paper_id=riser.id, source="a", at=NOW, listed=NOW.date(), votes=3)
    with database.write() as connection:
        papers.observe(connection, [seen], ids)
        found = papers.since(connection, NOW - timedelta(days=7), besides=[pinned.id])
    assert {one.paper.id for one in found} == {riser.id, pinned.id, FROM_HF.id}


def test_who_has_no_record_of_a_source_is_found_for_enriching(database: Database) -> None:
    """Only papers with an arXiv id, lately seen, of which arXiv has said nothing."""
    other = paper("Another title of five words", arxiv="2603.00002")
    old = paper(
        "An old title of five words", arxiv="2501.00001", announced=NOW - timedelta(days=90)
    )
    put(database, "huggingface", FROM_HF, other, old)
    put(database, "arxiv", FROM_ARXIV)
    put(database, "page", paper("No arXiv id for this one"))
    with database.read() as connection:
        asked = papers.without_record(
            connection, "arxiv", "arxiv", NOW - timedelta(days=30), limit=9
        )
    assert asked == [other.id]


def test_many_papers_cross_the_chunks(database: Database) -> None:
    """More than a statement takes; a paper told twice in one answer is there once."""
    many = [paper(f"Paper number {at} of many", arxiv=f"2603.{at:05}") for at in range(1201)]
    done = put(database, "huggingface", *many, many[3], many[700])
    assert (done.new, len(done.ids)) == (1201, 1201)
    assert len(kept(database)) == 1201
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(observations)) == 0
        assert papers.get(connection, "2603.01200").paper.title == "Paper number 1200 of many"


def test_a_name_that_is_anothers_stays_with_it(database: Database) -> None:
    """Two arXiv papers of one title are two; the title finds the one that came first."""
    first, second = paper(arxiv="2603.00001"), paper(arxiv="2603.00002")
    assert put(database, "huggingface", first, second).new == 2
    assert put(database, "huggingface", second).changed == 0
    with database.read() as connection:
        title = PaperId(identify(title=TITLE)[0])
        assert papers.get(connection, title).paper.id == first.id
        assert papers.get(connection, "2603.00002").paper.names == (second.id,)
