"""Any Atom or RSS feed as papers, and the guards around what strangers call a feed."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import monotonic, process_time
from xml.sax.saxutils import escape

import pytest

from newsletter.errors import SourceError
from newsletter.papers import Paper, PaperId
from newsletter.sources.feed import FeedOptions, FeedSource
from newsletter.sources.port import NEWS, Ask, Harvest, Request
from tests.answers import answer, biorxiv_rss, blog_atom, seed

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
DOI, ARXIV = "doi:10.1000/xyz", "arxiv:2603.90001"
SOURCE = FeedSource("journal", FeedOptions(url="https://example.org/feed"))


def request(newest: str = "") -> Request:
    (one,) = SOURCE.requests(NEWS, {"newest": newest} if newest else {}, NOW)
    return one


def read(body: str | bytes, kind: str = "", newest: str = "", now: datetime = NOW) -> Harvest:
    (harvest,) = SOURCE.read(request(newest), answer(body, kind), now)
    return harvest


def rss(item: str, head: str = '<?xml version="1.0" encoding="utf-8"?>') -> str:
    """RSS 2.0 with one item."""
    spaces = (
        'xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/"'
    )
    return f'{head}\n<rss version="2.0" {spaces}><channel><title>t</title>{item}</channel></rss>'


def item(
    more: str = "", *, title: str = "A title", link: str | None = "https://example.org/articles/1"
) -> str:
    linked = f"<link>{escape(link)}</link>" if link is not None else ""
    return f"<item><title>{title}</title>{linked}{more}</item>"


def one(body: str | bytes, kind: str = "") -> Paper:
    harvest = read(body, kind)
    assert harvest.refused == ()
    (paper,) = harvest.papers
    return paper


# What is asked


def test_the_feed_is_asked_where_it_has_changed() -> None:
    """Whatever somebody asks for: a feed has no days."""
    expected = Request(
        location="https://example.org/feed", context={"newest": "2026-03-09"}, conditional=True
    )
    for ask in (NEWS, Ask(since=date(2026, 3, 1))):
        assert list(SOURCE.requests(ask, {"newest": "2026-03-09"}, NOW)) == [expected]
    assert request().context == {"newest": ""}


# What entries hold


def test_an_entry_of_biorxiv_is_read_whole() -> None:
    """RSS 1.0: the DOI as the name, family names turned round, the day alone."""
    paper = one(biorxiv_rss(seed()))
    assert paper == Paper(
        id=PaperId("doi:10.1101/2026.03.10.900001"),
        aliases=paper.aliases[-1:],
        title=seed().title,
        abstract=seed().abstract,
        authors=("A. Author", "B. C. Author"),
        published=date(2026, 3, 10),
        announced=datetime(2026, 3, 10, tzinfo=UTC),
        url="http://example.org/cgi/content/2026.03.10.900001v1?rss=1",
        code_url="https://github.com/Francis-Rings/ILA",
        journal="An example of a server",
    )


def test_an_entry_of_a_blog_is_read_whole() -> None:
    """Atom: the link as the name, made whole by the feed's base, HTML taken off the text."""
    paper = one(blog_atom(seed()))
    assert paper == Paper(
        id=PaperId("link:example.org/blog/posts/0"),
        aliases=paper.aliases[-1:],
        title=seed().title,
        abstract=seed().abstract,
        authors=("A. Author",),
        published=date(2026, 3, 10),
        announced=datetime(2026, 3, 10, 6, tzinfo=UTC),
        url="https://example.org/blog/posts/0",
        code_url="https://github.com/Francis-Rings/ILA",
    )


@pytest.mark.parametrize("write", [biorxiv_rss, blog_atom])
def test_the_feeds_order_is_kept(write: object) -> None:
    """Nine papers, titles and abstracts as they were."""
    assert callable(write)
    papers = [seed(at) for at in range(9)]
    harvest = read(write(*papers))
    assert [paper.title for paper in harvest.papers] == [paper.title for paper in papers]
    assert [paper.abstract for paper in harvest.papers] == [paper.abstract for paper in papers]
    assert harvest.cursor == {"newest": "2026-03-10"}


@pytest.mark.parametrize(
    ("more", "link", "name"),
    [
        ("<dc:identifier>doi:10.1000/xyz</dc:identifier>", "https://example.org/1", DOI),
        ("<dc:identifier>10.1000/XYZ</dc:identifier>", "https://example.org/1", DOI),
        ("<prism:doi>10.1000/xyz</prism:doi>", "https://example.org/1", DOI),
        ("<dc:identifier>urn:x:1</dc:identifier>", "https://doi.org/10.1000/xyz", DOI),
        ("", "https://example.org/doi/full/10.1000/xyz", DOI),
        ("<prism:doi>none</prism:doi>", "https://example.org/1", "link:example.org/1"),
        ("", "https://arxiv.org/abs/2603.90001v2", ARXIV),
        (
            '<guid isPermaLink="false">oai:arXiv.org:2603.90001v1</guid>',
            "https://example.org/1",
            ARXIV,
        ),
        ("", "https://www.example.org/a/?id=7&utm_source=rss", "link:example.org/a?id=7"),
    ],
)
def test_how_an_entry_is_named(more: str, link: str, name: str) -> None:
    """By an arXiv id or a DOI, wherever the publisher puts it, else by the link."""
    paper = one(rss(item(more, link=link)))
    assert (paper.id, paper.url) == (name, link)
    assert paper.aliases[-1].startswith("title:")


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ("<prism:doi>10.1000/xyz</prism:doi>", "https://doi.org/10.1000/xyz"),
        ("<dc:identifier>doi:10.1000/xyz</dc:identifier>", "https://doi.org/10.1000/xyz"),
        (
            "<dc:identifier>https://doi.org/10.1000/xyz</dc:identifier>",
            "https://doi.org/10.1000/xyz",
        ),
        ("<guid>https://example.org/1</guid>", "https://example.org/1"),
    ],
)
def test_an_entry_without_a_link_gets_one(more: str, url: str) -> None:
    """Of its DOI, however that is written, or of the id that is a link."""
    assert one(rss(item(more, link=None))).url == url


def test_a_paper_of_arxiv_has_its_pdf() -> None:
    """The version is left to arXiv."""
    paper = one(rss(item(link="https://arxiv.org/abs/2603.90001v2")))
    assert paper.pdf_url == "https://arxiv.org/pdf/2603.90001"
    assert one(rss(item())).pdf_url is None


@pytest.mark.parametrize(
    ("more", "authors"),
    [
        ("", ()),
        ("<dc:creator>Ann Author</dc:creator>", ("Ann Author",)),
        ("<dc:creator>Ann Author</dc:creator><dc:creator>Bo</dc:creator>", ("Ann Author", "Bo")),
        ("<dc:creator>Ann Author, Bo Du</dc:creator>", ("Ann Author", "Bo Du")),
        ("<dc:creator>Ann Author, Bo Du and Cy Li</dc:creator>", ("Ann Author", "Bo Du", "Cy Li")),
        ("<dc:creator>Author, A., Author, B. C.</dc:creator>", ("A. Author", "B. C. Author")),
        ("<dc:creator>van Author, J.-P., Đuro, Đ.</dc:creator>", ("J.-P. van Author", "Đ. Đuro")),
        ("<dc:creator>Author, AB, Author, C</dc:creator>", ("AB Author", "C Author")),
        ("<dc:creator>Author, A.; Author, B. C.</dc:creator>", ("A. Author", "B. C. Author")),
        ("<dc:creator>Author, Ann; Du, Bo;</dc:creator>", ("Ann Author", "Bo Du")),
        ("<dc:creator>Ann Author; Bo Du</dc:creator>", ("Ann Author", "Bo Du")),
        ("<author>a@example.org (Ann Author)</author>", ("Ann Author",)),
        ("<dc:creator>&lt;b&gt;Ann&lt;/b&gt; \u202eAuthor</dc:creator>", ("Ann Author",)),
        (f"<dc:creator>{'x' * 300}</dc:creator>", ("x" * 199 + "…",)),
    ],
)
def test_the_several_forms_of_authors(more: str, authors: tuple[str, ...]) -> None:
    """An element each, or a line for all; given names first."""
    assert one(rss(item(more))).authors == authors


@pytest.mark.parametrize(
    ("told", "abstract"),
    [
        ("Plain words.", "Plain words."),
        ("&lt;p&gt;Two&lt;/p&gt;&lt;p&gt;paragraphs.&lt;/p&gt;", "Two paragraphs."),
        ("<![CDATA[<p>A <i>word</i> &amp; more&nbsp;text.</p>]]>", "A word & more text."),
        ("<![CDATA[Text<script>alert(1)</script><style>p{}</style>.]]>", "Text ."),
        ("<![CDATA[<jats:p>For x < y and y > z.</jats:p>]]>", "For x < y and y > z."),
        ("<![CDATA[<img src='https://example.org/pixel'>A picture.]]>", "A picture."),
        ("Words\u202e and\u200b more\ufeff.", "Words and more."),
        ("", ""),
    ],
)
@pytest.mark.parametrize("element", ["description", "content:encoded"])
def test_abstracts_are_plain_text(told: str, abstract: str, element: str) -> None:
    """HTML, once or twice escaped, becomes one paragraph."""
    assert one(rss(item(f"<{element}>{told}</{element}>"))).abstract == abstract


def test_a_summary_counts_before_the_whole_text() -> None:
    """A blog's feed often holds both."""
    more = "<description>Short.</description><content:encoded>Long.</content:encoded>"
    assert one(rss(item(more))).abstract == "Short."


@pytest.mark.parametrize(
    ("more", "announced"),
    [
        ("", ""),
        ("<pubDate>Tue, 10 Mar 2026 22:00:00 -0400</pubDate>", "2026-03-11T02:00:00+00:00"),
        ("<pubDate>Tue, 10 Mar 2026 06:00:00 GMT</pubDate>", "2026-03-10T06:00:00+00:00"),
        ("<dc:date>2026-03-10</dc:date>", "2026-03-10T00:00:00+00:00"),
        ("<dc:date>2026-03-10T06:00:00+02:00</dc:date>", "2026-03-10T04:00:00+00:00"),
        ("<pubDate>soon</pubDate>", ""),
        ("<pubDate>Tue, 32 Mar 2026 06:00:00 GMT</pubDate>", ""),
        ("<pubDate>Sat, 31 Dec 2016 23:59:60 GMT</pubDate>", ""),  # a leap second
        ("<dc:date>0001-01-01</dc:date>", ""),
    ],
)
def test_dates(more: str, announced: str) -> None:
    """In UTC; what is no date is none."""
    paper = one(rss(item(more)))
    assert (paper.announced.isoformat() if paper.announced else "") == announced
    assert (paper.published.isoformat() if paper.published else "") == announced[:10]


def test_a_journals_issue_to_come_is_announced_now() -> None:
    """Its date is kept as it is told."""
    paper = one(rss(item("<dc:date>2030-01-01</dc:date>")))
    assert (paper.published, paper.announced) == (date(2030, 1, 1), NOW)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (item(title=""), "entry 2: it has no title"),
        (item(title="\u200b !"), "entry 2: it has no title"),
        (item(link=""), "entry 2: 'A title' has neither a DOI nor a link"),
        (item(link="https://example.org/"), "entry 2: 'A title' has neither a DOI nor a link"),
        (item(link="javascript:alert(1)"), "entry 2: 'A title' has neither a DOI nor a link"),
    ],
)
def test_an_entry_without_title_or_name_is_told(entry: str, told: str) -> None:
    """With its number; those beside it are kept."""
    harvest = read(rss(item() + entry + item()))
    assert harvest.refused == (told,)
    assert len(harvest.papers) == 2


# New, unchanged, stale


def test_the_cursor_is_the_newest_entrys_day() -> None:
    """It never goes back, and an entry without a date does not move it."""
    body = rss(item("<dc:date>2026-03-02</dc:date>") + item("<dc:date>2026-03-05</dc:date>"))
    assert read(body).cursor == {"newest": "2026-03-05"}
    assert read(body, newest="2026-03-04").cursor == {"newest": "2026-03-05"}
    assert read(body, newest="2026-03-09").cursor == {"newest": "2026-03-09"}
    assert read(rss(item()), newest="2026-03-09").cursor == {"newest": "2026-03-09"}
    assert read(rss(item())).cursor is None


def test_an_empty_feed_is_nothing_new() -> None:
    """As long as it is a feed."""
    assert read(rss("")) == Harvest()
    assert read(rss(""), newest="2026-03-09") == Harvest(cursor={"newest": "2026-03-09"})


@pytest.mark.parametrize(
    ("newest", "days", "is_stale"),
    [("2026-03-09", 14, False), ("2026-03-09", 15, True), ("", 400, False)],
)
def test_a_feed_without_news_for_two_weeks_is_told(newest: str, days: int, is_stale: bool) -> None:
    """Whether it answers unchanged or with old entries."""
    now = datetime(2026, 3, 9, 12, tzinfo=UTC) + timedelta(days=days)
    told = (f"stale: its newest entry is of {newest}",) if is_stale else ()
    (harvest,) = SOURCE.read(request(newest), replace(answer("", status=304), unchanged=True), now)
    assert harvest == Harvest(notes=told)
    assert read(rss(""), newest=newest, now=now).notes == told


# What strangers call a feed


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "application/atom+xml",
        "application/rss+xml; charset=utf-8",
        "text/xml",
        "application/xml; charset=UTF-8",
        "text/html; charset=utf-8",
        "text/plain",
        "application/octet-stream",
        "application/json",
        "binary/octet-stream; charset=nonsense",
    ],
)
def test_a_feed_is_one_whatever_its_content_type(kind: str) -> None:
    """Many a blog's server knows no better; the words are read all the same."""
    paper = replace(seed(), title="Schrödinger’s Katze – 薛定谔的猫")
    assert one(blog_atom(paper), kind).title == paper.title


@pytest.mark.parametrize(
    ("encoding", "kind"),
    [
        ("utf-8", ""),
        ("iso-8859-1", ""),
        ("windows-1252", "application/rss+xml"),
        ("utf-16", ""),
        ("utf-16-le", "application/rss+xml; charset=utf-16-le"),
    ],
)
def test_the_encoding_that_is_told_is_used(encoding: str, kind: str) -> None:
    """Told by the document itself or by the content type."""
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    body = rss(item(title="Schrödinger"), head).encode(encoding)
    assert one(body, kind).title == "Schrödinger"


def test_the_content_type_tells_the_encoding_where_the_document_does_not() -> None:
    """As RFC 7303 has it."""
    body = rss(item(title="Шрёдингер"), head='<?xml version="1.0"?>').encode("koi8-r")
    assert one(body, "application/rss+xml; charset=koi8-r").title == "Шрёдингер"


def test_a_wrong_charset_loses_no_entry() -> None:
    """Latin-1 that calls itself UTF-8 is read as what it is; the links are ASCII anyway."""
    body = rss(item(title="Schrödinger")).encode("latin-1")
    assert one(body).title == "Schrödinger"
    assert one(body, "application/rss+xml; charset=utf-8").title == "Schrödinger"


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        ("", "", "something else instead of Atom or RSS"),
        ("<!doctype html><html><p>Hello</html>", "text/html; charset=utf-8", "text/html instead"),
        ("{}", "application/json", "application/json instead of Atom or RSS"),
        (b"%PDF-1.7 \xff\xfe\x00", "application/pdf", "application/pdf instead of Atom or RSS"),
        (b"\x1f\x8b\x08\x00\x00", "", "something else instead of Atom or RSS"),
        ("<opml version='2.0'><body/></opml>", "text/xml", "text/xml instead of Atom or RSS"),
        ("https://example.org/feed", "text/plain", "text/plain instead of Atom or RSS"),
    ],
)
def test_what_is_no_feed_is_refused(body: str | bytes, kind: str, told: str) -> None:
    """With the place and what came instead."""
    with pytest.raises(SourceError, match=f"the answer: {told}"):
        read(body, kind)


@pytest.mark.parametrize("kind", ["", "application/octet-stream"])
def test_a_cut_feed_is_refused_with_its_line(kind: str) -> None:
    """Half a feed would look like a quiet day."""
    body = blog_atom(*(seed(at) for at in range(9)))
    for end in range(400, len(body.rstrip()) - 1, 997):
        with pytest.raises(SourceError, match="the XML is broken; is it cut") as caught:
            read(body[:end], kind)
        assert caught.value.line == body[:end].count("\n") + 1


def test_broken_xml_is_refused_with_its_line() -> None:
    """A tag that is not closed."""
    body = rss("\n\n<item><title>A title</item>")
    with pytest.raises(SourceError, match="the answer, line 4: the XML is broken"):
        read(body)


def bomb(layers: int, width: int = 10) -> str:
    """The billion laughs: every entity is ten of the one before."""
    lines = ['<!ENTITY a0 "lol">']
    lines += [f'<!ENTITY a{at} "{f"&a{at - 1};" * width}">' for at in range(1, layers)]
    head = f'<?xml version="1.0"?><!DOCTYPE rss [{"".join(lines)}]>'
    return rss(item(title=f"&a{layers - 1};"), head)


def blow_up() -> str:
    """One long entity, used often."""
    head = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "{"x" * 100_000}">]>'
    return rss(item(title="&a;" * 10_000), head)


@pytest.mark.parametrize("body", [bomb(10), blow_up()], ids=["laughs", "long"])
@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "the feed declares entities of its own"),
        ("utf-16", "the feed declares entities of its own"),
        ("utf-16-le", "the feed declares entities of its own"),
        ("utf-16-be", "the feed declares entities of its own"),
        ("utf-32", "the XML is broken"),  # the parser's own guard
        ("cp037", "the XML is broken"),
    ],
)
def test_a_bomb_of_entities_is_refused_fast(body: str, encoding: str, told: str) -> None:
    """In whatever encoding it hides."""
    raw = body.replace('"1.0"?', f'"1.0" encoding="{encoding}"?').encode(encoding)
    start = process_time()  # another's work on the same machine is not its own
    with pytest.raises(SourceError, match=told):
        read(raw)
    assert process_time() - start < 5


def test_nothing_is_fetched_for_a_feed() -> None:
    """Neither a document type nor a style sheet nor a base leads out."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        place = f"http://127.0.0.1:{server.getsockname()[1]}"
        head = (
            f'<?xml version="1.0"?><?xml-stylesheet href="{place}/x.xsl"?>'
            f'<!DOCTYPE rss SYSTEM "{place}/rss.dtd">'
        )
        more = f'<description xml:base="{place}/">&lt;img src="x"&gt;Words.</description>'
        assert one(rss(item(more), head)).abstract == "Words."
        with pytest.raises(SourceError, match="instead of Atom or RSS"):
            read(place)  # an address is no feed, and is not followed
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_path_is_no_feed(tmp_path: Path) -> None:
    """What is named by an answer is not opened."""
    file = tmp_path / "feed.xml"
    file.write_text(rss(item()), encoding="utf-8")
    with pytest.raises(SourceError, match="instead of Atom or RSS"):
        read(str(file))


def test_a_huge_entry_is_cut_to_size() -> None:
    """A megabyte of text are one bounded abstract, and the title stays one line."""
    start = monotonic()
    body = escape("<p>word</p> " * 100_000)
    paper = one(blog_atom(replace(seed(), title="long " * 1000), body=body))
    assert len(paper.abstract) == 20_000
    assert paper.abstract.endswith("word…")
    assert len(paper.title) == 500
    assert monotonic() - start < 10


def test_thousands_of_authors_are_bounded() -> None:
    """No more than the largest collaboration has."""
    more = "<author><name>B. Author</name></author>" * 6000
    assert len(one(blog_atom(seed(), more=more)).authors) == 5000
