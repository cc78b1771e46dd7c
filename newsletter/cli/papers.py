"""The noun papers."""

from __future__ import annotations

from typing import Any

import click

from newsletter.app import App
from newsletter.cli.options import limit, pass_app
from newsletter.cli.show import as_json, dump, say, table
from newsletter.rendering.tex import to_unicode
from newsletter.store import papers as store
from newsletter.trending import trend


@click.group()
def papers() -> None:
    """What was collected."""


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
        found = store.newest(connection, limit if wanted is None else total)
    rows = [_row(app, one) for one in found]
    rows = [row for row in rows if wanted is None or wanted in row["topics"]][:limit]
    if as_json:
        dump(rows)
        return
    table(
        ["Paper", "Title", "Standing", "Topics"],
        [[row["id"], row["title"], row["standing"], ", ".join(row["topics"])] for row in rows],
    )
    if not total:
        say("No papers yet: `newsletter collect FILE`.")
    else:
        say(f"{len(rows)} of {total} papers shown.")


@papers.command("show", epilog="Example: newsletter papers show title:0b5d9c")
@click.argument("paper")
@as_json
@pass_app
def show_(app: App, paper: str, as_json: bool) -> None:
    """Show all that is known of PAPER, by its id or the beginning of it."""
    with app.database.read() as connection:
        found = store.get(connection, paper)
    matches = app.catalogue.match(found.paper)
    row = _row(app, found) | {
        "raw_title": found.paper.title,
        "abstract": found.paper.abstract,
        "authors": list(found.paper.authors),
        "classes": list(found.paper.classes),
        "published": found.paper.published,
        "first_seen_at": found.first_seen_at,
        "url": found.paper.url,
        "pdf_url": found.paper.pdf_url,
        "code_url": found.paper.code_url,
        "matches": [
            {"topic": one.topic, "strength": round(one.strength, 3), "evidence": one.evidence}
            for one in matches
        ],
        "observations": [
            {"source": one.source, "at": one.at, "position": one.position, "of": one.of}
            for one in found.observations
        ],
    }
    if as_json:
        dump(row)
        return
    shown = {name: value for name, value in row.items() if value and name != "topics"}
    shown["matches"] = [
        f"{one.topic} {one.strength:.2f} ({', '.join(one.evidence)})" for one in matches
    ]
    shown["observations"] = [
        f"{one.at:%Y-%m-%d}: {one.position} of {one.of} ({one.source})"
        for one in found.observations
    ]
    table(["", ""], [[name.replace("_", " "), _flat(value)] for name, value in shown.items()])


def _row(app: App, one: store.Kept) -> dict[str, Any]:
    found = trend(one.observations)
    return {
        "id": one.paper.id,
        "title": to_unicode(one.paper.title),
        "standing": f"{found.position} of {found.of}" if found else "",
        "trend": round(found.score, 3) if found else None,
        "topics": [match.topic for match in app.catalogue.match(one.paper)],
    }


def _flat(value: Any) -> Any:
    return "\n".join(value) if isinstance(value, list) else value
