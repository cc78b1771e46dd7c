"""The page of one paper, read by its tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from time import monotonic

import pytest

from newsletter.errors import SourceError
from newsletter.papers import Paper, PaperId
from newsletter.sources.citation import CitationSource
from newsletter.sources.port import NEWS, Request
from tests.answers import answer, citation_page, seed

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
URL = "https://example.org/articles/1"

Tags = Sequence[tuple[str, str]] | Mapping[str, str]


def read(body: str | bytes, url: str = URL) -> Paper:
    source = CitationSource(url)
    (request,) = source.requests(NEWS, {}, NOW)
    assert request == Request(location=url)
    (harvest,) = source.read(request, answer(body, "text/html", where=url), NOW)
    (paper,) = harvest.papers
    assert (harvest.observations, harvest.refused, harvest.cursor) == ((), (), None)
    return paper


def tagged(tags: Tags, url: str = URL) -> Paper:
    return read(citation_page(seed(), tags), url)


def test_a_page_is_read_whole() -> None:
    """Every tag that Google Scholar asks publishers for."""
    paper = tagged(
        [
            ("citation_author", "Author, Ann"),
            ("citation_author", "Bo Du"),
            ("citation_publication_date", "2026/03/09"),
            ("citation_journal_title", "Journal of Examples"),
            ("citation_doi", "10.1000/XYZ"),
            ("citation_pdf_url", "https://example.org/articles/1.pdf"),
            ("citation_abstract", seed().abstract),
        ]
    )
    assert paper == Paper(
        id=PaperId("doi:10.1000/xyz"),
        aliases=paper.aliases[-1:],
        title=seed().title,
        abstract=seed().abstract,
        authors=("Ann Author", "Bo Du"),
        published=date(2026, 3, 9),
        url=URL,
        pdf_url="https://example.org/articles/1.pdf",
        code_url="https://github.com/Francis-Rings/ILA",
        journal="Journal of Examples",
    )


@pytest.mark.parametrize("place", range(0, 70, 7))
def test_titles_of_the_seed_are_read(place: int) -> None:
    """Whatever signs they hold."""
    assert read(citation_page(seed(place))).title == seed(place).title


@pytest.mark.parametrize(
    ("tags", "url", "name"),
    [
        ({}, URL, "link:example.org/articles/1"),
        ({"citation_doi": "10.1000/xyz"}, URL, "doi:10.1000/xyz"),
        ({"citation_doi": "https://doi.org/10.1000/xyz"}, URL, "doi:10.1000/xyz"),
        ({"DC.Identifier": "doi:10.1000/xyz"}, URL, "doi:10.1000/xyz"),
        ({"prism.doi": "10.1000/xyz"}, URL, "doi:10.1000/xyz"),
        ({"citation_arxiv_id": "2603.90001"}, URL, "arxiv:2603.90001"),
        ({"citation_arxiv_id": "2603.90001", "citation_doi": "10.1000/x"}, URL, "arxiv:2603.90001"),
        ({"citation_doi": "none"}, URL, "link:example.org/articles/1"),
        ({}, "https://arxiv.org/abs/2603.90001v2", "arxiv:2603.90001"),
        ({}, "https://example.org/doi/10.1000/xyz", "doi:10.1000/xyz"),
        ({}, "https://example.org/", seed().id),
    ],
)
def test_how_a_page_is_named(tags: Tags, url: str, name: str) -> None:
    """By arXiv id or DOI of its tags or its address, else by the address."""
    paper = tagged(tags, url)
    assert (paper.id, paper.url) == (name, url)


@pytest.mark.parametrize(
    ("tags", "authors"),
    [
        ([], ()),
        ([("citation_author", "Ann Author")], ("Ann Author",)),
        ([("citation_author", "Author, Ann"), ("citation_author", "Bo")], ("Ann Author", "Bo")),
        ([("citation_authors", "Author, Ann; Du, Bo")], ("Ann Author", "Bo Du")),
        ([("citation_authors", "Ann Author;Bo Du;")], ("Ann Author", "Bo Du")),
        ([("DC.Creator", "Author, Ann"), ("DC.creator", "Du, Bo")], ("Ann Author", "Bo Du")),
        ([("dc.creator", "No One"), ("citation_author", "Ann Author")], ("Ann Author",)),
        ([("citation_author", "<b>Ann</b> \u202eLi"), ("citation_author", " ")], ("Ann Li",)),
    ],
)
def test_the_several_forms_of_authors(tags: Tags, authors: tuple[str, ...]) -> None:
    """A tag each or one for all, "Author, Ann" turned round."""
    assert tagged(tags).authors == authors


@pytest.mark.parametrize(
    ("told", "day"),
    [
        ("2026/03/09", date(2026, 3, 9)),
        ("2026/3/9", date(2026, 3, 9)),  # as Google Scholar's own example
        ("2026-03-09", date(2026, 3, 9)),
        ("2026-03-09T10:00:00+01:00", date(2026, 3, 9)),
        ("2026/03", date(2026, 3, 1)),
        (" 2026 ", date(2026, 1, 1)),
        ("March 2026", None),
        ("2026/13/01", None),
        ("2026-02-30", None),
        ("0000", None),
        ("20261", None),
        ("٢٠٢٦", None),
    ],
)
@pytest.mark.parametrize("name", ["citation_publication_date", "citation_date", "DC.Date"])
def test_dates(name: str, told: str, day: date | None) -> None:
    """A day, a month or a year; the first day of what is told."""
    assert tagged({name: told}).published == day


@pytest.mark.parametrize(
    ("tags", "title", "abstract", "journal"),
    [
        ({"og:title": "A", "og:description": "B", "og:site_name": "C"}, "A", "B", ""),
        ({"DC.Title": "A", "DC.Description": "B"}, "A", "B", ""),
        ({"twitter:title": "A", "description": "B"}, "A", "B", ""),
        ({"og:title": "No", "citation_title": "A", "citation_conference_title": "C"}, "A", "", "C"),
    ],
)
def test_other_tags_stand_in(tags: Tags, title: str, abstract: str, journal: str) -> None:
    """OpenGraph's and Dublin Core's, where Google Scholar's are absent."""
    paper = read(citation_page(seed(), tags, titled=False))
    assert (paper.title, paper.abstract, paper.journal) == (title, abstract, journal)


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<meta name=citation_title content=Word>", "Word"),
        ("<META NAME='Citation_Title' CONTENT='A title'/>", "A title"),
        ('<meta property="og:title" content="A title">', "A title"),
        ('<meta content="A &amp; B &lt; C" name="citation_title">', "A & B < C"),
        ('<meta name="citation_title" content="A &lt;i&gt;nice&lt;/i&gt; title">', "A nice title"),
        ('<meta name="citation_title" content="A\n  wrapped\x00 \u202etitle">', "A wrapped title"),
        ('<meta name="citation_title"><meta name="citation_title" content="A">', "A"),
        ('<meta name="citation_title" content="A"><meta name="citation_title" content="B">', "A"),
        ('<meta name="citation_title" content="A"', None),
        ('<!-- <meta name="citation_title" content="A"> -->', None),
        ('<script><meta name="citation_title" content="A"></script>', None),
        ('<meta name="citation_title" content="\u200b">', None),
        ("<title>A title</title>", None),
        ("", None),
        ("%PDF-1.7 \ufffd", None),
        ('{"title": "A"}', None),
    ],
)
def test_only_tags_tell_a_title(page: str, title: str | None) -> None:
    """However they are written; a page without is refused, and the person told what helps."""
    if title is None:
        with pytest.raises(
            SourceError, match=f"{URL}: the page does not tell a title; give one by"
        ):
            read(page)
    else:
        assert read(page).title == title


def test_bytes_that_are_no_utf8_lose_only_themselves() -> None:
    """The rest of the page is read."""
    paper = read(citation_page(seed(), {"citation_author": "Bö Du"}).encode("latin-1", "replace"))
    assert paper.authors == ("B\ufffd Du",)


def test_an_address_that_is_none_is_left_out() -> None:
    """A page may say anything."""
    assert tagged({"citation_pdf_url": "javascript:alert(1)"}).pdf_url is None


@pytest.mark.parametrize(
    "heap",
    [
        "<meta " * 200_000,
        "<meta name='" * 100_000,
        "<!--" * 200_000,
        "<![CDATA[" * 100_000,
        "<meta name='citation_author' content='Author, A.'>" * 20_000,
        "<meta name='citation_abstract' content='" + "&lt;script&gt;" * 100_000 + "'>",
        "<div>" * 200_000,
        "&#" * 500_000,
    ],
    ids=["tags", "quotes", "comments", "sections", "authors", "abstract", "deep", "entities"],
)
def test_a_monstrous_page_is_read_quickly(heap: str) -> None:
    """Bounded in time, and in what is kept."""
    start = monotonic()
    paper = read(citation_page(seed()).replace("</head>", heap + "</head>"))
    assert monotonic() - start < 5
    assert paper.title == seed().title
    assert len(paper.authors) <= 5000
    assert len(paper.abstract) <= 20_000
