"""Draws what operators are told of a period as one page, which needs nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from markupsafe import Markup

from newsletter import plots
from newsletter.language import ENGLISH, Language
from newsletter.plots import Scale, Told
from newsletter.rendering.templates import Templates
from newsletter.sparkline import sparkline_svg
from newsletter.statistics import (
    Line,
    Statistics,
    Subject,
    TopicLine,
    Unit,
    change_in_words,
    fewer,
    in_words,
    signed,
)

TILES = (  # what is told at the top
    ("readers", "readers", "Readers"),
    ("digests", "sent", "Digests sent"),
    ("returns", "bounce_rate", "Bounce rate"),
    ("returns", "complaint_rate", "Complaint rate"),
    ("leaving", "unsubscribe_rate", "Unsubscribe rate"),
    ("votes", "votes", "Votes"),
)
MOST_TOPICS = 20  # that are seen at once; the rest is behind a fold
WATCHED, TOO_MUCH = 0.001, 0.003  # of complaints: what Gmail asks senders to stay below, and never
SPANS = tuple(60.0 * one for one in (0.5, 1, 2, 4, 10, 20, 40, 60, 120, 240, 480, 1440, 2880))
TILE_POINTS = 45  # of a sparkline


@dataclass(frozen=True, kw_only=True)
class Key:
    """A colour and what it stands for."""

    number: int
    label: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A drawing with what stands around it."""

    title: str
    drawn: Markup
    ticks: list[tuple[float, str]]  # how far from the top, in percent, and the number
    dates: list[str]
    keys: list[Key]


def page(
    templates: Templates, found: Statistics, names: Mapping[str, str], publication: str
) -> str:
    """The page as HTML; raises TemplateError."""
    language = templates.language(ENGLISH)
    drawing = _Drawing(found, language)
    wanted = [*found.topics, found.own]
    most = max((one.followers for one in wanted), default=0)
    values: dict[str, Any] = {
        "publication": publication,
        "found": found,
        "span": f"{language.long(found.period.first)} to {language.long(found.period.last)}",
        "before": f"{language.short(found.period.before.first)} to "
        f"{language.short(found.period.before.last)}",
        "at": f"{found.at:%Y-%m-%d %H:%M} UTC",
        "tiles": [drawing.tile(*one) for one in TILES],
        "sections": [drawing.section(one) for one in found.subjects],
        "silent": ", ".join(one.title.lower() for one in found.subjects if one.silent),
        "topics": [_topic(one, names.get(one.slug, one.slug), most) for one in found.topics],
        "own": _topic(found.own, "readers’ own rules", most),
        "most_topics": MOST_TOPICS,
        "plain": in_words(found.plain, Unit.COUNT),
    }
    return templates.render("pages/stats.html", values, ENGLISH)


class _Drawing:
    """Makes figures and tables of one period's lines."""

    def __init__(self, found: Statistics, language: Language) -> None:
        self._found = found
        self._days = found.period.days
        self._language = language

    def tile(self, subject: str, key: str, label: str) -> dict[str, Any]:
        """One number with its course."""
        line = self._found.subject(subject).line(key)
        course = fewer(line.days, TILE_POINTS)
        verdict = ""
        if key == "complaint_rate" and line.total is not None and line.total >= WATCHED:
            verdict = "too high" if line.total >= TOO_MUCH else "watch it"
        drawn = sparkline_svg(course, title=f"{label}, day by day", width=120, height=28)
        return {
            "label": label,
            "value": in_words(line.total, line.unit),
            "change": change_in_words(line),
            "before": in_words(line.before, line.unit),
            "verdict": verdict,
            "drawn": _trusted(drawn),
        }

    def section(self, subject: Subject) -> dict[str, Any]:
        """A subject's figures and numbers."""
        lines = [one for one in subject.lines if not one.silent or one is subject.lines[0]]
        return {
            "key": subject.key,
            "title": subject.title,
            "silent": subject.silent,
            "now": [(name, f"{many:,}") for name, many in subject.now.items() if many],
            "figures": [] if subject.silent else self._figures(subject),
            "rows": [_row(one) for one in lines],
            "columns": [one.label for one in lines],
            "days": [
                (day.isoformat(), [in_words(one.days[at], one.unit) for one in lines])
                for at, day in enumerate(self._days)
            ],
        }

    def _figures(self, subject: Subject) -> list[Figure]:
        line = subject.line
        match subject.key:
            case "readers":
                gone = _sum([line("unsubscribed"), line("erased")])
                return [
                    self._lines(
                        "readers", "Readers at the end of a day", [line("readers")], area=True
                    ),
                    self._balance(
                        "growth", "Confirmed, and left", line("confirmed"), gone, "left or erased"
                    ),
                ]
            case "digests":
                states = [line(key) for key in ("sent", "skipped", "failed", "unknown", "waiting")]
                waits = [line("latency_p50"), line("latency_p95")]
                return [
                    self._columns("digests", "Digests by what became of them", states),
                    self._lines("latency", "From a reader’s hour to sent", waits),
                ]
            case "returns":
                kinds = [line(key) for key in ("hard", "soft", "ours")]
                rate = [line("complaint_rate")]
                return [
                    self._columns("bounces", "Bounces", kinds),
                    self._columns("complaints", "Complaint rate", rate, [WATCHED, TOO_MUCH]),
                ]
            case "votes":
                told = "Votes for more, and for less"
                return [self._balance("votes", told, line("more"), line("less"), "less like this")]
            case "issues":
                return [self._columns("papers", "Papers a digest", [line("papers_a_digest")])]
        titles = {"leaving": "How readers left", "suppressions": "New suppressions, by kind"}
        parts = [one for one in subject.lines if one.part]
        return [self._columns(subject.key, titles[subject.key], parts)]

    def _columns(
        self, key: str, title: str, lines: Sequence[Line], rules: Sequence[float] = ()
    ) -> Figure:
        stacks = [one.days for one in lines]
        heights = [sum(value or 0 for value in day) for day in zip(*stacks, strict=True)]
        axis = plots.scale(max((*heights, *rules)))
        drawn = plots.columns(
            self._told(key, title, lines), stacks, axis, self._labels(lines), rules=rules
        )
        return self._figure(title, drawn, axis, lines)

    def _balance(self, key: str, title: str, up: Line, down: Line, below: str) -> Figure:
        most, least = (max(value or 0 for value in one.days) for one in (up, down))
        axis = plots.scale(most, -least)
        told = self._told(key, title, [up])
        drawn = plots.balance(told, up.days, down.days, axis, self._labels([up, down]))
        return self._figure(title, drawn, axis, [up, down], ["", below])

    def _lines(self, key: str, title: str, lines: Sequence[Line], *, area: bool = False) -> Figure:
        among = SPANS if lines[0].unit is Unit.SECONDS else ()
        axis = plots.scale(max(value or 0 for one in lines for value in one.days), among=among)
        drawn = plots.lines(
            self._told(key, title, lines),
            [one.days for one in lines],
            axis,
            self._labels(lines),
            area=area,
        )
        return self._figure(title, drawn, axis, lines)

    def _figure(
        self, title: str, drawn: str, axis: Scale, lines: Sequence[Line], names: Sequence[str] = ()
    ) -> Figure:
        unit = lines[0].unit
        named = [*names, *[""] * len(lines)]
        keys = [
            Key(number=number, label=named[number] or one.label)
            for number, one in enumerate(lines)
            if not one.silent
        ]
        return Figure(
            title=title,
            drawn=_trusted(drawn),
            ticks=[
                (axis.height(tick), _tick(tick, unit))
                for tick in plots.ticks(axis)
                if tick % 1 == 0 or unit not in (Unit.COUNT, Unit.LEVEL)  # nobody is half a reader
            ],
            dates=[self._language.short(day) for day in _spread(self._days)],
            keys=keys if len(lines) > 1 else [],
        )

    def _labels(self, lines: Sequence[Line]) -> list[str]:
        """What a pointer is told, a day each."""
        return [
            f"{self._language.short(day)}: "
            + ", ".join(
                f"{one.label} {in_words(one.days[at], one.unit)}"
                for one in lines
                if one.days[at] or len(lines) == 1
            )
            for at, day in enumerate(self._days)
        ]

    def _told(self, key: str, title: str, lines: Sequence[Line]) -> Told:
        """The drawing in words: what it comes to, and its highest day."""
        words = []
        for one in lines:
            known = [(value, at) for at, value in enumerate(one.days) if value is not None]
            if one.silent or not known:
                continue
            most, at = max(known, key=lambda pair: (pair[0], -pair[1]))
            words.append(
                f"{one.label}: {in_words(one.total, one.unit)} over the period, "
                f"at most {in_words(most, one.unit)}, on {self._language.short(self._days[at])}"
            )
        return Told(key=f"plot-{key}", title=title, words="; ".join(words) + ".")


def _row(line: Line) -> dict[str, Any]:
    return {
        "label": line.label,
        "part": line.part,
        "total": in_words(line.total, line.unit),
        "before": in_words(line.before, line.unit),
        "change": change_in_words(line),
    }


def _topic(one: TopicLine, name: str, most: int) -> dict[str, Any]:
    return {
        "name": name,
        "share": round(100 * one.followers / most, 1) if most else 0,
        "followers": f"{one.followers:,}",
        "change": signed(one.change),
        "mutes": f"{one.mutes:,}",
        "papers": f"{one.papers:,}",
        "silent": not (one.followers or one.mutes or one.change or one.papers),
    }


def _sum(lines: Sequence[Line]) -> Line:
    days = tuple(
        sum(value or 0 for value in day) for day in zip(*(x.days for x in lines), strict=True)
    )
    return Line(key="sum", label="left or erased", days=days, total=sum(days), before=None)


def _tick(value: float, unit: Unit) -> str:
    if unit is Unit.SHARE:
        return f"{value * 100:g} %"
    if unit is Unit.SECONDS:
        return in_words(value, unit)
    return f"{abs(value):,.1f}".removesuffix(".0")


def _spread(days: Sequence[date]) -> list[date]:
    """The first day, the last, and those that stand evenly between."""
    many = min(len(days), 4)
    return [days[round(at * (len(days) - 1) / max(many - 1, 1))] for at in range(many)]


def _trusted(drawn: str) -> Markup:
    return Markup(drawn)  # noqa: S704  drawn by our own code, which escapes every word in it
