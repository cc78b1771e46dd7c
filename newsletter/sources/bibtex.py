"""Reads bibliographies: .bib files, as reference managers and conferences write them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

from bibtexparser.entrypoint import parse_string

from newsletter import plain
from newsletter.errors import SourceError
from newsletter.identity import arxiv_id, identify, scheme
from newsletter.papers import Paper, find_code_url
from newsletter.records import MOST_AUTHORS, MOST_ITEMS
from newsletter.sources.files import Files
from newsletter.sources.port import Answer, Harvest, Request

logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # what it cannot read, we tell

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LONGEST_MACRO = 30  # characters
_TAKES_ARGUMENT = re.compile(r"(?:\\[A-Za-z]+|\\[^A-Za-z\s{}]|[\^_])\Z")
_ENDS_IN_MACRO = re.compile(r"\\[A-Za-z]+\Z")


class BibtexSource(Files):
    """Files of BibTeX entries."""

    trust = 30  # typed by many hands; see merging.py
    suffixes = (".bib", ".bibtex")

    def read(self, request: Request, answer: Answer, now: datetime) -> Iterator[Harvest]:
        """The entries of one file; those that cannot be read are told with their line."""
        body = answer.whole()
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = body[: error.start].count(b"\n") + 1
            raise SourceError("not UTF-8 text.", where=answer.where, line=line) from error
        try:
            library = parse_string(text)
        except Exception as error:  # whatever the parser meets in a stranger's text
            raise SourceError(f"not BibTeX: {error}.", where=answer.where) from error
        papers = list[Paper]()
        refused = [
            f"line {(block.start_line or 0) + 1}: {_reason(block.error)}"
            for block in library.failed_blocks
        ]
        for entry in library.entries:
            fields = {one.key.casefold(): one.value for one in entry.fields}
            try:
                papers.append(_paper(fields))
            except ValueError as error:
                line = (entry.start_line or 0) + 1
                refused.append(f"line {line}, {plain.line(entry.key, 80)}: {error}")
        if not papers and not refused and text.strip():
            raise SourceError("no BibTeX entry in it.", where=answer.where, line=1)
        yield Harvest(papers=tuple(papers), refused=tuple(refused))


def _paper(fields: Mapping[str, object]) -> Paper:
    told = {name: str(value) for name, value in fields.items() if isinstance(value, str)}
    title = plain.unmarked(_tidy(told.get("title", "")))
    url = plain.url(told.get("url", "").replace("\\_", "_").replace("\\%", "%"))
    eprint = told.get("eprint", "")
    is_arxiv = told.get("archiveprefix", told.get("eprinttype", "arxiv")).casefold() == "arxiv"
    arxiv = eprint if is_arxiv and arxiv_id(eprint) else None
    arxiv = arxiv or next((told[name] for name in ("journal", "note") if _names(told, name)), None)
    names = identify(arxiv=arxiv, doi=told.get("doi"), link=url, title=title)
    if not any(scheme(name) == "title" for name in names):
        raise ValueError("it has no title")
    abstract = plain.unmarked(told.get("abstract", ""), plain.LONGEST_TEXT)
    if scheme(names[0]) == "arxiv":
        url = f"https://arxiv.org/abs/{names[0].removeprefix('arxiv:')}"
    doi = next((name[4:] for name in names if name.startswith("doi:10.")), None)
    return Paper(
        id=names[0],
        aliases=names[1:],
        title=title,
        abstract=abstract,
        authors=_authors(told.get("author", "")),
        published=_day(told),
        url=url or (f"https://doi.org/{doi}" if doi else None),
        code_url=find_code_url(abstract),
        journal=plain.unmarked(_tidy(told.get("journal") or told.get("booktitle") or "")),
        comment=plain.unmarked(_tidy(told.get("note", "")), plain.LONGEST_TITLE),
        keywords=_keywords(told.get("keywords", "")),
    )


def _reason(error: Exception | None) -> str:
    return plain.line(str(getattr(error, "abort_reason", error)), 120)


def _names(told: Mapping[str, str], field: str) -> bool:
    """Whether a field is itself an arXiv id: journal = "arXiv:2403.01234"."""
    return arxiv_id(told.get(field, "")) is not None


def _tidy(text: str) -> str:
    """Without the braces that only guard capitals and accents: M{\"u}ller becomes M\"uller.

    Those of a macro's or a script's argument stay, and all that stand in formulas.
    """
    text = " ".join(text.split())
    kept, open_ones = list[str](), list[bool]()  # of each open brace, whether it stays
    in_formula = False
    for at, c in enumerate(text):
        before = text[max(0, at - LONGEST_MACRO) : at]
        if before.endswith("\\") or (in_formula and c != "$"):
            kept.append(c)
        elif c == "{":
            open_ones.append(_TAKES_ARGUMENT.search(before) is not None)
            kept.append(c if open_ones[-1] else "")
        elif c == "}" and open_ones:
            if open_ones.pop():
                kept.append(c)
            elif _ENDS_IN_MACRO.search(before) and text[at + 1 : at + 2].isalpha():
                kept.append("{}")  # {\o}re would become another macro without its brace
        else:
            in_formula ^= c == "$"
            kept.append(c)
    return "".join(kept)


def _authors(text: str) -> tuple[str, ...]:
    """ "Müller, Hans and Lee, Jr., Ann" as ("Hans Müller", "Ann Lee Jr.")."""
    found = list[str]()
    for name in " ".join(text.split()).split(" and ")[:MOST_AUTHORS]:
        parts = [part.strip() for part in _tidy(name).split(",") if part.strip()]
        spoken = " ".join([*parts[-1:], *parts[:-1]])
        if spoken and spoken.casefold() != "others":
            found.append(plain.unmarked(spoken, plain.LONGEST_NAME))
    return tuple(found)


def _day(told: Mapping[str, str]) -> date | None:
    try:
        if len(told.get("date", "")) >= 10:  # biblatex
            return date.fromisoformat(told["date"][:10])
        year = int(told.get("year") or told.get("date", "")[:4])
        month = (told.get("month") or told.get("date", "")[5:7]).strip().casefold()
        number = int(month) if month.isdecimal() else _MONTHS.index(month[:3]) + 1 if month else 1
        return datetime(year, number, 1, tzinfo=UTC).date()
    except ValueError:
        return None


def _keywords(text: str) -> tuple[str, ...]:
    parts = (plain.unmarked(part, plain.LONGEST_NAME) for part in re.split(r"[,;]", text))
    return tuple(part for part in parts if part)[:MOST_ITEMS]
