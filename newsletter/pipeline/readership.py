"""What readers do by their pages: ask for mail, change what comes, leave, come back, be forgotten.

Whoever types an address is told the same, whether it is known here or not: what follows goes to
that address alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from newsletter import rules
from newsletter.pipeline.letters import CONFIRM_WITHIN, queue_change, queue_letter
from newsletter.store import erasing, request_counts
from newsletter.store import letters as kept
from newsletter.store import topics as kept_topics
from newsletter.store.database import Connection, Database
from newsletter.store.letters import LetterKind
from newsletter.store.topics import KeptTopic
from newsletter.topics import Topic
from subscribers import addresses, change_store, suppression_store
from subscribers import store as subscribers
from subscribers.model import Consent, Preferences, State, Subscriber
from subscribers.suppression import Suppression, SuppressionKind
from subscribers.tokens import Signer

AGAIN = timedelta(minutes=10)  # within which the same letter is not asked for twice
BATCH = 200
ERASED_BY = "the reader"


def ask(
    connection: Connection,
    signer: Signer,
    address: str,
    wants: Preferences,
    own: Sequence[Topic],
    consent: Consent,
) -> None:
    """Asks the owner of an address to confirm these wishes; raises AddressError.

    A subscription that holds is not changed: who typed the address may be anybody.
    """
    now = consent.at
    key = addresses.key(addresses.normalise(address))
    if _silenced(connection, signer, key, now):
        return
    before = subscribers.find(connection, address, lock=True)
    if before is not None and before.state is State.CONFIRMED:
        _letter(connection, LetterKind.PREFERENCES, before, now)
        return
    waits = before if before is not None and before.state is State.PENDING else None
    if waits and _asked_of_late(connection, LetterKind.CONFIRMATION, waits, now):
        return  # the letter that is on its way tells of other wishes
    keep_rules(connection, own, now)
    done = subscribers.subscribe(connection, address, wants, consent, State.PENDING)
    _letter(connection, LetterKind.CONFIRMATION, done.subscriber, now)


def ask_link(connection: Connection, address: str, now: datetime) -> None:
    """Sends the owner of an address the link to the preferences, where somebody has it."""
    reader = subscribers.find(connection, address)
    if reader is None or reader.state is State.UNSUBSCRIBED:
        return
    pending = reader.state is State.PENDING
    kind = LetterKind.CONFIRMATION if pending else LetterKind.PREFERENCES
    _letter(connection, kind, reader, now)


def _letter(connection: Connection, kind: LetterKind, reader: Subscriber, now: datetime) -> None:
    if not _asked_of_late(connection, kind, reader, now):
        queue_letter(connection, kind, reader, now)


def _asked_of_late(
    connection: Connection, kind: LetterKind, reader: Subscriber, now: datetime
) -> bool:
    return kept.queued_since(connection, kind, reader.id, now - AGAIN) > 0


def keep_rules(connection: Connection, own: Sequence[Topic], now: datetime) -> None:
    """Keeps readers' own rules, so that they can be followed."""
    told = [
        KeptTopic(
            slug=one.slug,
            definition=rules.definition(one),
            own=True,
            removed=False,
            by="a reader",
            at=now,
        )
        for one in own
    ]
    if told:
        kept_topics.put_own(connection, told)


def ask_change(connection: Connection, reader: Subscriber, address: str, now: datetime) -> None:
    """Asks another address whether it is to get a reader's mail; raises AddressError."""
    queue_change(connection, change_store.ask(connection, reader.id, address, now), now)


def erase(connection: Connection, signer: Signer, reader: Subscriber, now: datetime) -> None:
    """Forgets a reader. That the address is not to be written to is kept as a keyed hash alone."""
    key = addresses.key(reader.address)
    before = suppression_store.find(connection, key)
    holds = before if before is not None and before.silences(now) else None
    suppression_store.forget(connection, key)
    suppression_store.put(
        connection,
        Suppression(
            address_key=every_hashed(signer, key)[0],
            kind=holds.kind if holds else SuppressionKind.MANUAL,
            reason="Erased as its owner wanted.",
            at=now,
            by=ERASED_BY,
            until=holds.until if holds else None,
        ),
    )
    _forget(connection, reader.id, now, ERASED_BY)


def _forget(connection: Connection, subscriber_id: int, now: datetime, by: str) -> None:
    erasing.erase(connection, subscriber_id)
    change_store.forget(connection, subscriber_id)
    subscribers.erase(connection, subscriber_id, now, by)


def every_hashed(signer: Signer, address_key: str) -> tuple[str, ...]:
    """What an erased address is known by, by all keys, today's first.

    Nobody without the secret can tell whose it is.
    """
    return tuple(f"erased:{name}" for name in signer.every_opaque(f"erased/{address_key}"))


def _silenced(connection: Connection, signer: Signer, key: str, now: datetime) -> bool:
    """Whether an address gets no letter; one that its owner had erased may come back."""
    before = suppression_store.find(connection, key)
    if before is not None and before.silences(now):
        return True
    gone = [suppression_store.find(connection, name) for name in every_hashed(signer, key)]
    return any(one.silences(now) and one.kind is not SuppressionKind.MANUAL for one in gone if one)


def tidy(database: Database, now: datetime) -> int:
    """Forgets those who never confirmed, and what was counted long ago; how many those were.

    Who had left before, and was asked for again, has left as before. Nobody is forgotten while
    the question is on its way, or its link holds.
    """
    done = last = 0
    while True:
        with database.write() as connection:
            asked_by = now - CONFIRM_WITHIN - AGAIN
            late = subscribers.never_confirmed(connection, asked_by, last, BATCH)
            open_still = kept.asked_since(connection, [one.id for one in late], asked_by)
            for one in late:
                if one.id in open_still:
                    continue
                if one.unsubscribed_at is not None:
                    subscribers.give_up(connection, one.id)
                else:
                    _forget(connection, one.id, now, "time")
                _forget_rules(connection, one.preferences.follows)
                done += 1
            if len(late) < BATCH:
                request_counts.forget(connection, now)
                return done
            last = late[-1].id


def _forget_rules(connection: Connection, slugs: Iterable[str]) -> None:
    """Forgets readers' own rules that nobody follows any more."""
    for slug in slugs:
        if slug.startswith(rules.OWN) and not kept_topics.followers(connection, slug):
            kept_topics.forget(connection, slug)
