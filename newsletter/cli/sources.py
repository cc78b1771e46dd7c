"""The noun sources."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import as_json, counted, dump, instant, say, table
from newsletter.errors import RequestError
from newsletter.masking import masked
from newsletter.papers import Paper
from newsletter.rendering.tex import to_unicode
from newsletter.sources import NEWS
from newsletter.store import source_states as store
from newsletter.store.source_states import Pending, SourceState

MOST_SHOWN = 10  # papers of a test
_NAMES = {"papers": "read by the last run", "refused": "refused by it", "lag_days": "lag"}


@click.group()
def sources() -> None:
    """Where papers come from, and how each source has been."""


@sources.command("list", epilog="Example: newsletter sources list")
@as_json
@pass_app
def list_(app: App, as_json: bool) -> None:
    """List the configured sources, and others that papers ever came from."""
    with app.database.read() as connection:
        states = store.listed(connection)
        left = {name: store.pending(connection, name) for name in states}
    now = datetime.now(UTC)
    # A file that was read once is no source to watch.
    names = [*app.settings.sources, *(name for name in states if states[name].cursor)]
    rows = [
        _row(app, name, states.get(name) or SourceState(name=name), left.get(name, []), now)
        for name in dict.fromkeys(names)
    ]
    if as_json:
        dump(rows)
        return
    table(
        ["Source", "Last success", "Newest", "Lag", "Read", "Refused", "State"],
        [
            [
                row["source"],
                _short(row["succeeded_at"]),
                row["newest"],
                _days(row["lag_days"]),
                row["papers"],
                row["refused"],
                row["state"],
            ]
            for row in rows
        ],
    )
    if any(row["state"] not in ("good", "not asked yet") for row in rows):
        say("`newsletter sources show SOURCE` tells more.")


@sources.command("show", epilog="Example: newsletter sources show huggingface")
@click.argument("source")
@as_json
@pass_app
def show_(app: App, source: str, as_json: bool) -> None:
    """Show all that is known of SOURCE: its last runs, what it refused, where it stands."""
    with app.database.read() as connection:
        states = store.listed(connection)
        left = store.pending(connection, source)
    if source not in states and source not in app.settings.sources:
        known = ", ".join(dict.fromkeys((*app.settings.sources, *states)))
        raise RequestError(f"There is no source {source!r}; there are {known}.")
    state = states.get(source, SourceState(name=source))
    _, told = state.refused
    row = _row(app, source, state, left, datetime.now(UTC)) | {
        "started_at": state.started_at,
        "failed_at": state.failed_at,
        "failures": state.failures,
        "error": state.error,
        "cursor": dict(state.cursor),
        "interrupted": [_interrupted(one) for one in left],
        "notes": list(state.notes),
        "refusals": list(told),
    }
    if as_json:
        dump(row)
        return
    row |= {
        "lag_days": _days(row["lag_days"]),
        "cursor": ", ".join(f"{name}: {at}" for name, at in state.cursor.items()),
        "interrupted": "\n".join(row["interrupted"]),
        "notes": "\n".join(state.notes),
        "refusals": "\n".join(told),
    }
    shown = {_NAMES.get(name, name.replace("_", " ")): value for name, value in row.items()}
    table(
        ["Of the source", ""],
        [[name, value] for name, value in shown.items() if value or value == 0],
    )


@sources.command("test", epilog="Example: newsletter sources test arxiv")
@click.argument("source")
@as_json
@pass_app
def test(app: App, source: str, as_json: bool) -> None:
    """Ask SOURCE once, as its first run would, and show what it answers; nothing is kept."""
    (chosen,) = app.sources([source])
    papers, asked = list[Paper](), list[str]()
    refused, notes = list[str](), list[str]()
    for request, harvest in pipeline.look(app.fetcher, chosen, datetime.now(UTC)):
        asked.append(request.location)
        papers += [*harvest.papers, *harvest.updates]
        refused += harvest.refused
        notes += harvest.notes
    if as_json:
        rows = [{"id": one.id, "title": to_unicode(one.title)} for one in papers]
        dump(
            {
                "source": source,
                "asked": [masked(location) for location in dict.fromkeys(asked)],
                "papers": rows,
                "refusals": refused,
                "notes": notes,
            }
        )
        return
    for location in dict.fromkeys(asked):
        say(f"Asked {masked(location)}")
    table(["Paper", "Title"], [[one.id, to_unicode(one.title)] for one in papers[:MOST_SHOWN]])
    say(f"{counted(len(papers), 'paper')}, {len(refused)} refused. Nothing is kept.")
    for told in (*notes, *refused[:MOST_SHOWN]):
        say(f"{told}.")


def _row(
    app: App, name: str, state: SourceState, left: Sequence[Pending], now: datetime
) -> dict[str, Any]:
    configured = app.settings.sources.get(name)
    return {
        "source": name,
        "kind": str((configured or {}).get("kind", name)),
        "configured": configured is not None,
        "succeeded_at": state.succeeded_at,
        "newest": state.newest,
        "lag_days": (now.date() - state.newest).days if state.newest else None,
        "papers": state.papers,
        "refused": state.refused[0],
        "state": _state(state, left),
    }


def _state(state: SourceState, left: Sequence[Pending]) -> str:
    """How the runs for what is new are going; runs for days of old say nothing of that."""
    if state.error:
        return f"failed x{state.failures}" if state.failures > 1 else "failed"
    if state.started_at is None:
        return "not asked yet"
    if any(one.ask == NEWS.key for one in left):
        return "interrupted"
    return "stale" if any(note.startswith("stale") for note in state.notes) else "good"


def _interrupted(left: Pending) -> str:
    """What a run that did not end still has to ask, and how to go on with it."""
    first, _, last = left.ask.partition("/")
    until = f" --until {last}" if last else ""
    again = f"collect --since {first}{until}" if left.ask else "collect"
    number = counted(len(left.requests), "request")
    return f"{number} of `newsletter {again}`, left at {instant(left.since)}"


def _short(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%d %b %H:%M}"


def _days(lag: int | None) -> str:
    return "" if lag is None else "today" if lag <= 0 else counted(lag, "day")
