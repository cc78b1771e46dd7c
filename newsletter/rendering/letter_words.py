"""What letters to who publishes say: an issue waits for the editor, something needs a hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from newsletter.alerts import Alert
from newsletter.language import Language
from newsletter.papers import Paper
from newsletter.plain import line
from newsletter.preflight.findings import Finding, Level
from newsletter.rendering.faces import Entry, face
from newsletter.trending import UNTOLD

MOST_FINDINGS = 12  # `newsletter preflight` tells them all
LONGEST = 300  # characters of a sentence from outside
LONGEST_SUBJECT = 70  # characters of an alert in a subject: phones show fewer


@dataclass(frozen=True, kw_only=True)
class Item:
    """One of several things: what it is called, and lines about it."""

    title: str
    url: str = ""
    lines: Sequence[str] = ()
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Things under a heading."""

    heading: str
    entries: Sequence[Item]


@dataclass(frozen=True, kw_only=True)
class Words:
    """All that a letter says."""

    subject: str
    heading: str
    paragraphs: Sequence[str]
    why: str  # why this mail came
    button: str = ""
    url: str = ""
    rows: Sequence[tuple[str, str]] = ()
    commands: Sequence[tuple[str, str]] = ()  # what each does, and the command
    blocks: Sequence[Block] = ()
    notes: Sequence[str] = ()
    leave: str = ""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A paper of an issue, as an editor is shown it."""

    paper: Paper | None  # None: it is not there any more
    title: str
    trend: float
    pinned: bool
    topics: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Review:
    """An issue that waits for approval."""

    day: date
    since: datetime
    by: str
    reason: str
    papers: int
    readers: int
    first_due: datetime | None
    passes: bool | None  # the preflight; None: it was not asked
    findings: Sequence[Finding]
    top: Sequence[Listed]
    page: str  # the name of the digest that is attached


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """An alert, and how long it is or was open."""

    alert: Alert
    since: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """What an operator is told at a time."""

    new: Sequence[Trouble] = ()
    still: Sequence[Trouble] = ()
    over: Sequence[Trouble] = ()


def review(language: Language, told: Review) -> Words:
    """Asks the editor to look at an issue, and tells how to let it go."""
    _ = language.gettext
    day = told.day.isoformat()
    subject = _("Issue {day} waits for your approval").format(day=day)
    if told.passes is False:
        subject += ", " + _("the preflight refuses it")
    held = _instant(told.since)
    if told.by:
        held += f", {told.by}" + (f": {line(told.reason, LONGEST)}" if told.reason else "")
    rows = [
        (_("Held since"), held),
        (_("Papers"), language.number(told.papers)),
        (_("Readers due"), language.number(told.readers)),
    ]
    if told.first_due is not None:
        rows.append((_("The first of them at"), _instant(told.first_due)))
    if told.passes is not None:
        rows.append((_("Preflight"), _verdict(language, told)))
    return Words(
        subject=subject,
        heading=_("{day} waits for your approval").format(day=language.weekday(told.day)),
        paragraphs=[
            _("Nothing of this issue leaves, and no page shows it, before you approve it.")
        ],
        rows=rows,
        commands=[
            (_("Let it go"), f"newsletter issues approve {day}"),
            (_("Take a paper out first"), "newsletter papers hide PAPER"),
            (_("Never send it"), f"newsletter issues cancel {day} --why TEXT"),
        ],
        blocks=[
            *_findings(language, told),
            Block(
                heading=_("Its papers, the most trending first"),
                entries=[_paper(language, at, one) for at, one in enumerate(told.top, 1)],
            ),
        ],
        notes=[
            _(
                "Attached is {file}, the digest of a reader who follows no topic. For that of any "
                "reader, run: {command}"
            ).format(file=told.page, command=f"newsletter preview ADDRESS --issue {day}")
        ],
        why=_("You get this because report.editor or report.to names your address."),
    )


def alert(language: Language, told: Alarm) -> Words:
    """Tells the operator what needs a hand, and what does no more."""
    _, n = language.gettext, language.ngettext
    first, pattern = _first(language, told)
    subject = pattern.format(what=line(first.alert.words(language.gettext), LONGEST_SUBJECT))
    others = len(told.new or told.still or told.over) - 1
    if others:
        subject += " " + n("(and {n} more)", "(and {n} more)", others).format(
            n=language.number(others)
        )
    open_ = len(told.new) + len(told.still)
    return Words(
        subject=subject,
        heading=n("{n} thing needs a hand", "{n} things need a hand", open_).format(
            n=language.number(open_)
        )
        if open_
        else _("Nothing needs a hand any more"),
        paragraphs=[
            _("This is what was found; a mail like it comes once a day while anything is left.")
            if open_
            else _("What you were told of is over.")
        ],
        blocks=[
            Block(heading=heading, entries=[_trouble(language, one) for one in found])
            for heading, found in (
                (_("New"), told.new),
                (_("As before"), told.still),
                (_("Over"), told.over),
            )
            if found
        ],
        notes=[_("For what is open now, run: {command}").format(command="newsletter alerts")],
        why=_("You get this because report.to names your address, and report.alerts is on."),
    )


def _first(language: Language, told: Alarm) -> tuple[Trouble, str]:
    """What the subject tells, and how."""
    _ = language.gettext
    if told.new:
        return told.new[0], _("Needs a hand: {what}")
    if told.still:
        return told.still[0], _("Still needs a hand: {what}")
    return told.over[0], _("Over: {what}")


def _trouble(language: Language, one: Trouble) -> Item:
    _ = language.gettext
    since = _("Since {instant}").format(instant=_instant(one.since))
    if one.ended_at is not None:
        since = _("From {first} to {last}").format(
            first=_instant(one.since), last=_instant(one.ended_at)
        )
    return Item(
        title=line(one.alert.words(language.gettext), 2 * LONGEST),
        lines=[since],
        command=one.alert.look if one.ended_at is None else "",
    )


def _verdict(language: Language, told: Review) -> str:
    _, n = language.gettext, language.ngettext
    warnings = sum(one.level is Level.WARNING for one in told.findings)
    errors = len(told.findings) - warnings
    counted = []
    if errors:
        counted.append(n("{n} error", "{n} errors", errors).format(n=language.number(errors)))
    if warnings:
        counted.append(
            n("{n} warning", "{n} warnings", warnings).format(n=language.number(warnings))
        )
    verdict = _("passes") if told.passes else _("refuses it")
    return ", ".join((verdict, *counted))


def _findings(language: Language, told: Review) -> list[Block]:
    _, n = language.gettext, language.ngettext
    levels = {Level.FATAL: _("Fatal"), Level.ERROR: _("Error"), Level.WARNING: _("Warning")}
    entries = [
        Item(
            title=f"{levels[one.level]}: {line(one.says, LONGEST)}",
            lines=[line(part, LONGEST) for part in (one.do, _where(language, one)) if part.strip()],
        )
        for one in told.findings[:MOST_FINDINGS]
    ]
    more = len(told.findings) - len(entries)
    if more:
        told_more = n("and {n} more finding", "and {n} more findings", more)
        entries.append(
            Item(
                title=told_more.format(n=language.number(more)),
                command=f"newsletter preflight {told.day.isoformat()}",
            )
        )
    return [Block(heading=_("What the preflight found"), entries=entries)] if entries else []


def _where(language: Language, one: Finding) -> str:
    if one.times < 2:
        return one.where
    told = language.gettext("{where}, and {n} mails in all")
    return told.format(where=one.where, n=language.number(one.times)) if one.where else ""


def _paper(language: Language, at: int, one: Listed) -> Item:
    _ = language.gettext
    about = _("trend {n} of 100").format(n=language.number(round(100 * one.trend)))
    chosen = [_("pinned by the editor")] if one.pinned else []
    title, first = f"{at}. {one.title}", " · ".join((*chosen, about, *one.topics))
    if one.paper is None:
        return Item(title=title, lines=[first])
    shown = face(Entry(paper=one.paper, trend=UNTOLD, pinned=one.pinned), language)
    lines = (first, shown.meta, f"{shown.by_machine} {shown.gist}".strip())
    return Item(title=title, url=shown.url, lines=[one for one in lines if one])


def _instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
