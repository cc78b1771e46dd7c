"""import and export of the noun subscribers: who gets mail, as CSV."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.collect import INTERRUPTED
from newsletter.cli.files import written
from newsletter.cli.options import language_of, pass_app
from newsletter.cli.show import as_json, complain, counted, dump, progress, say, table
from newsletter.errors import RequestError
from newsletter.pipeline import Imported
from subscribers import addresses, roster, store
from subscribers.errors import PreferenceError, RosterError
from subscribers.model import Preferences, State, parse_days, parse_time, parse_zone
from subscribers.roster_columns import OURS, PRESETS, Layout, layout
from subscribers.roster_entries import LONGEST_FORM, Judge, Refusal, Terms, row_of

MOST_TOLD = 20  # refused rows told one by one; --refused has all
MOST_AS_JSON = 1000
MOST_TAGS = 10  # tags told that are no topics
PRIVATE = 0o600  # addresses are nobody else's business


@click.command(
    "import",
    epilog="Example: newsletter subscribers import audience.csv --consent 'sign-up form, 2024'",
)
@click.argument("file")
@click.option("--consent", help="Where its readers agreed to get mail; kept with each as proof.")
@click.option("--from", "kind", type=click.Choice(sorted(PRESETS)), help="Whose export FILE is.")
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="OURS=COLUMN",
    help="Where a column of ours stands; may be repeated.",
)
@click.option("--topic", "-t", multiple=True, help="A topic that all follow; may be repeated.")
@click.option("--at", help="The hour of all their digests, such as 08:00.")
@click.option("--zone", help="The time zone of that hour, such as Europe/Oslo.")
@click.option("--days", help="daily, weekdays, or days such as mon,wed,fri.")
@click.option("--length", type=int, help="Papers a digest at most.")
@click.option("--language", help="The language of their digests, such as de.")
@click.option("--confirm", "ask", is_flag=True, help="Ask every owner by mail first.")
@click.option("--update", "change", is_flag=True, help="Change who is here already, too.")
@click.option("--dry-run", "dry", is_flag=True, help="Tell what would happen; keep nothing.")
@click.option(
    "--refused",
    "refused_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write all refused rows to this CSV file.",
)
@as_json
@click.pass_context
@pass_app
def import_(
    app: App,
    context: click.Context,
    file: str,
    consent: str | None,
    kind: str | None,
    maps: tuple[str, ...],
    topic: tuple[str, ...],
    at: str | None,
    zone: str | None,
    days: str | None,
    length: int | None,
    language: str | None,
    ask: bool,
    change: bool,
    dry: bool,
    refused_file: Path | None,
    as_json: bool,
) -> None:
    """Subscribe the rows of FILE, a CSV of yours or of another service; "-" is standard input.

    The columns are found by the header; --map names others. What a row says of topics, mutes, at,
    zone, days, length or language goes before the options. Who is here already stays as they are,
    unless --update; who left or is suppressed, here or there, is never subscribed again.

    Rows that are refused do not stop the others; the exit code is 2 where the file could not be
    read to its end, or all of its rows were refused. What was read before is kept, and running it
    again is harmless. docs/importing.md tells the columns.
    """
    named = {"at": at, "zone": zone, "days": days, "language": language}
    terms = Terms(
        consent=_consent(consent),
        now=datetime.now(UTC),
        ask=ask,
        wishes=_wishes(app, topic, length, named),
        topic=_topics(app),
        language=_languages(app),
    )
    mapped = _mapped(maps)
    told: list[Refusal] = []
    done = found = None
    with _opened(file, refused_file) as source, _refusals(refused_file) as write:

        def refuse(one: Refusal) -> None:
            if len(told) < MOST_AS_JSON:
                told.append(one)
            write(one)

        try:
            reader = roster.Reader(source)
            found = layout(reader.header, kind, mapped)
        except RosterError as error:
            raise RequestError(f"{_called(file)}, {error}") from error
        try:
            with progress("Importing, bytes", _size(source)) as advance:
                done = pipeline.import_subscribers(
                    app.database,
                    app.signer,
                    reader,
                    Judge(found, terms),
                    terms,
                    change=change,
                    dry=dry,
                    refuse=refuse,
                    progress=advance,
                )
        except KeyboardInterrupt:
            complain("Stopped. What was read is kept; the same command again is harmless.")
            context.exit(INTERRUPTED)
    if as_json:
        dump(_row(done, found, told, dry))
    else:
        _tell(done, found, told, refused_file, dry)
    if done.error is not None:
        complain(f"{_called(file)}, {done.error} {_until(done, dry)}")
    elif done.rows and done.refused == done.rows:
        complain(f"{_called(file)}: every row was refused.")
    if done.error is not None or (done.rows and done.refused == done.rows):
        context.exit(RequestError.exit_code)


@click.command("export", epilog="Example: newsletter subscribers export readers.csv")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only these.")
@pass_app
def export(app: App, file: Path | None, state: str | None) -> None:
    """Write subscribers as CSV to FILE, which only you can read, or to standard output.

    Who was erased is not in it. `newsletter subscribers import` reads it again. An apostrophe
    stands before what a spreadsheet would take for a formula; import takes it away.
    """
    file = None if str(file) == "-" else file
    number = 0
    with written(file, PRIVATE) as out, app.database.read() as connection:
        out.write(roster.written([OURS]))
        for batch in store.in_batches(connection, State(state) if state else None):
            named = [one for one in batch if addresses.domain(one.address) != store.ERASED]
            out.write(roster.written(map(row_of, named)))
            number += len(named)
    if file is not None:
        say(f"Wrote {counted(number, 'subscriber')} to {file}.")


COMMANDS = (import_, export)


def _consent(text: str | None) -> str:
    if text is None or not text.strip():
        raise RequestError(
            "Say where these readers agreed to get mail, such as --consent 'sign-up form of "
            "example.org'. It is kept with each of them as proof."
        )
    if len(text.strip()) > LONGEST_FORM or not text.isprintable():
        raise RequestError(
            f"--consent is one line of printable characters, {LONGEST_FORM} at most."
        )
    return text.strip()


def _wishes(
    app: App, topics: tuple[str, ...], length: int | None, named: Mapping[str, str | None]
) -> dict[str, str]:
    """The options as a row would say them; raises what is wrong with one."""
    said = {name: value for name, value in named.items() if value is not None}
    if topics:
        said["topics"] = ",".join(app.catalogue.get(name).slug for name in topics)
    if length is not None:
        said["length"] = str(Preferences(length=length).length)
    for name, parse in (("at", parse_time), ("zone", parse_zone), ("days", parse_days)):
        if name in said:
            parse(said[name])
    if "language" in said:
        said["language"] = language_of(app, said["language"])
    return said


def _topics(app: App) -> Callable[[str], str | None]:
    slugs = {one.name.casefold(): one.slug for one in app.catalogue.shown}
    slugs |= {slug: slug for slug in app.catalogue.topics}
    return lambda name: slugs.get(name.casefold())


def _languages(app: App) -> Callable[[str], str]:
    def tag(wanted: str) -> str:
        try:
            return language_of(app, wanted)
        except RequestError as error:
            raise PreferenceError(str(error).partition(".")[0]) from None

    return tag


def _mapped(maps: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in maps:
        ours, equals, theirs = text.partition("=")
        if not equals or not theirs.strip() or ours not in OURS:
            raise RequestError(f"--map {text!r} is not OURS=COLUMN; ours are: {', '.join(OURS)}.")
        if ours in found:
            raise RequestError(f"--map names {ours} twice.")
        found[ours] = theirs
    return found


@contextmanager
def _opened(name: str, refused: Path | None) -> Iterator[BinaryIO]:
    """The file to read; raises RequestError, also where it is what is to be written."""
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115  closed below; what fails in it is not this
    except OSError as error:
        raise RequestError(f"{name} cannot be read: {error.strerror}.") from error
    with file:
        if refused is not None and refused.exists() and refused.samefile(name):
            raise RequestError("--refused is FILE itself, which would be lost.")
        yield file


@contextmanager
def _refusals(file: Path | None) -> Iterator[Callable[[Refusal], object]]:
    """Writes refused rows to a file, if one is wanted."""
    with nullcontext() if file is None else written(file, PRIVATE) as out:
        if out is None:
            yield lambda _: None
            return
        out.write(roster.written([("line", "address", "reason")]))
        yield lambda one: out.write(roster.written([one[:3]]))


def _size(source: BinaryIO) -> int | None:
    size = os.fstat(source.fileno()).st_size
    return size or None  # a pipe has none


def _called(file: str) -> str:
    return "Standard input" if file == "-" else file


def _until(done: Imported, dry: bool) -> str:
    if dry:
        return f"{counted(done.rows, 'row')} before it could be read; nothing was kept."
    return f"{counted(done.rows, 'row')} before it were kept; import it again once it is mended."


def _row(done: Imported, found: Layout, told: list[Refusal], dry: bool) -> dict[str, Any]:
    row = dict(vars(done)) | {"error": str(done.error) if done.error else None}
    row["tags"] = dict(done.tags.most_common())
    refusals = [{"line": one.line, "address": one.address, "reason": one.reason} for one in told]
    return {"from": found.preset.name, "dry_run": dry, **row, "refusals": refusals}


def _tell(done: Imported, found: Layout, told: list[Refusal], file: Path | None, dry: bool) -> None:
    say(f"Read as {found.preset.name}: {counted(done.rows, 'row')}.")
    changed = f", {done.changed:,} changed" if done.changed else ""
    say(
        f"{done.new:,} new, {done.here:,} already here{changed}, "
        f"{counted(done.merged, 'duplicate')} merged, {done.refused:,} refused."
    )
    if done.tags:
        tags = ", ".join(f"{tag} ({number:,})" for tag, number in done.tags.most_common(MOST_TAGS))
        say(f"Tags that are no topics here: {tags}.")
    if told:
        table(["Line", "Address", "Refused because"], [one[:3] for one in told[:MOST_TOLD]])
    if done.refused > MOST_TOLD and file is None:
        say(f"And {done.refused - MOST_TOLD:,} more refused; --refused FILE.csv has them all.")
    if file is not None:
        say(f"Wrote {counted(done.refused, 'refused row')} to {file}.")
    if done.asked and not dry:
        say(
            f"{counted(done.asked, 'confirmation')} queued: `newsletter send` asks; "
            "nobody gets a digest before saying yes."
        )
    if dry:
        say("A dry run: nothing was kept.")
