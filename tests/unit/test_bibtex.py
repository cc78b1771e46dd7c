"""Bibliographies as papers."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic

import pytest

from newsletter.errors import SourceError
from newsletter.papers import Paper, PaperId
from newsletter.sources.bibtex import BibtexSource
from newsletter.sources.files import FileOptions
from newsletter.sources.port import NEWS, Harvest
from tests.answers import answer, bibtex, seed

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
ARXIV, DOI = "https://arxiv.org/abs/2603.90001", "https://doi.org/10.1000/xyz"


def read(body: str | bytes) -> Harvest:
    source = BibtexSource("library", FileOptions(path=Path("library.bib")))
    (request,) = source.requests(NEWS, {}, NOW)
    assert request.suffixes == (".bib", ".bibtex")
    (harvest,) = source.read(request, answer(body, where="library.bib"), NOW)
    return harvest


def one(**fields: str) -> Paper:
    harvest = read(bibtex(seed(), **fields))
    assert harvest.refused == ()
    (paper,) = harvest.papers
    return paper


def test_an_entry_is_read_whole() -> None:
    """Every field that a bibliography tells; it says nothing of votes or announcements."""
    paper = one(
        abstract=seed().abstract,
        author="Author, Ann and B. M. Author",
        journal="Journal of Examples",
        month="mar",
        doi="10.1000/XYZ",
        url="https://example.org/articles/1",
        keywords="alignment, video; {LLM}",
        note="Best paper",
    )
    assert paper == Paper(
        id=PaperId("doi:10.1000/xyz"),
        aliases=paper.aliases[-1:],
        title=seed().title,
        abstract=seed().abstract,
        authors=("Ann Author", "B. M. Author"),
        published=date(2026, 3, 1),
        url="https://example.org/articles/1",
        code_url="https://github.com/Francis-Rings/ILA",
        journal="Journal of Examples",
        comment="Best paper",
        keywords=("alignment", "video", "{LLM}"),
    )
    assert read(bibtex(seed())).observations == ()


def test_the_whole_seed_is_a_bibliography() -> None:
    """The file's order, titles but for the braces that guard capitals."""
    papers = [seed(at) for at in range(70)]
    text = "".join(
        bibtex(paper, key=f"key{at}", title=f"{{{paper.title}}}") for at, paper in enumerate(papers)
    )
    harvest = read(text)
    assert harvest.refused == ()
    told = [paper.title.replace("{", "").replace("}", "") for paper in harvest.papers]
    assert told == [paper.title.replace("{", "").replace("}", "") for paper in papers]


@pytest.mark.parametrize(
    ("fields", "name", "url"),
    [
        ({"eprint": "2603.90001", "archiveprefix": "arXiv"}, "arxiv:2603.90001", ARXIV),
        ({"eprint": "2603.90001v2", "eprinttype": "arxiv"}, "arxiv:2603.90001", ARXIV),
        ({"eprint": "2603.90001"}, "arxiv:2603.90001", ARXIV),
        ({"EPRINT": "2603.90001", "ArchivePrefix": "arXiv"}, "arxiv:2603.90001", ARXIV),
        ({"eprint": "math/0309136"}, "arxiv:math/0309136", "https://arxiv.org/abs/math/0309136"),
        ({"journal": "arXiv:2603.90001"}, "arxiv:2603.90001", ARXIV),
        ({"note": "arXiv: 2603.90001"}, "arxiv:2603.90001", ARXIV),
        ({"doi": "10.48550/arXiv.2603.90001"}, "arxiv:2603.90001", ARXIV),
        ({"url": "http://arxiv.org/pdf/2603.90001v1"}, "arxiv:2603.90001", ARXIV),
        ({"doi": "10.1000/xyz"}, "doi:10.1000/xyz", DOI),
        ({"doi": "https://doi.org/10.1000/XYZ"}, "doi:10.1000/xyz", DOI),
        ({"doi": "doi: 10.1000/xyz"}, "doi:10.1000/xyz", DOI),
        ({"url": "https://example.org/a\\_b"}, "link:example.org/a_b", "https://example.org/a_b"),
        ({"url": "https://example.org/", "doi": "none"}, seed().id, "https://example.org/"),
        ({"eprint": "2603.90001", "archiveprefix": "hal"}, seed().id, None),
        ({"eprint": "12345678", "eprinttype": "pubmed"}, seed().id, None),
        ({}, seed().id, None),
    ],
)
def test_how_an_entry_is_named(fields: dict[str, str], name: str, url: str | None) -> None:
    """By arXiv id or DOI, wherever and however they are written, else by link or title."""
    paper = one(**fields)
    assert (paper.id, paper.url) == (name, url)


@pytest.mark.parametrize(
    ("told", "authors"),
    [
        ("Author, A. and Author, B.", ("A. Author", "B. Author")),
        ("Ann Author and Bo Du", ("Ann Author", "Bo Du")),
        ("Ann Author\n  AND\n  Bo Du", ("Ann Author AND Bo Du",)),  # BibTeX's word is lower case
        ("Ann Author\n  and\n  Bo Du", ("Ann Author", "Bo Du")),
        ("van der Author, Ann", ("Ann van der Author",)),
        ("Author, Jr., Ann", ("Ann Author Jr.",)),
        ("{The Example Collaboration}", ("The Example Collaboration",)),
        ("M{\\\"u}ller, Andr{\\'e}", ("Andr\\'e M\\\"uller",)),  # TeX is read by `rendering`
        ("Author, Ann and others", ("Ann Author",)),
        ("Brandt, Alexander and Sand, Candy", ("Alexander Brandt", "Candy Sand")),
        ("Author, \u202eAnn\u200b", ("Ann Author",)),
        ("", ()),
    ],
)
def test_authors_are_turned_round(told: str, authors: tuple[str, ...]) -> None:
    """Given name first; "others" is nobody."""
    assert one(author=told).authors == authors


@pytest.mark.parametrize(
    ("told", "title"),
    [
        ("{BERT} for {V}ideo", "BERT for Video"),
        ("{{BERT: All Guarded}}", "BERT: All Guarded"),
        ("A\n    wrapped   title", "A wrapped title"),
        ('Schr{\\"o}dinger and $x^{2}$', 'Schr\\"odinger and $x^{2}$'),
        ("{\\o}re {\\O} {$\\alpha$}", "\\o{}re \\O $\\alpha$"),
        ("\\emph{an {A}} \\{set\\} x}", "\\emph{an A} \\{set\\} x"),
        ("A <b>bold</b> title\u202e", "A bold title"),
    ],
)
def test_titles_lose_what_only_guards(told: str, title: str) -> None:
    """Accents and formulas are kept for `rendering`."""
    assert one(title=told).title == title


@pytest.mark.parametrize(
    ("fields", "day"),
    [
        ({"year": "2026"}, date(2026, 1, 1)),
        ({"year": "2026", "month": "3"}, date(2026, 3, 1)),
        ({"year": "2026", "month": "March"}, date(2026, 3, 1)),
        ({"year": "2026", "month": "SEP"}, date(2026, 9, 1)),
        ({"year": "", "date": "2026-03-05"}, date(2026, 3, 5)),
        ({"year": "", "date": "2026-03-05/2026-03-09"}, date(2026, 3, 5)),
        ({"year": "", "date": "2026-03"}, date(2026, 3, 1)),
        ({"year": "", "date": "2026"}, date(2026, 1, 1)),
        ({"year": ""}, None),
        ({"year": "in press"}, None),
        ({"year": "2026", "month": "13"}, None),
        ({"year": "2026", "month": "spring"}, None),
        ({"year": "99999"}, None),
        ({"year": "", "date": "2026-02-30"}, None),
    ],
)
def test_dates(fields: dict[str, str], day: date | None) -> None:
    """BibTeX's year and month, or biblatex's date; the first day of what is told."""
    assert one(**fields).published == day


def test_months_may_be_bibtexs_own_words() -> None:
    """They stand without braces."""
    text = bibtex(seed()).replace("year = {2026}", "year = 2026,\n  month = mar")
    (paper,) = read(text).papers
    assert paper.published == date(2026, 3, 1)


def test_strings_comments_and_preambles_are_no_entries() -> None:
    """An abbreviation is put in where it is used."""
    text = (
        '@string{joe = "Journal of Examples"}\n@comment{Nothing.}\n@preamble{"\\newcommand"}\n'
        "Words between.\n" + bibtex(seed()).replace("year = {2026}", "journal = joe")
    )
    harvest = read(text)
    assert [paper.journal for paper in harvest.papers] == ["Journal of Examples"]
    assert harvest.refused == ()


def test_entries_that_cannot_be_read_are_told_with_their_line() -> None:
    """Those beside them are kept."""
    text = "\n".join(
        [
            "@misc{first, title = {One}}",
            "@misc{untitled, year = 2026}",
            "@misc{first, title = {Another of this key}}",
            "@misc{twice, title = {Two}, title = {Three}}",
            "@misc{open, title = {Not closed",
            '@misc{last, title = "Four"}',
        ]
    )
    harvest = read(text)
    assert [paper.title for paper in harvest.papers] == ["One", "Four"]
    assert len(harvest.refused) == 4
    for told in (
        "line 2, untitled: it has no title",
        "line 3: Duplicate entry key 'first'",
        "line 4: Duplicate field keys on entry: 'title'",
        "line 5: Unexpected block start: `@misc`",
    ):
        assert sum(refused.startswith(told) for refused in harvest.refused) == 1


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("Just words.", "library.bib, line 1: no BibTeX entry in it"),
        ("<!doctype html><p>Hello", "library.bib, line 1: no BibTeX entry in it"),
        ('{"title": "A"}', "library.bib, line 1: no BibTeX entry in it"),
        (b"@misc{a,\n title = {Schr\xf6dinger}}", "library.bib, line 2: not UTF-8 text"),
        ("@misc{a, title = {One}}".encode("utf-16"), "library.bib, line 1: not UTF-8 text"),
    ],
)
def test_what_is_no_bibliography_is_refused(body: str | bytes, told: str) -> None:
    """With the place."""
    with pytest.raises(SourceError, match=told):
        read(body)


@pytest.mark.parametrize("body", ["", "\n \n", "\ufeff"])
def test_an_empty_file_is_nothing(body: str) -> None:
    """It holds no paper and nothing wrong."""
    assert read(body) == Harvest()


def test_a_paper_of_a_conference_names_its_book() -> None:
    """Where there is no journal."""
    assert one(booktitle="Proceedings of {E}xamples").journal == "Proceedings of Examples"
    assert one(booktitle="Proceedings", journal="Journal").journal == "Journal"


def test_the_mark_some_editors_put_in_front_is_no_part_of_the_text() -> None:
    """U+FEFF, as Windows writes it."""
    assert len(read(b"\xef\xbb\xbf" + bibtex(seed()).encode()).papers) == 1


def test_a_bibliography_cut_anywhere_holds_whole_entries() -> None:
    """What is left of the last entry is told, never taken for one."""
    text = "".join(bibtex(seed(at), key=f"key{at}") for at in range(3))
    whole = [paper.title for paper in read(text).papers]
    for end in range(len("@article{"), len(text.rstrip()), 7):
        cut = text[:end].rstrip()
        harvest = read(cut)
        titles = [paper.title for paper in harvest.papers]
        assert titles == whole[: len(titles)]
        begun = "{" in cut[cut.rfind("@") :] and not cut.endswith("\n}")
        assert len(harvest.refused) == begun


def test_the_parser_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """What it cannot read is told once, by us."""
    with caplog.at_level(logging.DEBUG):
        read("@misc{a, title = {One}}\n@misc{b title")
    assert caplog.records == []


@pytest.mark.parametrize(
    "body",
    [
        "@misc{a, title = {" + "{" * 50_000 + "x" + "}" * 50_000 + "}}",
        "@misc{" * 20_000,
        "@misc{a, title = {" + "x" * 5_000_000 + "}}",
        "@misc{a, title = {A}, author = {" + "Author, A. and " * 20_000 + "Author, B.}}",
    ],
    ids=["braces", "openings", "title", "authors"],
)
def test_a_monstrous_entry_is_read_or_refused_quickly(body: str) -> None:
    """Bounded in time, and in what is kept."""
    start = monotonic()
    harvest = read(body)
    assert monotonic() - start < 10
    assert harvest.papers or harvest.refused
    for paper in harvest.papers:
        assert len(paper.title) <= 500
        assert len(paper.authors) <= 5000
