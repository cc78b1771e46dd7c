"""The noun papers: what was collected. What an editor does to a paper is in `editing.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import click

from newsletter.app import App
from newsletter.cli import editing
from newsletter.cli.files import written
from newsletter.cli.options import limit, parse_day, pass_app
from newsletter.cli.show import as_json, counted, dump, instant, say, speaks_unicode, table
from newsletter.editor import NO_HAND, Hand, hand
from newsletter.papers import Observation, PaperId
from newsletter.records import line, to_json
from newsletter.rendering.tex import to_unicode
from newsletter.sparkline import sparkline
from newsletter.store import editor_acts
from newsletter.store import papers as store
from newsletter.store.database import Connection
from newsletter.topics import Match
from newsletter.trending import Sign, Trend, trends

LOOKED_AT = 2000  # of the newest papers, for those under a topic


@click.group()
def papers() -> None:
    """What was collected, and the editor's hand in it."""


@papers.command("list", epilog="Example: newsletter papers list --topic alignment --limit 20")
@click.option("--topic", help="Only papers under this topic.")
@limit
@as_json
@pass_app
def list_(app: App, topic: str | None, limit: int, as_json: bool) -> None:
    """List papers, the newest and most trending first."""
    wanted = app.catalogue.get(topic).slug if topic else None
    with app.database.read() as connection:
        total = store.count(connection)
        found = store.newest(connection, limit if wanted is None else max(limit, LOOKED_AT))
        found_trends = _trends(app, connection, found)
        hands = editor_acts.hands(connection)
        topics = app.matches(connection, [one.paper for one in found])
    rows = [
        _row(one, found_trends.get(one.paper.id), hands.get(one.paper.id, NO_HAND), topics)
        for one in found
    ]
    rows = [row for row in rows if wanted is None or wanted in row["topics"]][:limit]
    if as_json:
        dump(rows)
        return
    table(
        ["Paper", "Title", "Standing", "Topics", "Editor"],
        [
            [row["id"], row["title"], row["standing"], ", ".join(row["topics"]), row["editor"]]
            for row in rows
        ],
    )
    if not total:
        say("No papers yet: `newsletter collect`.")
    else:
        say(f"{len(rows)} of {total} papers shown.")


@papers.command("show", epilog="Example: newsletter papers show 2403.01234")
@click.argument("paper")
@as_json
@pass_app
def show_(app: App, paper: str, as_json: bool) -> None:
    """Show all that is known of PAPER, and which source each field comes from.

    PAPER is its arXiv id, its DOI, an address of it, or the beginning of its id.
    """
    with app.database.read() as connection:
        found = store.get(connection, paper)
        told, merged = store.origins(connection, found.paper.id)
        trend = _trends(app, connection, [found]).get(found.paper.id)
        acts = editor_acts.of(connection, found.paper.id)
        topics = app.matches(connection, [found.paper])
    matches = topics[found.paper.id]
    row = _row(found, trend, hand(acts), topics) | {
        "fields": {
            name: {"value": value, "from": merged.origins.get(name, "")}
            for name, value in to_json(found.paper).items()
            if name not in ("id", "aliases")
        },
        "names": list(found.paper.names),
        "first_seen_at": found.first_seen_at,
        "records": [{"source": one.source, "trust": one.trust, "since": one.at} for one in told],
        "matches": [
            {"topic": one.topic, "strength": round(one.strength, 3), "evidence": one.evidence}
            for one in matches
        ],
        "acts": [{"act": one.act, "words": one.words, "by": one.by, "at": one.at} for one in acts],
        "signs": [_sign(one) for one in (trend.signs if trend else ())],
        "history": _history(found.observations),
        "observations": [
            {name: value for name, value in vars(one).items() if name != "paper_id"}
            for one in found.observations
        ],
    }
    if as_json:
        dump(row)
        return
    rows = [
        ["names", "\n".join(row["names"]), ""],
        ["first seen", instant(found.first_seen_at), ""],
        *(
            [name.replace("_", " "), _flat(field["value"]), field["from"]]
            for name, field in row["fields"].items()
            if name != "announced"  # as first seen
        ),
        ["standing", row["standing"], ""],
        ["trend", _told(trend) if trend else "", ""],
        ["history", [_drawn(name, one) for name, one in row["history"].items()], ""],
        [
            "matches",
            [f"{one.topic} {one.strength:.2f} ({', '.join(one.evidence)})" for one in matches],
            "topics",
        ],
        ["observations", [_observed(one) for one in found.observations], ""],
        [
            "editor",
            [f"{instant(one.at)}: {one.act} by {one.by} {one.words}".strip() for one in acts],
            "",
        ],
    ]
    table(
        ["Of the paper", "", "From"],
        [[name, _flat(value), origin] for name, value, origin in rows if value],
    )


@papers.command("export", epilog="Example: newsletter papers export papers.jsonl")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--since", help="Only papers of which anything was learned on this day or later.")
@pass_app
def export(app: App, file: Path | None, since: str | None) -> None:
    """Write papers with all their observations as JSON, one a line, to FILE or standard output.

    `newsletter collect FILE.jsonl` reads it again. FILE may be "-" for standard output.
    """
    file = None if str(file) == "-" else file
    first = datetime.combine(parse_day(since), time(), UTC) if since else None
    number = 0
    with written(file) as out, app.database.read() as connection:
        for batch in store.in_batches(connection, first):
            for one in batch:
                out.write(line(one.paper, one.observations, one.first_seen_at))
                number += 1
    if file is not None:
        say(f"Wrote {counted(number, 'paper')} to {file}.")


for _command in editing.COMMANDS:
    papers.add_command(_command)


def _trends(app: App, connection: Connection, found: list[store.Kept]) -> dict[Any, Trend]:
    """Trends of these papers now, measured against all that stand in the same lists."""
    seen = store.beside(connection, found) | {one.paper.id: one.observations for one in found}
    return trends(
        seen,
        datetime.now(UTC),
        pictured={paper.id for paper in store.of(connection, seen) if paper.media_urls},
        reliability=app.terms.reliability,
    )


def _row(
    one: store.Kept,
    found: Trend | None,
    acts: Hand,
    topics: Mapping[PaperId, Sequence[Match]],
) -> dict[str, Any]:
    return {
        "id": one.paper.id,
        "title": to_unicode(one.paper.title),
        "standing": _standing(found),
        "trend": round(found.score, 3) if found else None,
        "votes": found.votes if found else None,
        "topics": [match.topic for match in topics[one.paper.id]],
        "editor": _by_hand(acts),
        "note": acts.note,
    }


def _standing(found: Trend | None) -> str:
    if found is None:
        return ""
    votes = "" if found.votes is None else counted(found.votes, "vote")
    place = f"{found.position} of {found.of}" if found.position else ""
    return ", ".join(part for part in (votes, place) if part)


def _sign(one: Sign) -> dict[str, Any]:
    shares = ("score", "standing", "ripeness", "pace", "lift", "fade", "reliability")
    return (
        {"source": one.source}
        | {
            name: None if (value := getattr(one, name)) is None else round(value, 3)
            for name in shares
        }
        | {
            "age_days": round(one.age / timedelta(days=1), 2),
            "position": one.position,
            "of": one.of,
            "votes": one.votes,
            "day": one.day,
        }
    )


def _told(trend: Trend) -> list[str]:
    """The trend and what made it, a line a source."""
    lines = [f"{trend.score:.3f}{', rising' if trend.rising else ''}"]
    for one in trend.signs:
        parts = [f"standing {one.standing:.2f} ({one.position} of {one.of})"]
        if one.ripeness < 1:
            parts.append(f"day {one.ripeness:.0%} over when seen")
        if one.pace is not None:
            parts.append(f"{one.pace:.1f} votes an hour lift it by {one.lift:.2f}")
        if one.fade < 1:
            parts.append(f"age {one.age / timedelta(days=1):.1f} d fades it to {one.fade:.2f}")
        parts.append(f"source counts {one.reliability:.2f}")
        lines.append(f"{one.source} {one.score:.3f}: {', '.join(parts)}")
    return lines


def _history(observations: Iterable[Observation]) -> dict[str, list[dict[str, Any]]]:
    """The votes at each instant, by source, oldest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in sorted(observations, key=lambda one: one.at):
        if one.votes is not None:
            found.setdefault(one.source, []).append({"at": one.at, "votes": one.votes})
    return found


def _drawn(source: str, history: list[dict[str, Any]]) -> str:
    """ "▁▃█ 3 to 40 votes, 2026-03-05 08:00 UTC to 2026-03-06 08:00 UTC (huggingface)"."""
    votes = [one["votes"] for one in history]
    line = sparkline(votes, unicode=speaks_unicode())
    if len(history) == 1:
        return f"{line} {counted(votes[0], 'vote')}, {instant(history[0]['at'])} ({source})"
    span = f"{instant(history[0]['at'])} to {instant(history[-1]['at'])}"
    return f"{line} {votes[0]:,} to {counted(votes[-1], 'vote')}, {span} ({source})"


def _by_hand(acts: Hand) -> str:
    words = [
        word
        for word, done in (
            ("hidden", acts.hidden),
            ("pinned", acts.pinned_at),
            ("added", acts.added_at),
            ("noted", acts.note),
        )
        if done
    ]
    return ", ".join(words)


def _observed(one: Observation) -> str:
    counts = [
        counted(value, name)
        for name in ("vote", "comment", "star")
        if (value := getattr(one, f"{name}s")) is not None
    ]
    place = [f"{one.position} of {one.of}"] if one.position else []
    listed = [f"listed {one.listed}"] if one.listed else []
    return f"{instant(one.at)}: {', '.join([*place, *counts, *listed])} ({one.source})"


def _flat(value: Any) -> Any:
    return "\n".join(str(one) for one in value) if isinstance(value, list) else value
