"""Votes for a reader, by an operator or by a mail's token, and what was learned from them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from newsletter import pipeline
from newsletter.affinity import Interest, Vote
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import counted, dump, say, table
from newsletter.errors import RequestError
from newsletter.papers import PaperId
from newsletter.rendering.tex import to_unicode
from newsletter.store import issues, papers
from newsletter.store import votes as store
from newsletter.store.database import Connection
from newsletter.store.votes import Cast
from subscribers import store as subscribers
from subscribers.model import Subscriber

VALUES = {"more": 1, "less": -1, "none": 0}
EFFECT = {
    1: "papers like it come sooner from the next issue on.",
    -1: "papers like it come later from the next issue on; no topic is silenced by it.",
    0: "it says nothing any more.",
}

value = click.argument("value", type=click.Choice(list(VALUES)))


@click.command(
    epilog="Example: newsletter subscribers vote asa@example.org 2603.01234 more",
)
@click.argument("address")
@click.argument("paper")
@value
@pass_app
def vote(app: App, address: str, paper: str, value: str) -> None:
    """Note for ADDRESS that it wants more or less of what is like PAPER, or take that back."""
    with app.database.write() as connection:
        reader = subscribers.get(connection, address)
        told = _cast(connection, reader, papers.find(connection, paper), VALUES[value])
    say(told)


@click.command("vote", epilog="Example: newsletter vote 12-3-0.q3… more")
@click.argument("token")
@value
@pass_app
def by_token(app: App, token: str, value: str) -> None:
    """Vote by the TOKEN of a mail's More or Less link, as its reader would."""
    subscriber_id, issue_id, place = app.signer.read_vote(token)
    with app.database.write() as connection:
        reader = subscribers.by_id(connection, subscriber_id)
        name = papers.find(connection, issues.paper_at(connection, issue_id, place))
        told = _cast(connection, reader, name, VALUES[value])
    say(told)


def _cast(connection: Connection, reader: Subscriber, name: PaperId, value: int) -> str:
    title = to_unicode(papers.get(connection, name).paper.title)
    if value:
        now = datetime.now(UTC)
        store.put(
            connection,
            Cast(subscriber_id=reader.id, paper_id=name, value=value, clicked=False, at=now),
        )
    elif not store.take_back(connection, reader.id, name):
        raise RequestError(f"{reader.address} has no vote on {title!r}.")
    learns = "" if reader.preferences.learn else " This reader's digest does not learn (--learn)."
    return f"{reader.address}, {title!r}: {EFFECT[value]}{learns}"


@click.command(epilog="Example: newsletter subscribers reset asa@example.org")
@click.argument("address")
@pass_app
def reset(app: App, address: str) -> None:
    """Forget what the digest of ADDRESS learned: all votes and clicks."""
    with app.database.write() as connection:
        reader = subscribers.get(connection, address)
        many = store.reset(connection, reader.id)
    say(f"{reader.address}: {counted(many, 'vote')} forgotten; topics alone decide again.")


def show_interests(app: App, address: str, as_json: bool) -> None:
    """What the digest of a reader learned, a table an interest."""
    now = datetime.now(UTC)
    with app.database.read() as connection:
        reader = subscribers.get(connection, address)
        found, against = pipeline.interests(
            connection, reader, issues.latest(connection), now, app.embedder
        )
        voted = [vote.paper for one in found for vote in one.votes]
        topics = app.matches(connection, voted) if voted else {}
    names = [_topics(one, topics) for one in found]
    if as_json:
        dump(
            {
                "learn": reader.preferences.learn,
                "interests": [
                    {
                        "weight": round(one.weight, 3),
                        "topics": mine,
                        "terms": one.terms,
                        "authors": one.authors,
                        "papers": [_row(vote) for vote in one.votes],
                    }
                    for one, mine in zip(found, names, strict=True)
                ],
                "less": [_row(vote) for vote in against],
            }
        )
        return
    if not found and not against:
        say(f"{reader.address} has not voted yet: topics alone decide.")
        return
    for number, (one, mine) in enumerate(zip(found, names, strict=True), start=1):
        about = ", ".join(mine) or ", ".join(one.terms)
        by = f"; by {', '.join(one.authors)}" if one.authors else ""
        table(
            ["Liked", "On", "How"],
            [_shown(vote) for vote in one.votes],
            title=f"Interest {number}, weight {one.weight:.2f}: {about}{by}",
        )
    if against:
        table(["Wants less like", "On", "How"], [_shown(vote) for vote in against])
    if not reader.preferences.learn:
        say("None of it counts: this reader's digest does not learn.")


def _topics(one: Interest, topics: Any) -> list[str]:
    counts: dict[str, int] = {}
    for voted in one.votes:
        for match in topics.get(voted.paper.id, ()):
            counts[match.topic] = counts.get(match.topic, 0) + 1
    often = [slug for slug, many in counts.items() if 2 * many >= len(one.votes)]
    return sorted(often, key=lambda slug: (-counts[slug], slug))[:4]


def _row(one: Vote) -> dict[str, Any]:
    return {
        "paper": one.paper.id,
        "title": to_unicode(one.paper.title),
        "at": one.at,
        "clicked": one.clicked,
    }


def _shown(one: Vote) -> list[str]:
    how = "a link followed" if one.clicked else "a vote"
    return [to_unicode(one.paper.title), f"{one.at:%Y-%m-%d}", how]
