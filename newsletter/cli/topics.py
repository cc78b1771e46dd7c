"""The noun topics: what readers can follow, and the operator's hand in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from newsletter import pipeline, rules
from newsletter.app import App
from newsletter.cli.options import by, pass_app, who
from newsletter.cli.show import as_json, counted, dump, say, table
from newsletter.errors import RequestError
from newsletter.matching import Judged
from newsletter.papers import PaperId
from newsletter.rendering.tex import to_unicode
from newsletter.rules import Rules
from newsletter.store import papers as papers_store
from newsletter.store import topics as store
from newsletter.store.database import Connection
from newsletter.store.topics import KeptTopic
from newsletter.topics import Topic

MOST_SHOWN = 10  # papers of a topic, as examples
MOST_MISSES = 5
MISS = 2.0  # standard deviations from which a paper without any sign is a near miss

F = TypeVar("F", bound=Callable[..., Any])

_RULES = (
    click.option("--phrase", multiple=True, help='What papers say: "a b" AND NOT c, quanti*.'),
    click.option("--author", multiple=True, help="Who wrote them, such as 'Ann Lee'."),
    click.option("--class", "class_", multiple=True, help="An arXiv class, such as cs.CL."),
    click.option("--institution", multiple=True, help="Where they are from."),
    click.option("--like", multiple=True, help="A paper to resemble, by its id."),
)

days = click.option(
    "--days", type=click.IntRange(1, 366), default=28, show_default=True, help="To look back."
)


def rule_options(command: F) -> F:
    """The options by which a rule is typed; `typed` reads them."""
    for option in reversed(_RULES):
        command = option(command)
    return command


def typed(
    connection: Connection,
    phrase: Sequence[str],
    author: Sequence[str],
    class_: Sequence[str],
    institution: Sequence[str],
    like: Sequence[str],
) -> Rules:
    """What was typed, its papers found; raises RequestError."""
    examples: dict[PaperId, str] = {}
    for one in like:
        paper = papers_store.get(connection, one).paper
        examples[paper.id] = to_unicode(paper.title)
    return Rules(
        phrases=phrase,
        authors=author,
        classes=class_,
        institutions=institution,
        examples=examples,
    )


@click.group()
def topics() -> None:
    """What readers can follow."""


@topics.command("list", epilog="Example: newsletter topics list")
@as_json
@pass_app
def list_(app: App, as_json: bool) -> None:
    """List every topic, with the papers a week it had of late."""
    found = app.catalogue.shown
    with app.database.read() as connection:
        weekly = pipeline.volumes(connection, app.catalogue, datetime.now(UTC), app.embedder)
    if as_json:
        dump(
            [
                {
                    "slug": one.slug,
                    "name": one.name,
                    "about": one.description,
                    "papers_a_week": round(weekly[one.slug], 2),
                }
                for one in found
            ]
        )
        return
    table(
        ["Topic", "Name", "A week", "About"],
        [[one.slug, one.name, f"{weekly[one.slug]:.1f}", one.description] for one in found],
    )
    if app.offer.broken:
        say(f"Left out, for they cannot be read: {', '.join(app.offer.broken)}.")


@topics.command("show", epilog="Example: newsletter topics show alignment")
@click.argument("topic")
@days
@as_json
@pass_app
def show_(app: App, topic: str, days: int, as_json: bool) -> None:
    """Show the rule of TOPIC, who follows it, and the papers of late under it, surest first."""
    chosen = app.catalogue.get(topic)
    with app.database.read() as connection:
        judged, weekly = pipeline.judge(connection, chosen, datetime.now(UTC), days, app.embedder)
        followers = store.followers(connection, chosen.slug)
        told = chosen.in_words(_titles(connection, chosen))
    under = [one for one in judged if one.under]
    if as_json:
        dump(
            {
                **rules.definition(chosen),
                "in_words": told,
                "followers": followers,
                "papers_a_week": round(weekly, 2),
                "papers": [_row(one) for one in under],
            }
        )
        return
    table(
        ["", ""],
        [
            ["topic", chosen.slug],
            ["name", chosen.name],
            ["about", chosen.description],
            ["finds", told],
            ["followed or muted by", counted(followers, "reader")],
        ],
    )
    _show(
        under,
        MOST_SHOWN,
        f"{len(under)} of {counted(len(judged), 'paper')} in {days} days, {weekly:.1f} a week",
    )


@topics.command(
    "test",
    epilog="Example: newsletter topics test --phrase 'test-time compute AND NOT survey'",
)
@click.argument("topic", required=False)
@rule_options
@click.option("--description", default="", help="What it is about, compared by text.")
@days
@as_json
@pass_app
def test_(
    app: App,
    topic: str | None,
    phrase: tuple[str, ...],
    author: tuple[str, ...],
    class_: tuple[str, ...],
    institution: tuple[str, ...],
    like: tuple[str, ...],
    description: str,
    days: int,
    as_json: bool,
) -> None:
    """Tell what TOPIC, or a rule not kept, would have found in the last days, and nearly found."""
    with app.database.read() as connection:
        asked = typed(connection, phrase, author, class_, institution, like)
        if (topic is not None) == bool(asked or description):
            raise RequestError("Name a topic, or a rule by --phrase and the like, one of both.")
        if topic is not None:
            chosen = app.catalogue.get(topic)
        else:
            name = description[:60] or "test"
            told = {"slug": "test", "name": name, "description": description, **asked.lists()}
            chosen = rules.read(told)
        judged, weekly = pipeline.judge(connection, chosen, datetime.now(UTC), days, app.embedder)
        words = chosen.in_words(_titles(connection, chosen))
    under = [one for one in judged if one.under]
    misses = [one for one in judged if not one.under and (one.evidence or one.near >= MISS)]
    misses = misses[:MOST_MISSES]
    if as_json:
        dump(
            {
                "in_words": words,
                "papers_a_week": round(weekly, 2),
                "papers": [_row(one) for one in under],
                "near_misses": [_row(one) | {"lacks": one.lacks} for one in misses],
            }
        )
        return
    say(f"It finds {words}.")
    _show(
        under,
        50,
        f"{len(under)} of {counted(len(judged), 'paper')} in {days} days, {weekly:.1f} a week",
    )
    table(
        ["Strength", "Near", "Paper", "Lacks"],
        [
            [f"{one.strength:.2f}", f"{one.near:.1f}", to_unicode(one.paper.title), one.lacks]
            for one in misses
        ],
        title="Near misses",
    )


@topics.command(
    "add", epilog="Example: newsletter topics add test-time --name 'Test time' --phrase 'test-time'"
)
@click.argument("slug")
@click.option("--name", required=True, help="What readers see.")
@click.option("--description", default="", help="One line; compared with papers by text.")
@rule_options
@by
@pass_app
def add(
    app: App,
    slug: str,
    name: str,
    description: str,
    phrase: tuple[str, ...],
    author: tuple[str, ...],
    class_: tuple[str, ...],
    institution: tuple[str, ...],
    like: tuple[str, ...],
    by: str | None,
) -> None:
    """Add a topic that readers can follow as SLUG, which stays for ever."""
    if slug in app.catalogue.topics:
        raise RequestError(f"There is a topic {slug} already; `newsletter topics edit {slug}`.")
    if slug.startswith(rules.OWN):
        raise RequestError(f"{rules.OWN} begins readers' own rules; choose another slug.")
    with app.database.write() as connection:
        asked = typed(connection, phrase, author, class_, institution, like)
        told = {"slug": slug, "name": name, "description": description, **asked.lists()}
        topic = rules.read(told)
        _keep(connection, topic, who(by))
        words = topic.in_words(asked.examples)
    say(f"Added {slug}: it finds {words}. `newsletter topics test {slug}` shows what.")


@topics.command(
    "edit",
    epilog="Example: newsletter topics edit robotics --phrase 'robot*' --phrase manipulation",
)
@click.argument("slug")
@click.option("--name", help="What readers see.")
@click.option("--description", help="One line; compared with papers by text.")
@rule_options
@click.option(
    "--clear",
    multiple=True,
    type=click.Choice(list(Rules().lists())),
    help="What to empty; may be repeated.",
)
@by
@pass_app
def edit(
    app: App,
    slug: str,
    name: str | None,
    description: str | None,
    phrase: tuple[str, ...],
    author: tuple[str, ...],
    class_: tuple[str, ...],
    institution: tuple[str, ...],
    like: tuple[str, ...],
    clear: tuple[str, ...],
    by: str | None,
) -> None:
    """Change a topic: what is named is replaced, the rest stays. Digests composed stay too."""
    before = app.catalogue.get(slug)
    if before.own:
        raise RequestError(f"{slug} is a reader's own rule; it is followed or not, never changed.")
    with app.database.write() as connection:
        asked = typed(connection, phrase, author, class_, institution, like)
        told = rules.definition(before)
        told |= {kind: [] for kind in clear}
        told |= {kind: values for kind, values in asked.lists().items() if values}
        told |= {"name": name} if name is not None else {}
        told |= {"description": description} if description is not None else {}
        topic = rules.read(told)
        _keep(connection, topic, who(by))
        words = topic.in_words(_titles(connection, topic))
    say(f"Changed {before.slug}: it finds {words}.")


@topics.command("remove", epilog="Example: newsletter topics remove old-topic")
@click.argument("slug")
@click.option("--force", is_flag=True, help="Even where readers follow it.")
@by
@pass_app
def remove(app: App, slug: str, force: bool, by: str | None) -> None:
    """Take a topic out: nobody finds it, and nothing is under it any more."""
    known = slug in app.offer.broken or slug in app.catalogue.topics
    name = slug if known else app.catalogue.get(slug).slug
    with app.database.write() as connection:
        followers = store.followers(connection, name)
        if followers and not force:
            raise RequestError(
                f"{counted(followers, 'reader')} follow or mute {name}. They would get nothing of "
                "it any more; --force removes it all the same."
            )
        if name.startswith(rules.OWN):  # typed again, it is there again
            store.forget(connection, name)
            say(f"Removed {name}.")
            return
        gone = KeptTopic(
            slug=name,
            definition={},
            own=False,
            removed=True,
            by=who(by),
            at=datetime.now(UTC),
        )
        store.put(connection, gone)
    say(f"Removed {name}." + (f" {counted(followers, 'reader')} had it." if followers else ""))


def _keep(connection: Connection, topic: Topic, by: str) -> None:
    kept = KeptTopic(
        slug=topic.slug,
        definition=rules.definition(topic),
        own=topic.own,
        removed=False,
        by=by,
        at=datetime.now(UTC),
    )
    (store.put_own(connection, [kept]) if topic.own else store.put(connection, kept))


def _titles(connection: Connection, topic: Topic) -> dict[PaperId, str]:
    return {
        paper.id: to_unicode(paper.title) for paper in papers_store.of(connection, topic.examples)
    }


def _row(one: Judged) -> dict[str, Any]:
    return {
        "id": one.paper.id,
        "title": to_unicode(one.paper.title),
        "strength": round(one.strength, 3),
        "near": round(one.near, 2),
        "evidence": one.evidence,
    }


def _show(found: Sequence[Judged], most: int, title: str) -> None:
    table(
        ["Match", "Paper", "By"],
        [
            [
                f"{one.strength:.2f}",
                to_unicode(one.paper.title),
                ", ".join(one.evidence) or "its text",
            ]
            for one in found[:most]
        ],
        title=title,
    )
