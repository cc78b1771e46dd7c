"""stats: what became of readers, digests and topics over some days, for operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.files import written
from newsletter.cli.options import parse_day, pass_app
from newsletter.cli.show import (
    Shown,
    as_json,
    console,
    counted,
    dump,
    grid,
    say,
    show,
    speaks_unicode,
)
from newsletter.errors import RequestError
from newsletter.rendering import statistics as pages
from newsletter.sparkline import sparkline
from newsletter.statistics import (
    DAY,
    Line,
    Period,
    Statistics,
    Subject,
    TopicLine,
    bar,
    change_in_words,
    fewer,
    in_words,
    signed,
)
from subscribers.model import parse_zone

DEFAULT_DAYS = 30
LONGEST = 366  # days
EARLIEST = date(1990, 1, 1)
MOST_TOPICS = 15  # on a terminal
BESIDE = 56  # columns of a terminal beside a sparkline
WIDEST = 60  # columns of a sparkline
LONGEST_NAME = 26  # characters of a topic's name
BAR = 12  # columns
PLAIN_SIGNS = str.maketrans({"−": "-", "±": "", "–": "-"})


@click.command(epilog="Example: newsletter stats --days 90 --html stats.html")
@click.option(
    "--days", type=click.IntRange(1, LONGEST), show_default=str(DEFAULT_DAYS), help="How many days."
)
@click.option("--since", metavar="DATE", help="The first day; by default --days before the last.")
@click.option("--until", metavar="DATE", help="The last day; by default today.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with plots, which needs nothing beside it.",
)
@as_json
@pass_app
def stats(
    app: App,
    days: int | None,
    since: str | None,
    until: str | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Tell how readers, digests, bounces, votes and topics went, against the days before.

    Days are those of issue.zone.
    """
    if html is not None and as_json:
        raise RequestError("Name --html or --json, not both.")
    zone, now = parse_zone(app.settings.issue.zone), datetime.now(UTC)
    period = _period(days, since, until, now.astimezone(zone).date())
    with app.database.read() as connection:
        found = pipeline.statistics(connection, period, zone, now)
    names = {slug: topic.name for slug, topic in app.catalogue.topics.items() if not topic.own}
    if as_json:
        dump(_as_json(found, names))
    elif html is not None:
        page = pages.page(app.templates, found, names, app.settings.title)
        with written(html) as out:
            out.write(page.encode())
        say(f"Wrote {html}: {_span(found)}.")
    else:
        show(_parts(found, names))


def _period(days: int | None, since: str | None, until: str | None, today: date) -> Period:
    """The days that were asked for; raises RequestError."""
    if days is not None and since is not None and until is not None:
        raise RequestError("Name two of --since, --until and --days: they tell the third.")
    first = None if since is None else _day("--since", since, today)
    last = None if until is None else _day("--until", until, today)
    many = DAY * ((days or DEFAULT_DAYS) - 1)
    if last is None:
        last = today if first is None or days is None else min(first + many, today)
    if first is None:
        first = last - many
    if first > last:
        raise RequestError(f"--since {first} is after --until {last}; name the earlier day first.")
    if (last - first).days >= LONGEST:
        many_days = (last - first).days + 1
        raise RequestError(
            f"From {first} to {last} are {many_days:,} days; ask for {LONGEST} at most."
        )
    return Period(first=first, last=last)


def _day(name: str, text: str, today: date) -> date:
    day = parse_day(text, f"a day for {name}; write it such as 2026-03-05")
    if day > today:
        raise RequestError(f"{name} {day} is still to come; today is {today}.")
    if day < EARLIEST:
        raise RequestError(f"{name} {day}: there is nothing to tell from before {EARLIEST}.")
    return day


def _span(found: Statistics) -> str:
    period = found.period
    days = counted(period.length, "day")
    return f"{period.first} to {period.last}, {days} of {found.zone}"


def _parts(found: Statistics, names: dict[str, str]) -> list[Shown]:
    """What people are shown, in order."""
    if found.silent:
        return [f"{_span(found)}.", "Nothing to tell: there is no reader, and there was no issue."]
    before = found.period.before
    parts: list[Shown] = [
        f"{_span(found)}{'; today is not over' if found.running else ''}.",
        f"Before: {before.first} to {before.last}.",
    ]
    for subject in found.subjects:
        if not subject.silent:
            parts += ["", *_subject(subject)]
    parts += ["", *_topics(found, names)]
    silent = [one.title.lower() for one in found.subjects if one.silent]
    return [*parts, *(["", f"None: {', '.join(silent)}."] if silent else [])]


def _subject(subject: Subject) -> list[Shown]:
    now = ", ".join(f"{many:,} {name}" for name, many in subject.now.items() if many)
    width = max(8, min(console().width - BESIDE, WIDEST))
    lines = [line for line in subject.lines if not line.silent or line is subject.lines[0]]
    return [_table(subject.title, lines, width), *([f" Now: {now}."] if now else [])]


def _table(title: str, lines: list[Line], width: int) -> Table:
    unicode = speaks_unicode()
    rows = [
        [
            ("  " if line.part else "") + line.label,
            sparkline(fewer(line.days, width), unicode=unicode, width=width),
            in_words(line.total, line.unit),
            in_words(line.before, line.unit),
            change_in_words(line),
        ]
        for line in lines
    ]
    return _bare(["", "By day", "Total", "Before", "Change"], rows, title, left=2)


def _topics(found: Statistics, names: dict[str, str]) -> list[Shown]:
    every = found.topics
    if not every and not _wanted(found.own) and not found.plain:
        return ["Topics: none followed yet."]
    most = max((one.followers for one in (*every, found.own)), default=0)
    lines = [(_short(names.get(one.slug, one.slug)), one) for one in every[:MOST_TOPICS]]
    if _wanted(found.own):
        lines.append(("readers' own rules", found.own))
    rows = [
        [
            name,
            bar(one.followers, most, BAR, unicode=speaks_unicode()),
            f"{one.followers:,}",
            signed(one.change),
            f"{one.mutes:,}",
            f"{one.papers:,}",
        ]
        for name, one in lines
    ]
    columns = ["", "Followers", "Now", "Change", "Mutes", "Papers"]
    parts: list[Shown] = [_bare(columns, rows, "Topics", left=2)] if rows else []
    if found.plain:
        parts.append(f" {counted(found.plain, 'paper')} came for no topic: trending, or pinned.")
    if len(every) > MOST_TOPICS:
        parts.append(f" {len(every) - MOST_TOPICS} more topics: --json and --html have them.")
    return parts


def _bare(columns: list[str], rows: list[list[str]], title: str, *, left: int) -> Table:
    """A table without lines, from column `left` on to the right; in signs the terminal has."""
    if not speaks_unicode():
        rows = [[_plain(cell) for cell in row] for row in rows]
    shown = grid(columns, rows, title=title)
    shown.box = None
    shown.title_style = "bold"
    shown.header_style = "dim"
    for at, column in enumerate(shown.columns):
        column.no_wrap = True
        column.justify = "right" if at >= left else "left"
    return shown


def _plain(cell: str) -> str:
    encoding = console().encoding
    return cell.translate(PLAIN_SIGNS).encode(encoding, "replace").decode(encoding)


def _wanted(one: TopicLine) -> bool:
    return bool(one.followers or one.mutes or one.papers or one.change)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."


def _as_json(found: Statistics, names: dict[str, str]) -> dict[str, Any]:
    period, before = found.period, found.period.before
    topic: Callable[[TopicLine], dict[str, Any]] = lambda one: {  # noqa: E731
        "slug": one.slug,
        "name": names.get(one.slug, one.slug),
        **{key: value for key, value in asdict(one).items() if key != "slug"},
    }
    own = {key: value for key, value in asdict(found.own).items() if key != "slug"}
    return {
        "since": period.first,
        "until": period.last,
        "days": period.days,
        "zone": found.zone,
        "at": found.at,
        "before": {"since": before.first, "until": before.last},
        **{one.key: _subject_json(one) for one in found.subjects},
        "topics": [topic(one) for one in found.topics],
        "own_rules": own,
        "papers_for_no_topic": found.plain,
    }


def _subject_json(subject: Subject) -> dict[str, Any]:
    lines = {
        line.key: {
            "unit": line.unit,
            "total": line.total,
            "before": line.before,
            "change": line.change,
            "days": line.days,
        }
        for line in subject.lines
    }
    return ({"now": subject.now} if subject.now else {}) | lines
