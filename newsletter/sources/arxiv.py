"""Reads arXiv: the daily feed of some classes, its query API for days gone by and for known ids.

The feed holds one announcement (Sunday to Thursday 20:00 in New York; the feed follows at
midnight); on other days it is empty, which is nothing new and nothing wrong. Days that were missed
are asked of the query API. arXiv asks for one request every three seconds over one connection:
every request here says so in its manners.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import AfterValidator, Field

from newsletter import plain
from newsletter.errors import SourceError
from newsletter.identity import arxiv_id, arxiv_version, identify, scheme
from newsletter.options import Options
from newsletter.papers import Paper, PaperId, find_code_url
from newsletter.records import MOST_ITEMS
from newsletter.sources.port import (
    STALE,
    Answer,
    Ask,
    AskAgain,
    Cursor,
    Harvest,
    Manners,
    Request,
)
from newsletter.sources.syndication import authors, instant, parse, value
from newsletter.sources.web_address import WebAddress

MOST_IN_ALL = 30_000  # entries of one query; the API answers 400 beyond
MOST_NAMED = 5  # unknown ids told by name
IDS_A_BATCH = 100  # the API's addresses grow with the ids
# From a paper's submission to its announcement: a long weekend, and what moderators may hold.
BEFORE_IT_IS_ANNOUNCED = timedelta(days=5)
STALE_AFTER = 4  # weekdays without an announcement: more than any run of holidays
FURTHEST_BACK = 60  # days caught up on after a long stop
NEW = ("new", "cross", "")  # announce types that are news; "replace" tells of known papers

_CLASS = re.compile(r"[a-z]+(?:-[a-z]+)?(?:\.[A-Za-z]{2}|\.[a-z]+(?:-[a-z]+)+)?")
_LEAD = re.compile(r"\s*arXiv:\S+\s+Announce Type:\s*\S+\s*(?:Abstract:)?\s*", re.IGNORECASE)
_BAD_ID = re.compile(r"incorrect[_ ]id[_ ]format[_ ]for[_ ](\S+)", re.IGNORECASE)


def _classes(given: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [one for one in given if not _CLASS.fullmatch(one)]
    if wrong:
        raise ValueError(f"must be arXiv classes such as cs.CL; {wrong[0]!r} is none")
    return given


class ArxivOptions(Options):
    """The settings of a [sources.NAME] of kind "arxiv"."""

    classes: Annotated[tuple[str, ...], AfterValidator(_classes)] = Field(
        default=("cs.AI", "cs.CL", "cs.CV", "cs.LG"),
        max_length=40,
        description="The classes whose daily feed is read; empty reads none.",
    )
    enrich: bool = Field(
        default=True,
        description="Ask about papers known from elsewhere: classes, authors, DOI, versions.",
    )
    feed: WebAddress = Field(
        default="https://rss.arxiv.org/atom", description="Where the daily feeds are."
    )
    api: WebAddress = Field(
        default="https://export.arxiv.org/api/query", description="Where the query API is."
    )
    page: int = Field(default=200, ge=1, le=2000, description="Entries a page of a query.")
    pause: float = Field(
        default=3.0,
        ge=0,
        le=60,
        description="Seconds from one request to the next; of arXiv's own hosts never under 3.",
    )


class ArxivSource:
    """arXiv's feed and query API."""

    trust = 80  # the authors' own submission; see merging.py
    dated = True

    def __init__(self, name: str, options: ArxivOptions) -> None:
        self.name = name
        self._options = options
        self._manners = Manners(group="arxiv", pause=options.pause)

    def requests(self, ask: Ask, cursor: Cursor, now: datetime) -> Sequence[Request]:
        """The daily feed, or a query for days; nothing where no class is chosen."""
        if not self._options.classes:
            return ()
        if ask.since is not None:
            return [self._days(ask.since, min(ask.until or now.date(), now.date()))]
        return [
            Request(
                location=f"{self._options.feed}/{'+'.join(self._options.classes)}",
                context={"what": "feed", "announced": cursor.get("announced", "")},
                conditional=True,
                statuses=(400,),
                manners=self._manners,
            )
        ]

    def enrich(self, papers: Iterable[PaperId]) -> Sequence[Request]:
        """Asks about the arXiv ids among these, a hundred at a time."""
        ids = [name.removeprefix("arxiv:") for name in papers if scheme(name) == "arxiv"]
        if not self._options.enrich:
            return ()
        starts = range(0, len(ids), IDS_A_BATCH)
        return [self._ids(ids[at : at + IDS_A_BATCH], known="yes") for at in starts]

    def one(self, arxiv: str) -> Request:
        """Asks about one id, known or not."""
        return self._ids([arxiv], known="")

    def read(self, request: Request, answer: Answer, now: datetime) -> Iterator[Harvest]:
        """The entries of a feed or of a page of a query."""
        if request.context["what"] == "feed":
            yield self._read_feed(request, answer, now)
        else:
            yield self._read_query(request, answer)

    # The daily feed

    def _read_feed(self, request: Request, answer: Answer, now: datetime) -> Harvest:
        before = request.context["announced"]
        if answer.unchanged:
            return Harvest(notes=_stale(before, now))
        feed, entries = parse(answer)
        title = value(feed, "title")
        if answer.status == 400 or title.startswith("Feed error"):
            raise SourceError(f"arXiv says: {title or 'no such feed'}.", where=answer.where)
        new, known, refused = list[Paper](), list[Paper](), list[str]()
        days = list[date]()
        for entry in entries:
            try:
                paper = _paper(entry, str(entry.get("id")))
            except ValueError as error:
                refused.append(str(error))
                continue
            announced = instant(entry, "published")
            if announced is not None:
                days.append(announced.date())
            if value(entry, "arxiv_announce_type") in NEW:
                first = min(announced, now) if announced else None
                new.append(_with(paper, announced=first))
            else:
                known.append(paper)
        day = max(days, default=None)
        missed = self._missed(before, day)
        latest = max(day.isoformat() if day else "", before)
        return Harvest(
            papers=tuple(new),
            updates=tuple(known),
            refused=tuple(refused),
            notes=_stale(latest, now),
            more=tuple(missed),
            cursor=None if missed or day is None else {"announced": latest},
        )

    def _missed(self, before: str, day: date | None) -> list[Request]:
        """A query for the announcements between the last one seen and this one."""
        if not before or day is None:
            return []
        last = date.fromisoformat(before)
        if _weekdays(last, day) <= 1:
            return []
        first = max(last, day - timedelta(days=FURTHEST_BACK))
        return [self._days(first - BEFORE_IT_IS_ANNOUNCED, day, announced=day.isoformat())]

    # The query API

    def _days(self, first: date, last: date, announced: str = "") -> Request:
        classes = " OR ".join(f"cat:{one}" for one in self._options.classes)
        query = f"({classes}) AND submittedDate:[{first:%Y%m%d}0000 TO {last:%Y%m%d}2359]"
        return self._query({"what": "days", "query": query, "announced": announced, "start": "0"})

    def _query(self, context: Mapping[str, str]) -> Request:
        words = {
            "search_query": context["query"],
            "start": context["start"],
            "max_results": min(self._options.page, MOST_IN_ALL - int(context["start"])),
            "sortBy": "submittedDate",
            "sortOrder": "ascending",
        }
        return Request(
            location=f"{self._options.api}?{urlencode(words)}",
            context=context,
            statuses=(400,),
            manners=self._manners,
        )

    def _ids(self, ids: Sequence[str], *, known: str) -> Request:
        # Without max_results the API answers ten of them.
        words = {"id_list": ",".join(ids), "max_results": len(ids)}
        return Request(
            location=f"{self._options.api}?{urlencode(words)}",
            context={"what": "ids", "ids": ",".join(ids), "known": known},
            statuses=(400,),
            manners=self._manners,
        )

    def _read_query(self, request: Request, answer: Answer) -> Harvest:
        context = request.context
        feed, entries = parse(answer)
        if problem := _problem(entries):
            return self._without_bad_id(context, problem, answer.where)
        if answer.status == 400:
            raise SourceError("arXiv refuses the query.", where=answer.where)
        total, start = _total(feed), int(context.get("start", "0"))
        if not entries and (start < total or (start > 0 and total == 0)):
            raise AskAgain(
                f"an empty page where {total or 'more'} entries were promised.", where=answer.where
            )
        papers, refused = list[Paper](), list[str]()
        for entry in entries:
            try:
                paper = _paper(entry, str(entry.get("id")))
            except ValueError as error:
                refused.append(str(error))
                continue
            papers.append(paper)
        if context["what"] == "ids":
            found = {name for paper in papers for name in paper.names}
            missing = [one for one in context["ids"].split(",") if f"arxiv:{one}" not in found]
            told = (_unknown(missing),) if missing else ()
            kept = tuple(papers)
            if context["known"]:
                return Harvest(updates=kept, refused=tuple(refused), notes=told)
            return Harvest(papers=kept, refused=(*refused, *told))
        end = start + len(entries)
        more = entries and end < min(total, MOST_IN_ALL)
        cut = end >= MOST_IN_ALL < total
        announced = context["announced"]
        return Harvest(
            papers=tuple(_with(paper, announced=_midnight(paper.published)) for paper in papers),
            refused=tuple(refused),
            notes=(f"arXiv answers {MOST_IN_ALL} of {total}; ask for fewer days.",) if cut else (),
            more=(self._query({**context, "start": str(end)}),) if more else (),
            cursor={"announced": announced} if announced and not more else None,
        )

    def _without_bad_id(self, context: Mapping[str, str], problem: str, where: str) -> Harvest:
        """One id of a batch that arXiv cannot read spoils the batch: ask without it."""
        found = _BAD_ID.search(problem)
        ids = context.get("ids", "").split(",")
        if found is None or found[1] not in ids:
            raise SourceError(f"arXiv says: {problem}.", where=where)
        ids.remove(found[1])
        again = (self._ids(ids, known=context["known"]),) if ids else ()
        return Harvest(refused=(f"{found[1]}: arXiv cannot read this id",), more=again)


def _paper(entry: Mapping[str, Any], told: str) -> Paper:
    """The paper of an entry of either kind; raises ValueError."""
    named = arxiv_id(told) or arxiv_id(value(entry, "link"))
    if named is None:
        raise ValueError(f"{told[:80]!r} is no arXiv id")
    arxiv = named.removeprefix("arxiv:")
    title = value(entry, "title")
    doi = value(entry, "arxiv_doi")
    names = identify(arxiv=arxiv, doi=doi, title=title)
    if not any(scheme(name) == "title" for name in names):
        raise ValueError(f"{arxiv} has no title")
    abstract = _LEAD.sub("", value(entry, "summary", plain.LONGEST_TEXT), count=1)
    version = arxiv_version(told)
    published, updated = instant(entry, "published"), instant(entry, "updated")
    if "arxiv_announce_type" in entry:  # the feed's dates are those of the announcement
        updated = None
        published = published if version == 1 and _is_of(arxiv, published) else None
    return Paper(
        id=names[0],
        aliases=names[1:],
        title=title,
        abstract=abstract,
        authors=authors(entry),
        classes=_classes_of(entry),
        published=published.date() if published else None,
        updated=updated.date() if updated else None,
        version=version,
        url=f"https://arxiv.org/abs/{arxiv}",
        pdf_url=f"https://arxiv.org/pdf/{arxiv}",
        code_url=find_code_url(abstract),
        comment=value(entry, "arxiv_comment", plain.LONGEST_TEXT),
        journal=value(entry, "arxiv_journal_ref") or value(entry, "arxiv_journal_reference"),
    )


def _classes_of(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """arXiv's classes, the primary one first; MSC and ACM codes stand among them upstream."""
    primary = entry.get("arxiv_primary_category")
    first = primary.get("term") if isinstance(primary, Mapping) else None
    tags = entry.get("tags")
    terms = [first, *(tag.get("term") for tag in tags)] if isinstance(tags, list) else [first]
    known = (term for term in terms if isinstance(term, str) and _CLASS.fullmatch(term))
    return tuple(dict.fromkeys(known))[:MOST_ITEMS]


def _is_of(arxiv: str, announced: datetime | None) -> bool:
    """Whether an id is of the month of its announcement; old papers are cross-listed later too."""
    if announced is None:
        return False
    before = announced.replace(day=1) - timedelta(days=1)
    return arxiv.startswith((f"{announced:%y%m}.", f"{before:%y%m}."))


def _with(paper: Paper, *, announced: datetime | None) -> Paper:
    return Paper(**vars(paper) | {"announced": announced})


def _unknown(ids: Sequence[str]) -> str:
    rest = len(ids) - MOST_NAMED
    return f"arXiv does not know {', '.join(ids[:MOST_NAMED])}" + (
        f" and {rest} more" if rest > 0 else ""
    )


def _midnight(day: date | None) -> datetime | None:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None


def _problem(entries: Sequence[Mapping[str, Any]]) -> str:
    """What the API says instead of an answer: a feed of one entry that is an error."""
    if len(entries) == 1 and "/api/errors" in str(entries[0].get("id")):
        return value(entries[0], "summary") or "an error without words"
    return ""


def _total(feed: Mapping[str, Any]) -> int:
    told = str(feed.get("opensearch_totalresults", "0"))
    return int(told) if told.isdecimal() and len(told) < 12 else 0


def _weekdays(first: date, last: date) -> int:
    """How many Mondays to Fridays lie after `first`, up to and with `last`."""
    days = (first + timedelta(days=n) for n in range(1, min((last - first).days, 400) + 1))
    return sum(day.weekday() < 5 for day in days)


def _stale(announced: str, now: datetime) -> tuple[str, ...]:
    """A warning where the newest announcement is older than weekends and holidays explain."""
    if not announced or _weekdays(date.fromisoformat(announced), now.date()) <= STALE_AFTER:
        return ()
    return (f"{STALE}the newest announcement is of {announced}",)
