"""The noun sources."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import as_json, dump, instant, say, table
from newsletter.errors import RequestError
from newsletter.papers import Paper
from newsletter.rendering.tex import to_unicode
from newsletter.store import source_states as store
from newsletter.store.source_states import SourceState

MOST_SHOWN = 10  # papers of a test


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
    now = datetime.now(UTC)
    names = dict.fromkeys((*app.settings.sources, *states))
    rows = [_row(app, name, states.get(name) or SourceState(name=name), now) for name in names]
    if as_json:
        dump(rows)
        return
    table(
        ["Source", "Kind", "Last success", "Newest", "Lag", "Papers", "Refused", "State"],
        [
            [
                row["source"],
                row["kind"],
                instant(row["succeeded_at"]),
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
    if source not in states and source not in app.settings.sources:
        known = ", ".join(dict.fromkeys((*app.settings.sources, *states)))
        raise RequestError(f"There is no source {source!r}; there are {known}.")
    state = states.get(source, SourceState(name=source))
    _, told = state.refused
    row = _row(app, source, state, datetime.now(UTC)) | {
        "started_at": state.started_at,
        "failed_at": state.failed_at,
        "failures": state.failures,
        "error": state.error,
        "cursor": dict(state.cursor),
        "still_to_ask": [str(one["location"]) for one in state.pending],
        "notes": list(state.notes),
        "refusals": list(told),
    }
    if as_json:
        dump(row)
        return
    shown = {name: value for name, value in row.items() if value not in ("", None, [], {})}
    shown["lag_days"] = _days(row["lag_days"])
    shown["cursor"] = ", ".join(f"{name}: {at}" for name, at in state.cursor.items())
    shown["still_to_ask"] = "\n".join(row["still_to_ask"])
    shown["notes"], shown["refusals"] = "\n".join(state.notes), "\n".join(told)
    rows = [[name.replace("_", " "), value] for name, value in shown.items() if value != ""]
    table(["", ""], rows)


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
                "asked": list(dict.fromkeys(asked)),
                "papers": rows,
                "refusals": refused,
                "notes": notes,
            }
        )
        return
    for location in dict.fromkeys(asked):
        say(f"Asked {location}")
    table(["Paper", "Title"], [[one.id, to_unicode(one.title)] for one in papers[:MOST_SHOWN]])
    say(f"{len(papers)} papers, {len(refused)} refused. Nothing is kept.")
    for told in (*notes, *refused[:MOST_SHOWN]):
        say(f"{told}.")


def _row(app: App, name: str, state: SourceState, now: datetime) -> dict[str, Any]:
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
        "state": _state(state),
    }


def _state(state: SourceState) -> str:
    if state.error:
        return "failed" + (f" {state.failures} times in a row" if state.failures > 1 else "")
    if state.started_at is None:
        return "not asked yet"
    if state.pending:
        return "interrupted"
    return "stale" if any(note.startswith("stale") for note in state.notes) else "good"


def _days(lag: int | None) -> str:
    return "" if lag is None else "today" if lag <= 0 else "1 day" if lag == 1 else f"{lag} days"
