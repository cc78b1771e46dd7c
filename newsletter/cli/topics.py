"""The noun topics."""

from __future__ import annotations

import click

from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import as_json, dump, table
from newsletter.rendering.tex import to_unicode
from newsletter.store import papers as store

LOOKED_AT = 2000  # newest papers
MOST_SHOWN = 10  # papers of a topic, as examples


@click.group()
def topics() -> None:
    """What readers can follow."""


@topics.command("list", epilog="Example: newsletter topics list")
@as_json
@pass_app
def list_(app: App, as_json: bool) -> None:
    """List every topic."""
    found = list(app.catalogue.topics.values())
    if as_json:
        dump([{"slug": one.slug, "name": one.name, "about": one.description} for one in found])
        return
    table(["Topic", "Name", "About"], [[one.slug, one.name, one.description] for one in found])


@topics.command("show", epilog="Example: newsletter topics show alignment")
@click.argument("topic")
@as_json
@pass_app
def show_(app: App, topic: str, as_json: bool) -> None:
    """Show the rule of TOPIC and the collected papers that fall under it, surest first."""
    chosen = app.catalogue.get(topic)
    with app.database.read() as connection:
        kept = store.newest(connection, LOOKED_AT)
        topics = app.matches(connection, [one.paper for one in kept])
    found = sorted(
        (
            (match.strength, one.paper)
            for one in kept
            for match in topics[one.paper.id]
            if match.topic == chosen.slug
        ),
        key=lambda pair: (-pair[0], pair[1].id),
    )
    if as_json:
        dump(
            {
                "slug": chosen.slug,
                "name": chosen.name,
                "about": chosen.description,
                "phrases": list(chosen.phrases),
                "classes": list(chosen.classes),
                "papers": [
                    {"id": paper.id, "title": to_unicode(paper.title), "strength": round(sure, 3)}
                    for sure, paper in found
                ],
            }
        )
        return
    table(
        ["", ""],
        [
            ["topic", chosen.slug],
            ["name", chosen.name],
            ["about", chosen.description],
            ["phrases", ", ".join(chosen.phrases)],
            ["arXiv classes", ", ".join(chosen.classes)],
        ],
    )
    table(
        ["Match", "Paper"],
        [[f"{sure:.2f}", to_unicode(paper.title)] for sure, paper in found[:MOST_SHOWN]],
        title=f"{len(found)} of the newest {len(kept)} papers",
    )
