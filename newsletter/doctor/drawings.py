"""Templates and translations: what of them does not hold, or is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from newsletter.doctor.findings import Finding, error, ok, warning

TEMPLATES, LANGUAGE, STRANGE, LETTERS = "templates", "language", "strange", "letters"
_CHECK = "Mend it, and run `newsletter templates check`."


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """What a translation does not say."""

    code: str
    missing: tuple[str, ...]  # in English
    of: int  # messages there are
    configured: bool = False  # whether it is that of readers who chose none


def broken(told: Iterable[str]) -> Iterator[Finding]:
    """Templates that do not compile or cannot be filled in, in their own words."""
    return (error(TEMPLATES, one, _CHECK) for one in dict.fromkeys(told))


def sound(number: int, own: int, languages: Iterable[str]) -> Finding:
    """That all of them hold."""
    mine = f", {own} of them yours" if own else ""
    return ok(
        TEMPLATES,
        f"{number} templates compile{mine}; every mail can be drawn in {', '.join(languages)}.",
    )


def strange(files: Iterable[str]) -> Iterator[Finding]:
    """Files that take nothing's place."""
    for one in files:
        yield warning(
            STRANGE,
            f"{one} takes the place of none of our templates, so it is never used.",
            "Name it as `newsletter templates list` has it, or remove it.",
        )


def languages(found: Iterable[Gaps]) -> Iterator[Finding]:
    """Whether translations say everything."""
    for one in found:
        whose = " (the publication's language)" if one.configured else ""
        if not one.missing:
            yield ok(LANGUAGE, f"The translation into {one.code}{whose} is complete.")
            continue
        yield warning(
            LANGUAGE,
            f"The translation into {one.code}{whose} lacks {len(one.missing)} of {one.of} "
            f"messages, which stay English, such as {_short(one.missing[0])!r}.",
            f"Add them to translations/{one.code}.po.",
        )


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
