"""Reads and writes subscribers, on a connection the caller opened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from subscribers import addresses, event_store
from subscribers.errors import UnknownSubscriber
from subscribers.events import EventKind
from subscribers.model import Consent, Preferences, State, Subscriber, parse_time
from subscribers.schema import subscribers

ERASED = "erased.invalid"  # RFC 2606 2: nobody ever has this domain

# What a subscriber is read from, in the order of `read`: to look each up in its row by its name
# would be a tenth of composing a reader.
_WHO = ("id", "address", "state", "unsubscribed_at")
_CONSENT = ("consent_at", "consent_form", "consent_wording", "consent_network")
_WANTS = ("follows", "mutes", "at", "zone", "days", "length", "language")
_ALSO = ("discover", "learn", "clicks", "paused_until")
COLUMNS = tuple(subscribers.c[name] for name in (*_WHO, *_CONSENT, *_WANTS, *_ALSO))


@dataclass(frozen=True, kw_only=True)
class Subscribed:
    """What came of a subscription."""

    subscriber: Subscriber
    before: Subscriber | None  # None: the address is new here


def subscribe(
    connection: Connection,
    address: str,
    preferences: Preferences,
    consent: Consent,
    state: State = State.CONFIRMED,
) -> Subscribed:
    """Makes an address a subscriber with these preferences, confirmed or still to be asked.

    An address that is here already, in whatever case, keeps its row, number and spelling; its
    preferences are replaced, and a consent that still holds keeps its date. Raises AddressError.
    """
    address = addresses.normalise(address)
    before = find(connection, address)
    values = preferences_row(preferences) | {
        "state": state,
        "next_due_at": consent.at if state is State.CONFIRMED else None,
    }
    if state is not State.PENDING:  # until it is confirmed it counts that they had left
        values["unsubscribed_at"] = None
    if before is None or before.state is not State.CONFIRMED:
        values |= {
            "consent_at": consent.at,
            "consent_form": consent.form,
            "consent_wording": consent.wording,
            "consent_network": consent.network,
        }
    if before is None:
        values |= {
            "address": address,
            "address_key": addresses.key(address),
            "domain": addresses.domain(address),
        }
        connection.execute(insert(subscribers).values(values))
    else:
        connection.execute(update(subscribers).where(subscribers.c.id == before.id).values(values))
    subscriber = get(connection, address)
    if before is None or before.state is State.UNSUBSCRIBED:
        event_store.append(
            connection, subscriber.id, EventKind.SUBSCRIBED, consent.at, consent.form
        )
    elif before.preferences != preferences:
        event_store.append(connection, subscriber.id, EventKind.CHANGED, consent.at, consent.form)
    if state is State.CONFIRMED and (before is None or before.state is not State.CONFIRMED):
        event_store.append(connection, subscriber.id, EventKind.CONFIRMED, consent.at, consent.form)
    return Subscribed(subscriber=subscriber, before=before)


def confirm(
    connection: Connection, subscriber_id: int, now: datetime, by: str = "mail"
) -> Subscriber:
    """Makes a pending subscription a confirmed one, as of now; twice is once."""
    done = connection.execute(
        update(subscribers)
        .where(subscribers.c.id == subscriber_id, subscribers.c.state == State.PENDING)
        .values(state=State.CONFIRMED, consent_at=now, unsubscribed_at=None, next_due_at=now)
    )
    if done.rowcount:
        event_store.append(connection, subscriber_id, EventKind.CONFIRMED, now, by)
    return by_id(connection, subscriber_id)


def change(
    connection: Connection, subscriber_id: int, preferences: Preferences, now: datetime, by: str
) -> Subscriber:
    """Replaces the preferences of a subscription, in whatever state; the same ones is nothing."""
    before = by_id(connection, subscriber_id, lock=True)
    if before.preferences != preferences:
        connection.execute(
            update(subscribers)
            .where(subscribers.c.id == subscriber_id)
            .values(preferences_row(preferences) | _look_again(before.state, now))
        )
        event_store.append(connection, subscriber_id, EventKind.CHANGED, now, by)
    return by_id(connection, subscriber_id)


def unsubscribe(
    connection: Connection, subscriber_id: int, now: datetime, by: str = "command line"
) -> bool:
    """Ends a subscription; doing it twice keeps the first date. Whether it ended now."""
    done = connection.execute(
        update(subscribers)
        .where(subscribers.c.id == subscriber_id, subscribers.c.state != State.UNSUBSCRIBED)
        .values(state=State.UNSUBSCRIBED, unsubscribed_at=now, next_due_at=None)
    )
    if done.rowcount:
        event_store.append(connection, subscriber_id, EventKind.UNSUBSCRIBED, now, by)
    return bool(done.rowcount)


def resume(connection: Connection, subscriber_id: int, now: datetime, by: str) -> bool:
    """Takes an unsubscription back: confirmed as before. Whether it was taken back now.

    Who was asked again since is confirmed by it too: the link came by mail.
    """
    done = connection.execute(
        update(subscribers)
        .where(subscribers.c.id == subscriber_id, subscribers.c.state != State.CONFIRMED)
        .values(state=State.CONFIRMED, unsubscribed_at=None, next_due_at=now)
    )
    if done.rowcount:
        event_store.append(connection, subscriber_id, EventKind.CONFIRMED, now, by)
    return bool(done.rowcount)


def erase(connection: Connection, subscriber_id: int, now: datetime, by: str) -> None:
    """Forgets who a subscriber was; the number stays, for tokens and accounts hold it."""
    nobody = f"erased-{subscriber_id}@{ERASED}"
    connection.execute(
        update(subscribers)
        .where(subscribers.c.id == subscriber_id)
        .values(
            preferences_row(Preferences())
            | {
                "address": nobody,
                "address_key": nobody,
                "domain": ERASED,
                "state": State.UNSUBSCRIBED,
                "consent_form": "",
                "consent_wording": "",
                "consent_network": "",
                "unsubscribed_at": now,
                "next_due_at": None,
                "served_on": None,
            }
        )
    )
    event_store.append(connection, subscriber_id, EventKind.ERASED, now, by)


def never_confirmed(
    connection: Connection, before: datetime, after: int, limit: int
) -> list[Subscriber]:
    """Pending subscriptions asked for before an instant, of those numbered after one."""
    query = (
        select(*COLUMNS)
        .where(
            subscribers.c.state == State.PENDING,
            subscribers.c.consent_at < before,
            subscribers.c.id > after,
        )
        .order_by(subscribers.c.id)
        .limit(limit)
    )
    return [read(row) for row in connection.execute(query)]


def give_up(connection: Connection, subscriber_id: int) -> None:
    """Takes a wish back that was never confirmed, of somebody who had left: left as before."""
    connection.execute(
        update(subscribers)
        .where(subscribers.c.id == subscriber_id, subscribers.c.state == State.PENDING)
        .values(state=State.UNSUBSCRIBED)
    )


def find(connection: Connection, address: str, *, lock: bool = False) -> Subscriber | None:
    """The subscriber of an address as typed, in whatever state; raises AddressError.

    With `lock` nobody else changes it until this transaction ends.
    """
    key = addresses.key(addresses.normalise(address))
    query = select(*COLUMNS).where(subscribers.c.address_key == key)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else read(row)


def get(connection: Connection, address: str) -> Subscriber:
    """The subscriber of an address as typed; raises AddressError or UnknownSubscriber."""
    found = find(connection, address)
    if found is None:
        raise UnknownSubscriber(
            f"Nobody here has the address {addresses.normalise(address)}. "
            "`newsletter subscribers list` shows who does."
        )
    return found


def is_erased(subscriber: Subscriber) -> bool:
    """Whether nothing is known of a subscriber any more."""
    return subscriber.address.endswith(f"@{ERASED}")


def by_id(connection: Connection, subscriber_id: int, *, lock: bool = False) -> Subscriber:
    """The subscriber of a number; raises UnknownSubscriber.

    With `lock` nobody else changes it until this transaction ends.
    """
    query = select(*COLUMNS).where(subscribers.c.id == subscriber_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise UnknownSubscriber(f"There is no subscriber number {subscriber_id}.")
    return read(row)


def in_batches(
    connection: Connection, state: State | None = None, size: int = 1000
) -> Iterator[list[Subscriber]]:
    """All subscribers (of one state) in order of number, `size` at a time, in constant memory."""
    last = 0
    while True:
        query = select(*COLUMNS).where(subscribers.c.id > last).order_by(subscribers.c.id)
        if state is not None:
            query = query.where(subscribers.c.state == state)
        rows = connection.execute(query.limit(size)).all()
        if not rows:
            return
        last = rows[-1].id
        yield [read(row) for row in rows]


def languages(connection: Connection) -> set[str]:
    """The languages that confirmed readers chose."""
    query = select(subscribers.c.language).where(
        subscribers.c.state == State.CONFIRMED, subscribers.c.language != ""
    )
    return set(connection.scalars(query.distinct()))


def count(connection: Connection) -> dict[State, int]:
    """How many there are in each state."""
    query = select(subscribers.c.state, func.count()).group_by(subscribers.c.state)
    found = {State(state): number for state, number in connection.execute(query)}
    return {state: found.get(state, 0) for state in State}


def read(row: Sequence[Any]) -> Subscriber:
    """A row of `COLUMNS` as a value."""
    number, address, state, left_at, at, form, wording, network, *wants = row
    return Subscriber(
        id=number,
        address=address,
        state=State(state),
        preferences=_preferences(*wants),
        consent=Consent(at=at, form=form, wording=wording, network=network),
        unsubscribed_at=left_at,
    )


@lru_cache(maxsize=4096)  # many readers share their preferences; parsing them once is enough
def _preferences(
    follows: str,
    mutes: str,
    at: str,
    zone: str,
    days: str,
    length: int,
    language: str,
    discover: bool,
    learn: bool,
    clicks: bool,
    paused_until: date | None,
) -> Preferences:
    return Preferences(
        follows=_topics(follows),
        mutes=_topics(mutes),
        at=_time(at),
        zone=zone,
        days=_days(days),
        length=length,
        language=language,
        discover=discover,
        learn=learn,
        clicks=clicks,
        paused_until=paused_until,
    )


def _topics(text: str) -> frozenset[str]:
    return frozenset(_list(text)) if text != "[]" else _NONE


_list = json.JSONDecoder().decode
_NONE: frozenset[str] = frozenset()
_time = lru_cache(maxsize=1440)(parse_time)  # shared by readers who follow different topics


@lru_cache(maxsize=128)
def _days(text: str) -> frozenset[int]:
    return frozenset(map(int, text))


def _look_again(state: State, now: datetime) -> dict[str, Any]:
    """Has the next composing look at a reader: of what was due by other wishes, nothing holds."""
    return {"next_due_at": now} if state is State.CONFIRMED else {}


def preferences_row(preferences: Preferences) -> dict[str, Any]:
    """Preferences as columns of the table."""
    return {
        "follows": json.dumps(sorted(preferences.follows)),
        "mutes": json.dumps(sorted(preferences.mutes)),
        "at": preferences.at.strftime("%H:%M"),
        "zone": preferences.zone,
        "days": "".join(map(str, sorted(preferences.days))),
        "length": preferences.length,
        "language": preferences.language,
        "discover": preferences.discover,
        "learn": preferences.learn,
        "clicks": preferences.clicks,
        "paused_until": preferences.paused_until,
    }
