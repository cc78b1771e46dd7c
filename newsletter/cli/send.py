"""send: hands over what is due, and tells who got what."""

from __future__ import annotations

import secrets
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from types import FrameType
from typing import Any

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli import waits
from newsletter.cli import workers as processes
from newsletter.cli.options import pass_app
from newsletter.cli.preflight import refused
from newsletter.cli.show import (
    ahead,
    as_json,
    complain,
    counted,
    dump,
    instant,
    progress,
    say,
    table,
)
from newsletter.delivery import DeliveryState
from newsletter.errors import RequestError, StoreError
from newsletter.preflight.report import Report
from newsletter.store import deliveries, issue_acts, ledger, pacing, preflights
from newsletter.transports import TransportUnavailable
from subscribers import store as subscribers

TROUBLE = (DeliveryState.FAILED, DeliveryState.UNKNOWN)


@click.command(epilog="Example: newsletter send --dry-run && newsletter send")
@click.option("--to", metavar="ADDRESS", help="Only this reader, without waiting for the hour.")
@click.option("--now", "early", is_flag=True, help="Do not wait for the readers' hours.")
@click.option("--dry-run", is_flag=True, help="Build every mail, send none, change nothing.")
@click.option("--limit", type=click.IntRange(min=1), help="Messages at most.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes."
)
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait, an hour at most, where limits hold messages back; two seconds always.",
)
@click.option("--force", is_flag=True, help="Send in spite of errors of the preflight.")
@click.option("--cleared", hidden=True, help="Issues that whoever started this process judged.")
@as_json
@click.pass_context
@pass_app
def send(
    app: App,
    context: click.Context,
    to: str | None,
    early: bool,
    dry_run: bool,
    limit: int | None,
    workers: int,
    wait: bool,
    force: bool,
    cleared: str | None,
    as_json: bool,
) -> None:
    """Send the deliveries that are due: composed, and at or past their reader's hour.

    Safe to repeat, and to run twice at once: nobody gets an issue twice. Before the first mail of
    an issue leaves, it is judged as `newsletter preflight` does; with errors it stays.
    """
    if workers > 1 and limit is not None:
        raise RequestError("Name --limit or --workers, not both.")
    reader = None
    if to is not None:
        with app.database.read() as connection:
            reader = subscribers.get(connection, to).id
    if dry_run:
        _rehearse(app, limit, reader, early or to is not None, as_json)
        return
    owner = f"{socket.gethostname()[:32]}/{secrets.token_hex(8)}"
    post = replace(app.post(owner, lambda: datetime.now(UTC)), wait=wait)
    signer = app.signer
    now = datetime.now(UTC)
    pipeline.open_roads(post.roads)  # a closed road is told before anything is touched
    clearance = _cleared(app, cleared, now, reader, early=early or to is not None, force=force)
    alone = cleared is None and to is None and limit is None
    if alone:
        _letters(app, post, as_json)
    if early or to is not None:
        with app.database.write() as connection:
            if reader is not None and cleared is None:
                preflights.mark_trial(connection, reader, owner, now)
        _bring_forward(app, now, reader)
    with app.database.read() as connection:
        due = ledger.count_due(connection, now, subscriber_id=reader, cleared=clearance.cleared)
    if clearance.refused and not due:
        raise refused(clearance.refused, forced=force)
    if workers > 1:
        code = _several(app, clearance.cleared, reader, workers, as_json, now, wait=wait)
        _left_out(context, clearance, force, code)
        return
    total = due if limit is None else min(due, limit)
    with progress("Sending", total) as advance, _graceful() as stop:
        post = replace(post, stopped=stop.asked, progress=advance, cleared=clearance.cleared)
        done = pipeline.dispatch(app.database, signer, post, limit=limit, subscriber_id=reader)
    if alone and app.settings.report.to is not None:
        _letters(app, post, as_json)  # what has ended now is reported
    _tell(app, done, as_json, stopped=stop.asked(), judged=clearance.passed)
    for name, closed in done.closed.items():
        complain(f"The transport {name} was left out: {closed}")
    if done.stranded is not None:
        complain(f"{done.stranded} Nothing is lost; run `newsletter send` again.")
        context.exit(done.stranded.exit_code)
    trouble = done.lost or any(done.states[state] for state in TROUBLE)
    _left_out(context, clearance, force, 1 if trouble else 0)


def _cleared(
    app: App, told: str | None, now: datetime, reader: int | None, *, early: bool, force: bool
) -> pipeline.Clearance:
    """What may go: as the process that started this one found, or by a preflight.

    Raises PreflightError where somebody asked for what may not go, before anything is touched.
    """
    if told is not None:
        try:
            up_to, *without = map(int, told.split(","))
        except ValueError:
            raise RequestError("--cleared is for processes that send --workers starts.") from None
        cleared = ledger.Cleared(up_to=up_to, without=frozenset(without))
        return pipeline.Clearance(passed=(), refused=(), cleared=cleared)

    judge = partial(app.judge, now=now)
    found = pipeline.clear(app.database, judge, now, subscriber_id=reader, early=early, force=force)
    if found.refused and early:
        raise refused(found.refused, forced=force)
    return found


def _left_out(
    context: click.Context, clearance: pipeline.Clearance, forced: bool, code: int
) -> None:
    """Tells which issues stayed while others were sent, and ends the command."""
    if clearance.refused:
        why = refused(clearance.refused, forced=forced)
        complain(str(why))
        context.exit(why.exit_code)
    if code:
        context.exit(code)


def _bring_forward(app: App, now: datetime, reader: int | None) -> None:
    """Some at a time, so that pages and other senders get their turn."""
    more = True
    while more:
        with app.database.write() as connection:
            more = bool(deliveries.bring_forward(connection, now, subscriber_id=reader))


def _letters(app: App, post: pipeline.Post, as_json: bool) -> None:
    """Sends confirmations, welcomes and the like: before digests, for people wait for them."""
    to = app.settings.report.to
    if to is not None:
        with app.database.write() as connection:
            pipeline.report(connection, to, datetime.now(UTC))
    try:
        with _graceful() as stop:
            done = pipeline.send_letters(app.database, app.desk, replace(post, stopped=stop.asked))
    except TransportUnavailable as closed:  # digests may still find another road
        complain(f"Letters wait: {closed}")
        return
    if done and not as_json:
        told = [f"{counted(number, 'letter')} {state}" for state, number in done.items()]
        say(", ".join(told) + ".")


def _several(
    app: App,
    cleared: ledger.Cleared,
    reader: int | None,
    workers: int,
    as_json: bool,
    now: datetime,
    *,
    wait: bool,
) -> int:
    """Sends what is due in several processes, tells what they did, and returns the worst code."""
    arguments = ["--config", str(app.config.file)] if app.config.file else []
    to = []
    if reader is not None:
        with app.database.read() as connection:
            to = ["--to", subscribers.by_id(connection, reader).address]
    with _together(app, now, reader) as look:
        ended = processes.run(
            [
                *arguments,
                *("send", *to, *([] if wait else ["--no-wait"]), "--json"),
                *("--cleared", ",".join(map(str, (cleared.up_to, *sorted(cleared.without))))),
            ],
            workers,
            look,
        )
    counts: Counter[str] = sum((one.counts for one in ended), Counter())
    states = Counter({state: counts[state.value] for state in DeliveryState if counts[state.value]})
    asked = {name for one in ended for name in one.told.get("slowed", ())}
    with app.database.read() as connection:
        slow = pacing.slow(connection)
    held = [one.told["held_back_until"] for one in ended if one.told.get("held_back_until")]
    done = pipeline.Dispatched(
        states=states,
        lost=counts["found_in_doubt"],
        slowed=[slow[name] for name in sorted(asked & slow.keys())],
        held_back=min(map(datetime.fromisoformat, held), default=None),
    )
    _tell(app, done, as_json, stopped=any(one.told.get("stopped") for one in ended))
    for words in dict.fromkeys(one.words for one in ended if one.words):
        complain(words.removeprefix("Error: "))
    for one in ended:
        if one.code < 0:
            complain(f"A worker was killed by signal {-one.code}; what it had begun is in doubt.")
    return max((one.code if one.code >= 0 else 128 - one.code for one in ended), default=0)


@contextmanager
def _together(app: App, now: datetime, reader: int | None) -> Iterator[Callable[[], None]]:
    """One bar for all processes, which share nothing but the ledger: so it is read."""

    def left() -> int:
        with app.database.read() as connection:
            return ledger.unfinished(connection, now, subscriber_id=reader)

    total = left()
    with progress("Sending", total) as advance:
        told = 0

        def look() -> None:
            nonlocal told
            try:
                done = total - left()
            except StoreError:
                return  # the processes say themselves what is the matter
            if done > told:
                advance(done - told)
                told = done

        yield look


def _tell(
    app: App,
    done: pipeline.Dispatched,
    as_json: bool,
    *,
    stopped: bool,
    judged: Sequence[Report] = (),
) -> None:
    now = datetime.now(UTC)
    with app.database.read() as connection:
        later = ledger.waiting(connection, now)
        paused = ledger.paused(connection)
        held = issue_acts.held_days(connection)
        elsewhere, until = ledger.held(connection, now)
    if as_json:
        counts: dict[str, Any] = {state.value: done.states[state] for state in DeliveryState}
        dump(
            {
                **counts,
                "found_in_doubt": done.lost,
                **waits.as_row(later),
                "paused": {day.isoformat(): number for day, number in paused.items()},
                "held": elsewhere,
                "slowed": [one.domain for one in done.slowed],
                "closed": sorted(done.closed),
                "held_back_until": done.held_back,
                "preflight": {
                    one.issue: {level.value: number for level, number in one.levels.items()}
                    for one in judged
                },
                "stopped": stopped,
            }
        )
        return
    told = [f"{number} {state}" for state, number in done.states.items()]
    say((", ".join(told) if told else "Nothing was due; nobody was sent anything") + ".")
    for one in done.slowed:
        say(
            f"{one.domain} asks to go slower ({one.words}): nothing to it before "
            f"{instant(one.until)}, then {counted(one.connections, 'message')} at once."
        )
    if done.held_back is not None:
        say(
            f"Limits hold back what is left until {ahead(done.held_back, now)}; "
            "run `newsletter send` again then."
        )
    for report in judged:
        if report.findings:
            found = ", ".join(counted(n, level.value) for level, n in report.levels.items() if n)
            say(f"Preflight: {found}; `newsletter preflight {report.issue}` tells them.")
    if stopped:
        say("Stopped as asked, after the message that was under way.")
    if done.lost:
        say(f"{done.lost} in doubt since an earlier run: `newsletter status` lists them.")
    if elsewhere:
        say(
            f"{elsewhere} are held by another sender; if it died, they are free at "
            f"{instant(until)} (delivery.lease_seconds)."
        )
    for day, number in paused.items():
        what, act = ("held for approval", "approve") if day in held else ("paused", "resume")
        say(
            f"Issue {day} is {what}; {number} of it wait. "
            f"`newsletter issues {act} {day}` lets them go."
        )
    for line in waits.told(later, now):
        say(line)


def _rehearse(app: App, limit: int | None, reader: int | None, early: bool, as_json: bool) -> None:
    """Builds what would be sent. With `early`, as if every hour had come."""
    mails = pipeline.rehearse(
        app.database,
        app.signer,
        datetime.now(UTC),
        limit=limit,
        subscriber_id=reader,
        early=early,
        mail_signer=app.mail_signer,
    )
    rows = [
        {
            "address": one.message.recipient,
            "subject": one.message.subject,
            "bytes": len(one.message.content),
        }
        for one in mails
    ]
    if as_json:
        dump(rows)
        return
    table(["To", "Subject", "Bytes"], [list(row.values()) for row in rows])
    say(f"{len(rows)} would be sent. Nothing was sent or changed.")


class _Stop:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self._asked = False

    def ask(self, _signal: int, _frame: FrameType | None) -> None:
        """Takes a signal."""
        self._asked = True

    def asked(self) -> bool:
        """True from the first signal on."""
        return self._asked


@contextmanager
def _graceful() -> Iterator[_Stop]:
    """Turns SIGINT and SIGTERM into a wish to stop after the message under way."""
    stop = _Stop()
    before = {one: signal.signal(one, stop.ask) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
