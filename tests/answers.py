"""Answers of the upstreams, in the shapes they really have, filled with the seed's papers.

The ids are invented (no month of arXiv reaches 90,000 papers), and so is nobody's name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape, quoteattr
from zoneinfo import ZoneInfo

from newsletter.papers import Paper
from newsletter.sources.port import Answer
from tests.seed_papers import seed_papers

DAY = date(2026, 3, 10)  # a Tuesday
NEW_YORK = ZoneInfo("America/New_York")


def answer(
    body: str | bytes, content_type: str = "", status: int = 200, where: str = "the answer"
) -> Answer:
    """Some bytes as what came back."""
    raw = body.encode() if isinstance(body, str) else body
    return Answer(where=where, body=BytesIO(raw), content_type=content_type, status=status)


def seed(place: int = 0) -> Paper:
    """The paper at a place of the saved page, from 0."""
    return seed_papers()[place]


def number(place: int) -> str:
    """An arXiv id for it that no paper has."""
    return f"2603.{90_001 + place}"


# Hugging Face


def huggingface_row(paper: Paper, arxiv: str = "2603.90001", *, votes: int = 12) -> dict[str, Any]:
    """A row as of 2026."""
    member = {
        "_id": "650000000000000000000001",
        "avatarUrl": "/avatars/00000000.svg",
        "isPro": False,
        "fullname": "A. Member",
        "user": "a-member",
        "type": "user",
    }
    owner = {"_id": "650000000000000000000002", "name": "example-lab", "fullname": "Example Lab"}
    return {
        "paper": {
            "id": arxiv,
            "authors": [
                {
                    "_id": "650000000000000000000003",
                    "user": member,
                    "name": "A. Author",
                    "status": "claimed_verified",
                    "statusLastChangedAt": "2026-03-09T13:55:05.159Z",
                    "hidden": False,
                },
                {"_id": "650000000000000000000004", "name": "B. Author", "hidden": False},
            ],
            "publishedAt": "2026-03-09T02:30:00.000Z",
            "submittedOnDailyAt": "2026-03-10T04:05:06.877Z",
            "title": paper.title,
            "submittedOnDailyBy": member,
            "summary": paper.abstract,
            "upvotes": votes,
            "discussionId": "650000000000000000000005",
            "projectPage": "https://example.org/project",
            "githubRepo": "https://github.com/example/code",
            "githubRepoAddedBy": "user",
            "ai_summary": "A method is presented.",
            "ai_summary_model": "example/model",
            "ai_keywords": ["alignment", "video recognition"],
            "githubStars": 32,
            "organization": owner,
            "mediaUrls": ["https://cdn.example.org/film.mp4"],
        },
        "publishedAt": "2026-03-08T22:30:00.000Z",  # New York's time, labelled as UTC
        "title": paper.title,
        "summary": paper.abstract,
        "mediaUrls": ["https://cdn.example.org/film.mp4"],
        "thumbnail": f"https://cdn.example.org/social-thumbnails/papers/{arxiv}.png",
        "numComments": 3,
        "submittedBy": {**member, "name": "a-member", "isHf": False, "isMod": False},
        "organization": owner,
        "isAuthorParticipating": True,
    }


def huggingface_old_row(
    paper: Paper, arxiv: str = "2405.90001", *, votes: int = 12
) -> dict[str, Any]:
    """A row as of May 2024: wrapped titles, one picture, and little beside."""
    words = paper.title.split()
    middle = len(words) // 2
    return {
        "paper": {
            "id": arxiv,
            "authors": [
                {"_id": "650000000000000000000003", "name": "A. Author", "hidden": False},
                {"_id": "650000000000000000000004", "name": "B. Author", "hidden": False},
            ],
            "publishedAt": "2024-05-24T17:34:15.000Z",
            "title": " ".join(words[:middle]) + "\n  " + " ".join(words[middle:]),
            "summary": paper.abstract.replace(". ", ".\n"),
            "upvotes": votes,
        },
        "publishedAt": "2024-05-27T03:50:58.348Z",  # of the submission to the list
        "title": paper.title,
        "mediaUrl": f"https://cdn.example.org/social-thumbnails/papers/{arxiv}.png",
        "numComments": 0,
    }


def huggingface_day(rows: Sequence[object]) -> str:
    """A day's list."""
    return json.dumps(rows, ensure_ascii=False)


# arXiv


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One paper of a feed or of a query."""

    paper: Paper
    arxiv: str = "2603.90001"
    version: int = 1
    kind: str = "new"  # of its announcement
    classes: tuple[str, ...] = ("cs.CV", "cs.AI")  # as they stand, whichever is the primary one
    primary: str = "cs.CV"
    authors: tuple[str, ...] = ("A. Author", "B. Author")
    byline: str | None = None  # the authors of a feed, where they are no list of names
    affiliation: str = ""  # of the first author
    doi: str = ""
    journal: str = ""
    comment: str = ""
    published: datetime = datetime(2026, 3, 9, 17, 59, 46, tzinfo=UTC)
    updated: datetime = datetime(2026, 3, 9, 17, 59, 46, tzinfo=UTC)


_ARXIV = (
    'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"'
)


def arxiv_feed(*entries: Entry, day: date = DAY, rss: bool = False, classes: str = "cs.CV") -> str:
    """The feed of a day; without entries, that of a weekend."""
    return (_arxiv_rss if rss else _arxiv_atom)(entries, day, f"{classes} updates on arXiv.org")


def arxiv_feed_error(query: str, *, rss: bool = False) -> str:
    """What arXiv answers with status 400."""
    return (_arxiv_rss if rss else _arxiv_atom)((), DAY, f"Feed error for query: {query}")


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=NEW_YORK)


def _announced(entry: Entry) -> str:
    lead = f"arXiv:{entry.arxiv}v{entry.version} Announce Type: {entry.kind}"
    return escape(f"{lead} \nAbstract: {entry.paper.abstract}")


def _byline(entry: Entry) -> str:
    return escape(", ".join(entry.authors) if entry.byline is None else entry.byline)


def _arxiv_atom(entries: Sequence[Entry], day: date, title: str) -> str:
    built = (_midnight(day) + timedelta(seconds=19)).isoformat()
    items = "".join(
        f"""
  <entry>
    <id>oai:arXiv.org:{one.arxiv}v{one.version}</id>
    <title>{escape(one.paper.title)}</title>
    <updated>{built}</updated>
    <link href="https://arxiv.org/abs/{one.arxiv}" rel="alternate" type="text/html"/>
    <summary>{_announced(one)}</summary>
    {"".join(f"<category term={quoteattr(term)}/>" for term in one.classes)}
    <published>{_midnight(day).isoformat()}</published>
    <arxiv:announce_type>{one.kind}</arxiv:announce_type>
    <dc:rights>http://creativecommons.org/licenses/by/4.0/</dc:rights>
    {f"<arxiv:DOI>{escape(one.doi)}</arxiv:DOI>" if one.doi else ""}
    {_element("arxiv:journal_reference", one.journal)}
    <dc:creator>{_byline(one)}</dc:creator>
  </entry>"""
        for one in entries
    )
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<feed {_ARXIV} xmlns="http://www.w3.org/2005/Atom" xml:lang="en-us">
  <id>http://rss.arxiv.org/atom/cs.CV</id>
  <title>{escape(title)}</title>
  <updated>{built}</updated>
  <link href="http://rss.arxiv.org/atom/cs.CV" rel="self" type="application/atom+xml"/>
  <subtitle>{escape(title)}</subtitle>{items}
</feed>"""


def _arxiv_rss(entries: Sequence[Entry], day: date, title: str) -> str:
    built = format_datetime(_midnight(day))
    items = "".join(
        f"""
    <item>
      <title>{escape(one.paper.title)}</title>
      <link>https://arxiv.org/abs/{one.arxiv}</link>
      <description>{_announced(one)}</description>
      <guid isPermaLink="false">oai:arXiv.org:{one.arxiv}v{one.version}</guid>
      {"".join(_element("category", term) for term in one.classes)}
      <pubDate>{built}</pubDate>
      <arxiv:announce_type>{one.kind}</arxiv:announce_type>
      <dc:rights>http://creativecommons.org/licenses/by/4.0/</dc:rights>
      {_element("arxiv:DOI", one.doi)}
      {_element("arxiv:journal_reference", one.journal)}
      <dc:creator>{_byline(one)}</dc:creator>
    </item>"""
        for one in entries
    )
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<rss {_ARXIV} xmlns:content="http://purl.org/rss/1.0/modules/content/" version="2.0">
  <channel>
    <title>{escape(title)}</title>
    <link>http://rss.arxiv.org/rss/cs.CV</link>
    <description>{escape(title)}</description>
    <docs>http://www.rssboard.org/rss-specification</docs>
    <language>en-us</language>
    <lastBuildDate>{built}</lastBuildDate>
    <managingEditor>rss-help@arxiv.org</managingEditor>
    <pubDate>{built}</pubDate>
    <skipDays><day>Saturday</day><day>Sunday</day></skipDays>{items}
  </channel>
</rss>"""


def arxiv_query(*entries: Entry, total: int | None = None, start: int = 0) -> str:
    """A page of the query API."""
    items = "".join(map(_queried, entries))
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<feed {_ARXIV} xmlns="http://www.w3.org/2005/Atom">
  <id>https://arxiv.org/api/0000000000000000000000000000</id>
  <title>arXiv Query: search_query=&amp;id_list=&amp;start={start}&amp;max_results=100</title>
  <updated>2026-03-10T22:10:19Z</updated>
  <link href="https://arxiv.org/api/query?start={start}" type="application/atom+xml"/>
  <opensearch:itemsPerPage>100</opensearch:itemsPerPage>
  <opensearch:totalResults>{len(entries) if total is None else total}</opensearch:totalResults>
  <opensearch:startIndex>{start}</opensearch:startIndex>{items}
</feed>"""


def _queried(one: Entry) -> str:
    name = f"{one.arxiv}v{one.version}"
    affiliation = _element("arxiv:affiliation", one.affiliation)
    authors = "".join(
        f"<author><name>{escape(author)}</name>{'' if place else affiliation}</author>"
        for place, author in enumerate(one.authors)
    )
    scheme = 'scheme="http://arxiv.org/schemas/atom"'
    doi = f'<link href="https://doi.org/{escape(one.doi)}" rel="related" title="doi"/>'
    return f"""
  <entry>
    <id>http://arxiv.org/abs/{name}</id>
    <title>{escape(one.paper.title)}</title>
    <updated>{one.updated:%Y-%m-%dT%H:%M:%SZ}</updated>
    <link href="https://arxiv.org/abs/{name}" rel="alternate" type="text/html"/>
    <link href="https://arxiv.org/pdf/{name}" rel="related" type="application/pdf" title="pdf"/>
    <summary>{escape(one.paper.abstract)}</summary>
    {"".join(f"<category term={quoteattr(term)} {scheme}/>" for term in one.classes)}
    <published>{one.published:%Y-%m-%dT%H:%M:%SZ}</published>
    {_element("arxiv:comment", one.comment)}
    <arxiv:primary_category term={quoteattr(one.primary)}/>
    {_element("arxiv:journal_ref", one.journal)}
    {_element("arxiv:doi", one.doi) + doi if one.doi else ""}
    {authors}
  </entry>"""


def arxiv_query_error(summary: str) -> str:
    """What the query API answers with status 400."""
    page = "https://arxiv.org/api/errors#" + summary.replace(" ", "_")
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<feed {_ARXIV} xmlns="http://www.w3.org/2005/Atom">
  <id>https://arxiv.org/</id>
  <title>arXiv Search Results</title>
  <updated>2026-03-10T22:59:06Z</updated>
  <opensearch:itemsPerPage>1</opensearch:itemsPerPage>
  <opensearch:totalResults>1</opensearch:totalResults>
  <opensearch:startIndex>0</opensearch:startIndex>
  <entry>
    <id>{escape(page)}</id>
    <title>Error</title>
    <updated>2026-03-10T22:59:06Z</updated>
    <link href={quoteattr(page)} rel="alternate" type="text/html"/>
    <summary>{escape(summary)}</summary>
    <author><name>arXiv api core</name></author>
  </entry>
</feed>"""


def _element(name: str, content: str) -> str:
    return f"<{name}>{escape(content)}</{name}>" if content else ""


# Journals, blogs, files, pages


def biorxiv_rss(*papers: Paper, byline: str = "Author, A., Author, B. C.") -> str:
    """RSS 1.0 (RDF), as bioRxiv and medRxiv write it; ids 2026.03.10.900001 and on."""
    dois = [f"10.1101/2026.03.10.{900_001 + place}" for place in range(len(papers))]
    pages = [f"http://example.org/cgi/content/{doi.split('/')[1]}v1?rss=1" for doi in dois]
    items = "".join(
        f"""
  <item rdf:about="{page}">
    <title><![CDATA[{paper.title}]]></title>
    <link>{page}</link>
    <description><![CDATA[{paper.abstract}]]></description>
    <dc:creator><![CDATA[{byline}]]></dc:creator>
    <dc:date>2026-03-10</dc:date>
    <dc:identifier>doi:{doi}</dc:identifier>
    <dc:title><![CDATA[{paper.title}]]></dc:title>
    <dc:publisher>An example of a laboratory</dc:publisher>
    <prism:publicationName>An example of a server</prism:publicationName>
    <prism:publicationDate>2026-03-10</prism:publicationDate>
    <prism:section>New Results</prism:section>
  </item>"""
        for paper, doi, page in zip(papers, dois, pages, strict=True)
    )
    listed = "".join(f'<rdf:li rdf:resource="{page}"/>' for page in pages)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:prism="http://purl.org/rss/1.0/modules/prism/">
  <channel rdf:about="http://example.org/rss">
    <title>A subject collection</title>
    <link>http://example.org</link>
    <description>What is new</description>
    <items><rdf:Seq>{listed}</rdf:Seq></items>
  </channel>{items}
</rdf:RDF>"""


def blog_atom(*papers: Paper, more: str = "", body: str | None = None) -> str:
    """A lab's blog: HTML in the text, links below the feed's base, no word on DOIs.

    `more` stands in every entry; `body` in the place of the abstract, as it is.
    """
    items = "".join(
        f"""
  <entry>
    <id>tag:example.org,2026:{place}</id>
    <title type="html">{escape(escape(paper.title))}</title>
    <link rel="alternate" type="text/html" href="posts/{place}"/>
    <published>2026-03-{10 - place:02d}T06:00:00Z</published>
    <updated>2026-03-11T06:00:00Z</updated>
    <author><name>A. Author</name></author>
    <content type="html">{escape(f"<p>{escape(paper.abstract)}</p>") if body is None else body}
    </content>
    {more}
  </entry>"""
        for place, paper in enumerate(papers)
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://example.org/blog/">
  <id>tag:example.org,2026:blog</id>
  <title>An example of a blog</title>
  <updated>2026-03-11T06:00:00Z</updated>{items}
</feed>"""


def bibtex(paper: Paper, key: str = "author2026", kind: str = "article", **fields: str) -> str:
    """One entry of a bibliography; a field of "" is left out."""
    given = {"title": paper.title, "author": "Author, A. and Author, B.", "year": "2026"} | fields
    lines = (f"  {name} = {{{value}}}" for name, value in given.items() if value)
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}\n"


def citation_page(
    paper: Paper, tags: Sequence[tuple[str, str]] | Mapping[str, str] = (), *, titled: bool = True
) -> str:
    """The page of a paper with tags for Google Scholar."""
    pairs = list(tags.items()) if isinstance(tags, Mapping) else list(tags)
    own = [("citation_title", paper.title)] if titled else []
    metas = "".join(
        f"<meta name={quoteattr(name)} content={quoteattr(content)}>\n"
        for name, content in [*own, *pairs]
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<title>A page</title>
{metas}</head><body><h1>A page</h1><p>Its text.</p></body></html>"""
