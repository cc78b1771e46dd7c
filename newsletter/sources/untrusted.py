"""Reads single values out of what an upstream sent: of the right kind, clean and bounded, or not.

An optional value of a wrong type counts as absent: a star count that became a text is no reason
to lose the paper. What a row cannot do without is checked by its source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from newsletter import plain
from newsletter.errors import SourceError
from newsletter.records import LARGEST_COUNT, MOST_ITEMS, instant
from newsletter.sources.port import Answer

__all__ = ["CHARSET", "Row", "count", "instant", "json_of", "table", "text", "texts"]

Row = Mapping[str, Any]
# The encoding that a Content-Type, or a page's own head, names (RFC 9110 8.3.2).
CHARSET = re.compile(rb"charset=['\"]?([\w.-]+)", re.IGNORECASE)


def json_of(answer: Answer) -> Any:
    """The answer as JSON; raises SourceError where it is none, or nested too deeply to be meant."""
    try:
        return json.loads(answer.whole(), parse_constant=_refuse)
    except RecursionError:
        raise SourceError("the JSON is nested too deeply.", where=answer.where) from None
    except ValueError as error:  # also UnicodeDecodeError
        kind = plain.line(answer.content_type.partition(";")[0], 80)
        said = f"{kind} instead of JSON" if kind and "json" not in kind else f"not JSON: {error}"
        raise SourceError(f"{said}.", where=answer.where) from error


def table(value: object) -> Row:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: object, longest: int = plain.LONGEST_TITLE) -> str:
    """One line of plain text, "" for what is none."""
    return plain.unmarked(value, longest) if isinstance(value, str) else ""


def texts(
    value: object, longest: int = plain.LONGEST_NAME, most: int = MOST_ITEMS
) -> tuple[str, ...]:
    """The texts of a list, those that are empty or none left out."""
    items = value[:most] if isinstance(value, list) else []
    return tuple(one for item in items if (one := text(item, longest)))


def count(value: object) -> int | None:
    """A count of votes or the like, None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_COUNT:
        return None
    return value


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")
