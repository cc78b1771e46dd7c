"""Reads a saved page of trending papers: a banner, a date, then title and abstract in turn.

The page carries no votes and no links; the order is its judgement, so a paper's position is
what is observed. Blocks are separated by blank lines. TeX is kept as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from newsletter import plain
from newsletter.errors import SourceError
from newsletter.identity import normalised_title, title_id
from newsletter.papers import Observation, Paper, find_code_url
from newsletter.sources.files import Files
from newsletter.sources.port import Answer, Harvest, Request

BANNER = "get trending papers in your email inbox"
LONGEST_TITLE = 300  # characters; arXiv's longest titles have about 250
SHORTEST_ABSTRACT = 80  # characters; anything shorter is a title or a button of the page
HEADER_BLOCKS = 12  # the banner and the date stand among the first few blocks or nowhere
ENDINGS = (
    ".",
    "!",
    "?",
    ")",
    "]",
    '"',
    "'",
    "”",
    "’",
    "/",
)  # an abstract ends a sentence or a link

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DATE = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2})(?:, ?(\d{4}))?")


@dataclass(frozen=True, kw_only=True)
class Block:
    """Lines of text that stand together."""

    line: int  # of its first line, from 1
    text: str  # its lines joined by spaces


class PageSource(Files):
    """Saved pages."""

    trust = 20  # text without links; see merging.py
    suffixes = (".txt",)

    def read(self, request: Request, answer: Answer, now: datetime) -> Iterator[Harvest]:
        """One page's papers, top first, observed at midnight UTC of the page's date.

        A date without a year is the latest such day that is not after `now`. Raises SourceError
        with the line where the page stops being one.
        """
        where, body = answer.where, answer.whole()
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = body[: error.start].count(b"\n") + 1
            raise SourceError("not UTF-8 text.", where=where, line=line) from error
        blocks = list(_blocks(text))
        start, day = _header(blocks, now, where)
        entries = list(_entries(blocks[start:], where, blocks[start - 1].line))
        at = datetime(day.year, day.month, day.day, tzinfo=UTC)
        papers = {paper.id: paper for paper in reversed(entries)}  # the better position counts
        ordered = tuple(dict.fromkeys(paper.id for paper in entries))
        yield Harvest(
            papers=tuple(papers[name] for name in ordered),
            observations=tuple(
                Observation(paper_id=name, source=self.name, at=at, position=place, of=len(ordered))
                for place, name in enumerate(ordered, start=1)
            ),
        )


def _blocks(text: str) -> Iterator[Block]:
    start, lines = 0, list[str]()
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        if line.strip():
            start = start if lines else number
            lines.append(line.strip())
        elif lines:
            yield Block(line=start, text=" ".join(lines))
            lines = []


def _header(blocks: list[Block], now: datetime, where: str) -> tuple[int, date]:
    """The index of the first title, and the page's date."""
    if not blocks:
        raise SourceError("the page is empty.", where=where, line=1)
    head = blocks[:HEADER_BLOCKS]
    if not any(BANNER in block.text.casefold() for block in head):
        raise SourceError(
            f'not a page of trending papers: no line says "{BANNER.capitalize()}".',
            where=where,
            line=blocks[0].line,
        )
    for index, block in enumerate(head):
        found = _DATE.fullmatch(block.text)
        if found and _month(found[1]):
            return index + 1, _day(found, now, where, block.line)
    raise SourceError(
        'no date such as "Mar 11" stands before the papers.', where=where, line=head[-1].line
    )


def _day(found: re.Match[str], now: datetime, where: str, line: int) -> date:
    month = _month(found[1])
    today = (now + timedelta(days=1)).date()  # the page may be from east of UTC
    years = [int(found[3])] if found[3] else range(today.year, today.year - 9, -1)
    for year in years:  # nine years always hold a 29 February
        try:
            day = date(year, month, int(found[2]))
        except ValueError:
            continue
        if found[3] or day <= today:
            return day
    raise SourceError(f"{found[0]!r} is not a day of any year.", where=where, line=line)


def _month(word: str) -> int:
    """The month's number by its name or the beginning of it; 0 for another word."""
    short = word.casefold()
    return next((at for at, name in enumerate(_MONTHS, start=1) if name.startswith(short)), 0)


def _entries(blocks: list[Block], where: str, header_line: int) -> Iterator[Paper]:
    if not blocks:
        raise SourceError(
            "the page ends before its first paper; is it cut?", where=where, line=header_line
        )
    for title, abstract in zip(blocks[::2], [*blocks[1::2], None], strict=False):
        if len(title.text) > LONGEST_TITLE:
            raise SourceError(
                f"expected a title here, found {len(title.text)} characters; is one missing?",
                where=where,
                line=title.line,
            )
        if not normalised_title(title.text):
            raise SourceError(
                f"expected a title here, found {title.text!r}.", where=where, line=title.line
            )
        if abstract is None:
            raise SourceError(
                "the page ends after a title, without its abstract; is it cut?",
                where=where,
                line=title.line,
            )
        if len(abstract.text) < SHORTEST_ABSTRACT:
            raise SourceError(
                f"expected an abstract here, found {abstract.text!r}.",
                where=where,
                line=abstract.line,
            )
        yield Paper(
            id=title_id(title.text),
            title=plain.line(title.text),
            abstract=plain.line(abstract.text, plain.LONGEST_TEXT),
            code_url=find_code_url(abstract.text),
        )
    last = blocks[-1]
    if not last.text.endswith(ENDINGS):
        raise SourceError(
            "the last abstract ends in mid-sentence; is the page cut?", where=where, line=last.line
        )
