"""Finds what a translation does not say; ours are held against the code when they are made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from babel.messages.pofile import PoFileError, read_po

from newsletter.errors import TemplateError
from newsletter.language import ENGLISH, OURS


def every() -> frozenset[str]:
    """All messages there are, in English: those of our own translations."""
    return frozenset(one for file in OURS.glob("*.po") for one in _messages(file))


def missing(code: str, folders: Sequence[Path], messages: frozenset[str]) -> list[str]:
    """Those of `messages` that a language has no words for; raises TemplateError.

    The folders are operators' own; ours comes last, and the first that has the language counts.
    """
    files = (folder / f"{code}.po" for folder in (*folders, OURS))
    file = next((one for one in files if one.is_file()), None)
    if file is None:
        return [] if code == ENGLISH else sorted(messages)
    if code == ENGLISH:
        return []  # what it does not say otherwise is English as it is
    told = _messages(file)
    return sorted(one for one in messages if not told.get(one))


def _messages(file: Path) -> dict[str, bool]:
    """The messages of a file, and whether they have words."""
    try:
        with file.open("rb") as source:
            catalogue = read_po(source, abort_invalid=True)
    except (OSError, ValueError, PoFileError) as error:
        raise TemplateError(f"Translation {file} cannot be read: {error}.") from error
    found = {}
    for one in catalogue:
        name = one.id if isinstance(one.id, str) else one.id[0]
        words = (one.string,) if isinstance(one.string, str) else tuple(one.string or ())
        if name:
            found[name] = bool(words) and all(words) and not one.fuzzy
    return found
