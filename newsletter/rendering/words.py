"""Freezes the words of a language that digests are joined from: `wording.Wording`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from newsletter.language import Language
from newsletter.wording import DigestKind, Wording
from subscribers.model import LONGEST


def freeze(language: Language, day: date) -> Wording:
    """The words of an issue's digests; raises KeyError where a translation loses a {name}."""
    _, n = language.gettext, language.ngettext

    def each(told: Callable[[int], str]) -> tuple[str, ...]:
        return tuple(told(number) for number in range(LONGEST + 1))

    def numbered(one: str, many: str) -> tuple[str, ...]:
        return each(lambda number: n(one, many, number).replace("{n}", language.number(number)))

    full = language.weekday(day)
    return Wording(
        counts=numbered("{n} paper", "{n} papers"),
        subjects=numbered("{names} and {n} more", "{names} and {n} more"),
        on=numbered("{n} paper on {topics}, best first.", "{n} papers on {topics}, best first."),
        trending=numbered(
            "{n} paper that is trending, best first.", "{n} papers that are trending, best first."
        ),
        more=(
            *numbered("{n} more paper for you", "{n} more papers for you"),
            _("Over {n} more papers for you").replace("{n}", language.number(LONGEST)),
        ),
        both=_("{first} and {last}"),
        because=_("Because you follow {topics}"),
        trending_now=_("Trending now"),
        chosen=_("Chosen by the editor"),
        occasions={
            DigestKind.DAILY: full,
            DigestKind.WEEKLY: _("The week to {day}").format(day=full),
            DigestKind.CATCH_UP: _("What you missed, up to {day}").format(day=full),
        },
        openings={
            DigestKind.DAILY: _("For you today, best first"),
            DigestKind.WEEKLY: _("For you this week, best first"),
            DigestKind.CATCH_UP: _("While you were away, best first"),
        },
        subject_patterns={
            DigestKind.DAILY: "{subject}",
            DigestKind.WEEKLY: _("This week: {subject}"),
            DigestKind.CATCH_UP: _("Catching up: {subject}"),
        },
        months=language.long_patterns(),
    )
