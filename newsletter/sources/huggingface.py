"""Reads Hugging Face's daily papers: what its community submitted on a day, with its votes.

One request a day and page of `GET /api/daily_papers?date=…`. What a row holds has changed over
the years; the inner `paper` object is the one to believe (the outer `publishedAt` is New York's
time labelled as UTC). Votes keep moving for days, so each run asks the last days again; an
unchanged list is an observation too, so nothing is asked conditionally.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from pydantic import Field

from newsletter import plain
from newsletter.errors import SourceError
from newsletter.identity import identify
from newsletter.options import Options
from newsletter.papers import Observation, Paper, find_code_url
from newsletter.records import MOST_AUTHORS, MOST_ITEMS
from newsletter.sources.port import Answer, Ask, Cursor, Harvest, Request
from newsletter.sources.untrusted import Row, count, instant, json_of, table, text, texts
from newsletter.sources.web_address import WebAddress

FIRST_DAY = date(2023, 5, 4)  # the oldest list there is
ZONE = ZoneInfo("America/New_York")  # decides the lists' days
PAGE = 100  # rows a page, the most the API gives; its default of 50 cuts long days
MOST_PAGES = 20  # of one day; the longest day so far had two
FURTHEST_BACK = 60  # days caught up on after a long stop; older lists are no news
UNTOLD = "not told"  # the model of a summary, before June 2026


class HuggingFaceOptions(Options):
    """The settings of a [sources.NAME] of kind "huggingface"."""

    url: WebAddress = Field(
        default="https://huggingface.co", description="Where its API and pages are."
    )
    days: int = Field(
        default=3,
        ge=1,
        le=30,
        description="Days back that every run asks again, because votes still come in.",
    )


class HuggingFaceSource:
    """The daily papers of Hugging Face."""

    trust = 50  # titles and authors are copied from arXiv; see merging.py
    dated = True

    def __init__(self, name: str, options: HuggingFaceOptions) -> None:
        self.name = name
        self._url = options.url
        self._days = options.days

    def requests(self, ask: Ask, cursor: Cursor, now: datetime) -> Sequence[Request]:
        """The newest day's list; each answer asks for the day before. None of a day to come.

        Newest first, so that an old day that cannot be had keeps no new one away.
        """
        today = now.astimezone(ZONE).date()
        if ask.since is not None:
            first, last = ask.since, min(ask.until or today, today)
            if first > today:
                raise SourceError(
                    f"there is no list of {first} yet; in New York it is {today}.",
                    where=self._url,
                )
        else:
            first, last = today - timedelta(days=self._days - 1), today
            if through := cursor.get("through"):  # catch up, and see the last day's end
                first = min(first, date.fromisoformat(through))
            first = max(first, today - timedelta(days=FURTHEST_BACK))
        first = max(first, FIRST_DAY)
        return [self._request(last, first, last)] if first <= last else []

    def read(self, request: Request, answer: Answer, now: datetime) -> Iterator[Harvest]:
        """The papers of one page of a day's list; rows that cannot be read are told."""
        day, oldest, newest = (
            date.fromisoformat(request.context[name]) for name in ("day", "oldest", "newest")
        )
        page = int(request.context["page"])
        rows = json_of(answer)
        if not isinstance(rows, list):
            raise SourceError("expected a list of papers.", where=answer.where)
        first = str(table(table(rows[0] if rows else None).get("paper")).get("id"))
        repeated = page > 0 and first == request.context["first"]
        papers, seen, refused = [], [], []
        for number, row in enumerate([] if repeated else rows, start=page * PAGE + 1):
            try:
                paper, observation = self._row(table(row), day, now)
            except ValueError as error:
                refused.append(f"{day}, row {number}: {error}")
                continue
            papers.append(paper)
            seen.append(observation)
        full = len(rows) >= PAGE or (answer.has_next and bool(rows))
        following = []
        if full and not repeated and page + 1 < MOST_PAGES:
            following = [self._request(day, oldest, newest, page=page + 1, first=first)]
        elif day > oldest:
            following = [self._request(day - timedelta(days=1), oldest, newest)]
        yield Harvest(
            papers=tuple(papers),
            observations=tuple(seen),
            refused=tuple(refused),
            more=tuple(following),
            cursor=None if following else {"through": newest.isoformat()},
        )

    def _request(
        self, day: date, oldest: date, newest: date, *, page: int = 0, first: str = ""
    ) -> Request:
        query = urlencode({"date": day.isoformat(), "limit": PAGE, "p": page})
        return Request(
            location=f"{self._url}/api/daily_papers?{query}",
            context={
                "day": day.isoformat(),
                "oldest": oldest.isoformat(),
                "newest": newest.isoformat(),
                "page": str(page),
                "first": first,
            },
        )

    def _row(self, row: Row, day: date, now: datetime) -> tuple[Paper, Observation]:
        inner = table(row.get("paper"))
        if not inner:
            raise ValueError("it has no paper")
        told = inner.get("id")
        title = text(inner.get("title")) or text(row.get("title"))
        names = identify(arxiv=told if isinstance(told, str) else None, title=title)
        if not names or not names[0].startswith("arxiv:"):
            raise ValueError(f"its id {str(told)[:40]!r} is no arXiv id")
        if len(names) < 2:  # no name by its title
            raise ValueError(f"{told} has no title")
        arxiv = names[0].removeprefix("arxiv:")
        abstract = text(inner.get("summary"), plain.LONGEST_TEXT)
        abstract = abstract or text(row.get("summary"), plain.LONGEST_TEXT)
        code, guessed = _code(inner, abstract)
        tldr = text(inner.get("ai_summary"), plain.LONGEST_TEXT)
        published = instant(inner.get("publishedAt"))
        listed = datetime(day.year, day.month, day.day, tzinfo=UTC)
        submitted = instant(inner.get("submittedOnDailyAt"))
        paper = Paper(
            id=names[0],
            aliases=names[1:],
            title=title,
            abstract=abstract,
            authors=_authors(inner),
            published=published.date() if published else None,
            announced=min(submitted, now) if submitted else min(listed, now),
            url=f"https://arxiv.org/abs/{arxiv}",
            pdf_url=f"https://arxiv.org/pdf/{arxiv}",
            code_url=code,
            code_guessed=guessed,
            project_url=plain.url(inner.get("projectPage")),
            discussion_url=f"{self._url}/papers/{arxiv}",
            thumbnail_url=plain.url(row.get("thumbnail")),
            media_urls=_media(row, inner),
            organization=_organization(row, inner),
            tldr=tldr,
            tldr_model=(text(inner.get("ai_summary_model"), plain.LONGEST_NAME) or UNTOLD)
            if tldr
            else "",
            keywords=texts(inner.get("ai_keywords")),
        )
        return paper, Observation(
            paper_id=paper.id,
            source=self.name,
            at=now,
            listed=day,
            votes=count(inner.get("upvotes") or 0),  # absent from old rows: there were none
            comments=count(row.get("numComments")),
            stars=count(inner.get("githubStars")),
        )


def _authors(inner: Row) -> tuple[str, ...]:
    listed = inner.get("authors")
    rows = [table(one) for one in listed[:MOST_AUTHORS]] if isinstance(listed, list) else []
    names = (text(one.get("name"), plain.LONGEST_NAME) for one in rows if not one.get("hidden"))
    return tuple(name for name in names if name)


def _code(inner: Row, abstract: str) -> tuple[str | None, bool]:
    """The code's address, and whether only a machine says so."""
    given = plain.url(inner.get("githubRepo"))
    if given is not None and inner.get("githubRepoAddedBy") != "auto":
        return given, False
    named = find_code_url(abstract)
    return (named, False) if named else (given, given is not None)


def _media(row: Row, inner: Row) -> tuple[str, ...]:
    """Pictures and films; until June 2024 one address, since then a list."""
    for told in (inner.get("mediaUrls"), row.get("mediaUrls"), [row.get("mediaUrl")]):
        if isinstance(told, list) and (found := [url for one in told if (url := plain.url(one))]):
            return tuple(found[:MOST_ITEMS])
    return ()


def _organization(row: Row, inner: Row) -> str:
    for told in (
        inner.get("organization"),
        row.get("organization"),
        row.get("submitterOrganization"),
    ):
        one = table(told)
        for key in ("fullname", "name"):
            if name := text(one.get(key), plain.LONGEST_NAME):
                return name
    return ""
