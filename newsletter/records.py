"""A paper and its observations as JSON: one line of a .jsonl file, and what the store keeps.

    {"id": "arxiv:2403.01234", "title": "...", "abstract": "...", "authors": ["..."], ...,
     "observations": [{"source": "huggingface", "at": "2026-03-05T08:00:00+00:00", "votes": 44}]}

Fields are those of `papers.Paper` and `papers.Observation`; what has no value is left out. `read`
takes what strangers wrote, checks and cleans it; `from_json` takes back what `to_json` wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from newsletter import plain
from newsletter.identity import (
    LONGEST_NAME,
    identify,
    normalised_title,
    parse,
    scheme,
    strength,
)
from newsletter.papers import Observation, Paper, PaperId

MOST_AUTHORS = 5_000  # the largest collaborations have about 5,000
MOST_ITEMS = 200  # classes, keywords, media of one paper
MOST_OBSERVATIONS = 10_000  # of one paper: hourly for more than a year
EARLIEST_YEAR, LATEST_YEAR = 1900, 2200  # of anything a source speaks of
AHEAD = timedelta(days=1)  # that a clock elsewhere may be; what is observed later is a mistake
LARGEST_COUNT = 10**9  # votes, stars

_quoted = json.encoder.encode_basestring_ascii  # a text as JSON, as `json.dumps` writes it
_HASHED = re.compile(r"(?:doi|link|title):[0-9a-f]{16}")  # what `identity` makes of a long name
_DATES = ("published", "updated", "announced")
_DEFAULTS = {
    one.name: None if one.default is MISSING else one.default
    for one in fields(Paper)
    if one.name not in ("id", "title")
}


def to_json(paper: Paper) -> dict[str, Any]:
    """The paper's fields that have a value, in the order of `Paper`."""
    row = {name: value for name, value in vars(paper).items() if value}
    for name in _TUPLES:
        if name in row:
            row[name] = list(row[name])
    for name in _DATES:
        if name in row:
            row[name] = row[name].isoformat()
    return row


def to_texts(paper: Paper) -> dict[str, str]:
    """What `to_json` has, each value as JSON text."""
    told = vars(paper).items()
    return {name: _TEXT_OF.get(type(value), _text_of)(value) for name, value in told if value}


def text(texts: Mapping[str, str]) -> str:
    """A JSON object of what `to_texts` gave, or of a part of it; as `json.dumps` writes it."""
    return "{" + ", ".join([f'"{name}": {value}' for name, value in texts.items()]) + "}"


def from_json(row: Mapping[str, Any]) -> Paper:
    """What `to_json` wrote; not for what others wrote."""
    values = dict(row)
    for name in _TUPLES:
        if name in values:
            values[name] = tuple(values[name])
    for name in _DATES:
        if name in values:
            kind = datetime if name == "announced" else date
            values[name] = kind.fromisoformat(values[name])
    return Paper(**values)


def observation_json(seen: Observation) -> dict[str, Any]:
    """An observation without the paper's id, which stands beside it."""
    row = {
        "source": seen.source,
        "at": seen.at.isoformat(),
        "listed": seen.listed.isoformat() if seen.listed else None,
        **{name: getattr(seen, name) for name in _COUNTS},
    }
    return {name: value for name, value in row.items() if value is not None}


def line(paper: Paper, observations: Iterable[Observation], first_seen: datetime) -> bytes:
    """One line of a .jsonl file; a paper that no source announced was as soon as it was seen."""
    row = to_json(replace(paper, announced=first_seen))
    seen = [observation_json(one) for one in observations]
    if seen:
        row["observations"] = seen
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def read(row: object, source: str, now: datetime) -> tuple[Paper, tuple[Observation, ...]]:
    """The paper and observations of one line that a stranger wrote; raises ValueError.

    What has the wrong type is refused, what is too long is cut. Without an id the paper is named
    by its DOI, its address or its title. An observation without a source is of `source`, one
    without an instant of `now`.
    """
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    values: dict[str, Any] = {}
    for name, value in row.items():
        if value is not None and (check := _CHECKS.get(name)):
            try:
                values[name] = check(value)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
    title = values.get("title", "")
    if not normalised_title(title):
        raise ValueError("it has no title")
    names = _names(row, values)
    values["id"], values["aliases"] = names[0], names[1:]
    if "announced" in values:
        values["announced"] = min(values["announced"], now)
    paper = Paper(**values)
    seen = row.get("observations")
    if seen is None:
        seen = []
    if not isinstance(seen, list) or len(seen) > MOST_OBSERVATIONS:
        raise ValueError(f"observations: not a list of at most {MOST_OBSERVATIONS}")
    return paper, tuple(_observation(one, paper.id, source, now) for one in seen)


def _names(row: Mapping[str, Any], values: dict[str, Any]) -> tuple[PaperId, ...]:
    own = row.get("id")
    names = [] if own is None or own == "" else [_name("id", own)]
    if "aliases" in values:
        names += [_name("aliases", text) for text in values.pop("aliases")]
    found = identify(
        arxiv=values.pop("arxiv", None),
        doi=values.pop("doi", None),
        link=values.get("url"),
        title=values["title"],
    )
    strong = not all(name.startswith("title:") for name in names)
    names += [name for name in found if not (strong and name.startswith("link:"))]
    unique = sorted(dict.fromkeys(names), key=strength)
    if len(unique) > 1 and scheme(unique[1]) == "arxiv":  # the strongest come first
        raise ValueError("id: it has two arXiv ids")
    return tuple(unique)


def _text_of(value: object) -> str:
    """A value of a paper as JSON text, of whatever kind: days and instants as ISO 8601 has them."""
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    return json.dumps(value)


def _name(field: str, text: object) -> PaperId:
    name = None
    if isinstance(text, str) and len(text) <= plain.LONGEST_URL:
        kind, _, rest = text.partition(":")
        if _HASHED.fullmatch(text):
            name = PaperId(text)
        elif kind not in ("link", "title"):
            name = parse(text)
        elif rest and rest.isprintable() and " " not in rest and len(text) <= LONGEST_NAME:
            name = PaperId(text)
    if name is None:
        raise ValueError(f"{field}: {str(text)[:80]!r} is no arXiv id, DOI, link or title id")
    return name


def _observation(row: object, paper: PaperId, source: str, now: datetime) -> Observation:
    if not isinstance(row, dict):
        raise ValueError("observations: not JSON objects")
    values: dict[str, Any] = {"source": source, "at": now}
    for name, check in _SEEN_CHECKS.items():
        if (value := row.get(name)) is not None:
            try:
                values[name] = check(value)
            except ValueError as error:
                raise ValueError(f"observations: {name}: {error}") from None
    if values["at"] > now + AHEAD:
        raise ValueError("observations: at: it is still to come")
    return Observation(paper_id=paper, **values)


def _text(longest: int) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("not text")
        return plain.line(value, longest)

    return check


def _texts(longest: int, most: int) -> Callable[[object], tuple[str, ...]]:
    def check(value: object) -> tuple[str, ...]:
        try:
            if not isinstance(value, list):
                raise TypeError
            joined = " ".join(value)
        except TypeError:
            raise ValueError("not a list of texts") from None
        # Where this is a clean line, so is each of them; most lists are looked at but once.
        short = len(joined) <= longest or max(map(len, value)) <= longest
        if joined and short and len(value) <= most and plain.is_line(joined):
            return tuple(value)
        clean = (plain.line(one, longest) for one in value[:most])
        return tuple(one for one in clean if one)

    return check


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError("not a list of names")
    return value[:MOST_ITEMS]


def _word(value: object) -> str:
    word = value if isinstance(value, str) else ""
    if not 0 < len(word) <= 64 or not word.isprintable():
        raise ValueError("no name of at most 64 characters")
    return word


def _url(value: object) -> str:
    found = plain.url(value)
    if found is None:
        raise ValueError("no http(s) address")
    return found


def _urls(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("not a list of addresses")
    return tuple(_url(one) for one in value[:MOST_ITEMS])


def _day(value: object) -> date:
    try:
        if not isinstance(value, str):
            raise ValueError
        return date.fromisoformat(value[:10])
    except ValueError:
        raise ValueError("no date such as 2026-03-05") from None


def instant(value: object) -> datetime | None:
    """An ISO 8601 instant in UTC, None for what is none or lies outside all reason."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        found = datetime.fromisoformat(value)
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if EARLIEST_YEAR <= found.year <= LATEST_YEAR else None


def _instant(value: object) -> datetime:
    found = instant(value)
    if found is None:
        raise ValueError("no instant such as 2026-03-05T08:00:00Z")
    return found


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_COUNT:
        raise ValueError("not a count")
    return value


def _version(value: object) -> int | None:
    return _count(value) or None  # they are counted from 1


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


_TEXT_OF: Mapping[type, Callable[[Any], str]] = {  # of those kinds that most values have
    str: _quoted,
    tuple: lambda texts: f"[{', '.join(map(_quoted, texts))}]",
}
_COUNTS = ("position", "of", "votes", "comments", "stars")
_TUPLES = tuple(name for name, default in _DEFAULTS.items() if default == ())
_SEEN_CHECKS: Mapping[str, Callable[[object], object]] = {
    "source": _word,
    "at": _instant,
    "listed": _day,
    **dict.fromkeys(_COUNTS, _count),
}
_CHECKS: Mapping[str, Callable[[object], object]] = {
    "aliases": _list,
    "arxiv": _text(plain.LONGEST_URL),
    "doi": _text(plain.LONGEST_URL),
    "title": _text(plain.LONGEST_TITLE),
    "abstract": _text(plain.LONGEST_TEXT),
    "authors": _texts(plain.LONGEST_NAME, MOST_AUTHORS),
    "classes": _texts(32, MOST_ITEMS),
    "published": _day,
    "updated": _day,
    "version": _version,
    "announced": _instant,
    "url": _url,
    "pdf_url": _url,
    "code_url": _url,
    "code_guessed": _flag,
    "project_url": _url,
    "discussion_url": _url,
    "thumbnail_url": _url,
    "media_urls": _urls,
    "organization": _text(plain.LONGEST_NAME),
    "tldr": _text(plain.LONGEST_TEXT),
    "tldr_model": _text(plain.LONGEST_NAME),
    "keywords": _texts(plain.LONGEST_NAME, MOST_ITEMS),
    "comment": _text(plain.LONGEST_TEXT),
    "journal": _text(plain.LONGEST_NAME * 2),
}
