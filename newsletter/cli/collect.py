"""collect: asks the sources, and tells what each brought."""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from newsletter import pipeline, sources
from newsletter.app import App
from newsletter.cli.options import parse_day, pass_app
from newsletter.cli.show import as_json, complain, dump, progress, say, table
from newsletter.errors import RequestError, SourceError
from newsletter.pipeline import Collected
from newsletter.sources import Ask, Source

FILE_KINDS = ("jsonl", "bibtex", "page")
INTERRUPTED = 130  # as a shell tells it: 128 and the signal
MOST_TOLD = 10  # refused rows told one by one; --json has more
_WEEK = re.compile(r"\d{4}-W\d{2}")


@click.command(epilog="Example: newsletter collect --source huggingface --date 2026-03-05")
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--source", "names", multiple=True, help="Only this source; may be repeated.")
@click.option("--date", "day", help="The lists of this day, such as 2026-03-05.")
@click.option("--week", help="The lists of this week, such as 2026-W10.")
@click.option("--since", help="The lists of this day and those after it.")
@click.option("--until", help="With --since: the last day, included.")
@click.option("--as", "kind", type=click.Choice(FILE_KINDS), help="What FILE is.")
@as_json
@click.pass_context
@pass_app
def collect(
    app: App,
    context: click.Context,
    files: tuple[str, ...],
    names: tuple[str, ...],
    day: str | None,
    week: str | None,
    since: str | None,
    until: str | None,
    kind: str | None,
    as_json: bool,
) -> None:
    """Ask the configured sources for what is new, or read FILE.

    A FILE is JSON lines (.jsonl), a bibliography (.bib) or a saved page of trending papers, a
    folder of those, or "-" for standard input. A paper that is here already is kept once; what was
    observed of it is added to what was observed before. A run that was interrupted goes on where
    it stopped.

    One source failing does not stop the others; the exit code is 4 then, and where all that a
    source told was refused.
    """
    now = datetime.now(UTC)
    ask = _ask(day, week, since, until, now)
    chosen = _chosen(app, files, names, kind, ask)
    try:
        with progress("Collecting papers", None) as advance:
            done = pipeline.collect(app.database, app.fetcher, chosen, now, ask, advance)
    except KeyboardInterrupt:
        complain("Stopped. What was read is kept; the same command goes on where it stopped.")
        context.exit(INTERRUPTED)
    if as_json:
        dump([_row(one) for one in done])
    else:
        _tell(done)
    for one in done:
        if one.error is not None:
            complain(f"{one.source}: {one.error}")
    if any(one.error or (one.refused and not one.papers) for one in done):
        context.exit(SourceError.exit_code)


def _ask(
    day: str | None, week: str | None, since: str | None, until: str | None, now: datetime
) -> Ask:
    ask = _days(day, week, since, until)
    if ask.since and ask.since > now.date() + timedelta(days=1):  # further east it may have begun
        raise RequestError(f"There are no papers of {ask.since} yet.")
    return ask


def _days(day: str | None, week: str | None, since: str | None, until: str | None) -> Ask:
    if sum(one is not None for one in (day, week, since)) > 1:
        raise RequestError("Name one of --date, --week and --since.")
    if until is not None and since is None:
        raise RequestError("--until goes with --since.")
    if day is not None:
        return Ask(since=parse_day(day), until=parse_day(day))
    if week is not None:
        monday = _monday(week)
        return Ask(since=monday, until=monday + timedelta(days=6))
    if since is None:
        return sources.NEWS
    ask = Ask(since=parse_day(since), until=parse_day(until) if until else None)
    if ask.since and ask.until and ask.until < ask.since:
        raise RequestError(f"--until {until} is before --since {since}.")
    return ask


def _monday(week: str) -> date:
    try:
        if not _WEEK.fullmatch(week):
            raise ValueError
        return date.fromisocalendar(int(week[:4]), int(week[6:]), 1)
    except ValueError:
        raise RequestError(f"{week!r} is not a week; write it such as 2026-W10.") from None


def _chosen(
    app: App, files: tuple[str, ...], names: tuple[str, ...], kind: str | None, ask: Ask
) -> list[Source]:
    if files and (names or ask.is_for_days):
        raise RequestError("Name files or sources and days, not both.")
    if kind is not None and not files:
        raise RequestError("--as goes with a FILE.")
    if files:
        return [one for name in files for one in _files(name, kind)]
    chosen = app.sources(names)
    if not ask.is_for_days:
        return chosen
    dated = [one for one in chosen if one.dated]
    undated = [one.name for one in chosen if not one.dated]
    if not dated or (names and undated):
        raise RequestError(f"{', '.join(undated)} cannot be asked for days.")
    return dated


def _files(name: str, kind: str | None) -> list[Source]:
    """The source that reads a file; of a folder, one for each file that some kind reads."""
    if name == "-":
        peek = getattr(sys.stdin.buffer, "peek", lambda _: b"")
        beginning = peek(sources.BEGINNING)[: sources.BEGINNING]
        return [_file(kind or sources.kind_of_text(beginning), name)]
    path = Path(name)
    if kind is not None or not path.is_dir():
        return [_file(kind or sources.kind_of_file(path), name)]
    try:
        chosen, passed_over = sources.files_of(path)
    except OSError as error:
        raise RequestError(f"{name} cannot be read: {error.strerror}.") from error
    if not chosen:
        raise RequestError(f"{name} holds no file that could be read: .jsonl, .bib or .txt.")
    if passed_over:
        say(f"Passed over in {name}: {', '.join(passed_over[:MOST_TOLD])}.")
    return [_file(found, str(file)) for found, file in chosen]


def _file(kind: str | None, name: str) -> Source:
    if kind is None:
        raise RequestError(f"{name} is no text; --as tells what it is.")
    return sources.build(kind, {"kind": kind, "path": name}, Path.cwd())


def _tell(done: list[Collected]) -> None:
    rows = [
        [
            one.source,
            one.papers,
            one.new,
            one.changed,
            one.observations,
            one.refused,
            "failed" if one.error else "resumed" if one.resumed else "",
        ]
        for one in done
    ]
    table(["Source", "Papers", "New", "Changed", "Observations", "Refused", "State"], rows)
    for one in done:
        for note in one.notes:
            say(f"{one.source}: {note}.")
        for told in one.told[:MOST_TOLD]:
            say(f"{one.source}: refused {told.rstrip('.')}.")
        if one.refused > MOST_TOLD:
            say(f"{one.source}: and {one.refused - MOST_TOLD} more refused; --json tells them.")


def _row(one: Collected) -> dict[str, Any]:
    row = dict(vars(one))
    return row | {"refusals": row.pop("told"), "error": str(one.error) if one.error else None}
