"""subscribe, unsubscribe, and the noun subscribers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli import roster, votes
from newsletter.cli.options import language_of, limit, pass_app
from newsletter.cli.show import as_json, counted, dump, say, table
from newsletter.cli.suppressions import stands, suppress, suppressions, unsuppress
from newsletter.cli.topics import rule_options, typed
from newsletter.errors import RequestError
from newsletter.store import events
from newsletter.store.letters import LetterKind
from newsletter.topics import Catalogue, Topic
from subscribers import addresses, store, suppression_store
from subscribers.model import (
    Consent,
    Preferences,
    State,
    Subscriber,
    days_in_words,
    parse_days,
    parse_time,
    parse_zone,
)
from subscribers.tokens import Purpose

MANY = 70  # papers a week
MOST_RETURNED = 20  # things that came back, told of one reader


@click.command(
    epilog="Example: newsletter subscribe asa@example.org --topic alignment --topic "
    "vision-language --mute survey --at 08:00 --zone Europe/Oslo"
)
@click.argument("address")
@click.option("--topic", "-t", multiple=True, help="A topic to follow; may be repeated.")
@rule_options
@click.option("--mute", "-m", multiple=True, help="A topic never to get; may be repeated.")
@click.option("--at", help="The hour of the digest, such as 08:00 (the default).")
@click.option("--zone", help="The time zone of that hour, such as Europe/Oslo; UTC by default.")
@click.option("--days", help="daily (the default), weekdays, or days such as mon,wed,fri.")
@click.option("--length", type=int, help="Papers a digest at most; 10 by default.")
@click.option("--language", help="The language of the digest, such as de; by default `language`.")
@click.option(
    "--discover/--no-discover", default=None, help="Whether the last paper may be of other topics."
)
@click.option("--learn/--no-learn", default=None, help="Whether votes change the digest.")
@click.option(
    "--clicks/--no-clicks", default=None, help="Whether links followed count, a little, as votes."
)
@click.option("--confirm", "ask", is_flag=True, help="Ask the owner by mail first.")
@click.option("--welcome", is_flag=True, help="Send a welcome, and today's digest right away.")
@as_json
@pass_app
def subscribe(
    app: App,
    address: str,
    topic: tuple[str, ...],
    phrase: tuple[str, ...],
    author: tuple[str, ...],
    class_: tuple[str, ...],
    institution: tuple[str, ...],
    like: tuple[str, ...],
    mute: tuple[str, ...],
    at: str | None,
    zone: str | None,
    days: str | None,
    length: int | None,
    language: str | None,
    discover: bool | None,
    learn: bool | None,
    clicks: bool | None,
    ask: bool,
    welcome: bool,
    as_json: bool,
) -> None:
    """Subscribe ADDRESS, or change what it gets.

    You vouch that its owner asked for it, or let --confirm ask. Without a topic the digest has
    whatever is trending. Of an address that is here already, only what you name changes; topics
    named replace those followed before.
    """
    with app.database.read() as connection:
        own = typed(connection, phrase, author, class_, institution, like).own()
    follows = frozenset(app.catalogue.get(name).slug for name in topic)
    follows |= {one.slug for one in own}
    wishes: dict[str, Any] = {
        "follows": follows or None,
        "mutes": frozenset(app.catalogue.get(name).slug for name in mute) or None,
        "at": parse_time(at) if at is not None else None,
        "zone": parse_zone(zone).key if zone is not None else None,
        "days": parse_days(days) if days is not None else None,
        "length": length,
        "language": language_of(app, language) if language is not None else None,
    }
    wishes |= {"discover": discover, "learn": learn, "clicks": clicks}
    named = {name: wish for name, wish in wishes.items() if wish is not None}
    if ask and welcome:
        raise RequestError("Name --confirm or --welcome, not both: who confirms is welcomed.")
    now = datetime.now(UTC)
    consent = Consent(at=now, form="command line")
    with app.database.write() as connection:
        before = store.find(connection, address)
        current = before.preferences if before else Preferences()
        preferences = Preferences(**(vars(current) | named))
        if ask and before is not None and before.state is State.CONFIRMED:
            raise RequestError(f"{before.address} is subscribed already; there is nothing to ask.")
        state = State.PENDING if ask else State.CONFIRMED
        pipeline.keep_rules(connection, own, now)
    if welcome:
        app.admit(preferences.follows, now)
    with app.database.write() as connection:
        done = store.subscribe(connection, address, preferences, consent, state)
        if ask:
            pipeline.queue_letter(connection, LetterKind.CONFIRMATION, done.subscriber, now)
        if welcome:
            pipeline.welcome(connection, done.subscriber, now, app.terms.zone)
        word = suppression_store.find(connection, addresses.key(done.subscriber.address))
    found = _found(app, own, now) if own else []
    if as_json:
        rules = [
            {"topic": slug, "in_words": words, "papers_a_week": round(weekly, 2)}
            for slug, words, weekly in found
        ]
        dump({"new": done.before is None, **as_row(done.subscriber), "rules": rules})
        return
    for _, words, weekly in found:
        say(f"{words[:1].upper()}{words[1:]}: {_volume(weekly)}.")
    if done.before is None:
        what = "Subscribed"
    elif done.before.state is State.CONFIRMED:
        what = "Changed"
    else:
        what = "Subscribed again:"
    say(f"{what} {done.subscriber.address}: {in_words(app, preferences, own)}")
    if ask:
        say("Pending until the owner confirms: `newsletter send` sends the question.")
    if welcome:
        say("`newsletter send` sends the welcome.")
    if word is not None and word.silences(datetime.now(UTC)):
        say(f"It is suppressed and gets nothing until it is unsuppressed: {word.reason}")


@click.command(epilog="Example: newsletter confirm 12-1790000000.q3…")
@click.argument("token")
@pass_app
def confirm(app: App, token: str) -> None:
    """Confirm a subscription by the TOKEN of an answer's subject, and welcome its reader.

    `newsletter bounces process` does the same with answers that come by mail.
    """
    clean = token.removeprefix("confirm").strip()
    signer, now = app.signer, datetime.now(UTC)
    with app.database.read() as connection:
        number, _ = signer.read_all(Purpose.CONFIRM, clean, 2)
        wanted = store.by_id(connection, number).preferences.follows
    app.admit(wanted, now)
    with app.database.write() as connection:
        done = pipeline.confirm(connection, signer, clean, now, app.terms.zone)
    say(f"{done.reader.address} {'confirmed' if done.new else 'had confirmed already'}.")


@click.command(epilog="Example: newsletter unsubscribe asa@example.org")
@click.argument("who", metavar="ADDRESS|TOKEN")
@click.option("--goodbye", is_flag=True, help="Send a last mail that says so.")
@pass_app
def unsubscribe(app: App, who: str, goodbye: bool) -> None:
    """End a subscription, by ADDRESS or by the TOKEN of an unsubscribe mail's subject."""
    with app.database.write() as connection:
        if "@" in who:
            leaver = store.get(connection, who)
        else:
            token = who.removeprefix("unsubscribe").strip()
            leaver = store.by_id(connection, app.signer.read(Purpose.UNSUBSCRIBE, token))
        now = datetime.now(UTC)
        store.unsubscribe(connection, leaver.id, now)
        if goodbye and leaver.state is not State.UNSUBSCRIBED:
            pipeline.queue_letter(connection, LetterKind.GOODBYE, leaver, now)
    if leaver.state is State.UNSUBSCRIBED:
        say(f"{leaver.address} had left already, on {leaver.unsubscribed_at:%Y-%m-%d}.")
    else:
        say(f"{leaver.address} is unsubscribed and gets nothing more.")


@click.group()
def subscribers() -> None:
    """Who gets mail, and what they asked for."""


@subscribers.command("list", epilog="Example: newsletter subscribers list --state confirmed")
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only these.")
@limit
@as_json
@pass_app
def list_(app: App, state: str | None, limit: int, as_json: bool) -> None:
    """List subscribers in the order they came."""
    chosen = State(state) if state else None
    with app.database.read() as connection:
        everyone = chain.from_iterable(store.in_batches(connection, chosen, min(limit, 1000)))
        found = list(islice(everyone, limit))
        counts = store.count(connection)
    if as_json:
        dump([as_row(one) for one in found])
        return
    table(
        ["Address", "State", "Follows", "Mutes", "At", "Days", "Papers"],
        [
            [
                one.address,
                one.state,
                _named(app, one.preferences.follows) or "whatever is trending",
                ", ".join(sorted(one.preferences.mutes)),
                f"{one.preferences.at:%H:%M} {one.preferences.zone}",
                days_in_words(one.preferences.days),
                one.preferences.length,
            ]
            for one in found
        ],
    )
    total = counts[chosen] if chosen else sum(counts.values())
    shown = f"{len(found)} of {total} shown; " if len(found) < total else ""
    say(shown + ", ".join(f"{number} {name}" for name, number in counts.items()) + ".")


for _command in (suppress, unsuppress, suppressions, votes.vote, votes.reset, *roster.COMMANDS):
    subscribers.add_command(_command)


@subscribers.command("show", epilog="Example: newsletter subscribers show asa@example.org")
@click.argument("address")
@click.option("--interests", is_flag=True, help="What votes say instead.")
@as_json
@pass_app
def show_(app: App, address: str, interests: bool, as_json: bool) -> None:
    """Show all that is known of ADDRESS, or the interests that digests learned from its votes."""
    if interests:
        votes.show_interests(app, address, as_json)
        return
    with app.database.read() as connection:
        found = store.get(connection, address)
        word = suppression_store.find(connection, addresses.key(found.address))
        returned = events.told(connection, found.id, MOST_RETURNED)
    row = as_row(found)
    if as_json:
        row["suppression"] = vars(word) if word is not None else None
        row["returned"] = [vars(one) for one in returned]
        dump(row)
        return
    row["follows"] = [_named(app, [slug]) for slug in row["follows"]]
    if word is not None:
        how = stands(word, datetime.now(UTC))
        row["suppressed"] = f"{word.kind}, {word.reason}" + (f" ({how})" if how else "")
    table(["", ""], [[name.replace("_", " "), _flat(value)] for name, value in row.items()])
    if returned:
        table(
            ["Came back", "Issue", "Heard", "Code", "In the server's words"],
            [[one.kind, one.issue, one.at, one.code, one.words] for one in returned],
        )


def _named(app: App, slugs: Iterable[str]) -> str:
    """Slugs as people know them; readers' own rules by what they say."""
    return ", ".join(map(app.catalogue.called, sorted(slugs)))


def as_row(one: Subscriber) -> dict[str, Any]:
    """A subscriber as JSON tells it."""
    wants = one.preferences
    return {
        "id": one.id,
        "address": one.address,
        "state": one.state,
        "follows": sorted(wants.follows),
        "mutes": sorted(wants.mutes),
        "at": f"{wants.at:%H:%M}",
        "zone": wants.zone,
        "days": days_in_words(wants.days),
        "length": wants.length,
        "language": wants.language,
        "discover": wants.discover,
        "learn": wants.learn,
        "clicks": wants.clicks,
        "paused_until": wants.paused_until,
        "consent_at": one.consent.at,
        "consent_form": one.consent.form,
        "unsubscribed_at": one.unsubscribed_at,
    }


def _found(app: App, own: Sequence[Topic], now: datetime) -> list[tuple[str, str, float]]:
    """Each rule's slug, what it finds in words, and how many papers a week."""
    with app.database.read() as connection:
        weekly = pipeline.volumes(connection, Catalogue(own), now, app.embedder)
    titles = {name: one.name.removeprefix("Like: ") for one in own for name in one.examples}
    return [(one.slug, one.in_words(titles), weekly[one.slug]) for one in own]


def _volume(weekly: float) -> str:
    if not weekly:
        return "none in the last four weeks; a wider rule may find some"
    if weekly > MANY:
        return f"about {weekly:.0f} papers a week, more than anybody reads; a narrower rule helps"
    return f"about {max(1, round(weekly))} a week" if weekly >= 0.5 else "less than one a week"


def in_words(app: App, wants: Preferences, own: Sequence[Topic] = ()) -> str:
    """Preferences as one sentence."""
    known = {**app.catalogue.topics, **{one.slug: one for one in own}}  # some may be gone by now
    names = [known[slug].name if slug in known else slug for slug in sorted(wants.follows)]
    muted = [known[slug].name if slug in known else slug for slug in sorted(wants.mutes)]
    return (
        f"{', '.join(names) or 'whatever is trending'}"
        + (f", without {', '.join(muted)}" if muted else "")
        + f"; up to {counted(wants.length, 'paper')}, {days_in_words(wants.days)} "
        + f"at {wants.at:%H:%M} {wants.zone}."
    )


def _flat(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value
