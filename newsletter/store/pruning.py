"""Which rows have had their time, and takes them out, some at a time, on a caller's connection.

Nothing goes that anybody still asks for. What a delivery has to have behind it is
`docs/decisions/0015-what-is-forgotten.md`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    delete,
    false,
    func,
    or_,
    select,
    true,
    tuple_,
)

from newsletter.delivery import DeliveryState
from newsletter.papers import PaperId
from newsletter.rules import OWN
from newsletter.store import schema
from newsletter.store.schema import (
    deliveries,
    issue_papers,
    issues,
    letters,
    observations,
    papers,
    webhooks,
)
from subscribers.model import State
from subscribers.schema import address_changes, subscriber_events, subscribers, suppressions
from subscribers.store import ERASED
from subscribers.suppression import SuppressionKind

ENDED = frozenset({DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.SKIPPED})
"""States that nothing follows by itself; of what is unknown an operator has still to say."""

NOT_ENDED = frozenset(DeliveryState) - ENDED  # asked for by these, for no index helps with the rest

REPORTS = 100  # of the operator's letters on issues, the newest: while one is there, none follows
ABOUT_ISSUES = ("report", "review")  # letters.LetterKind


@dataclass(frozen=True, kw_only=True)
class Horizons:
    """Instants; what is older than its own may go."""

    deliveries: datetime
    events: datetime
    observations: datetime
    erased: datetime
    window: datetime  # papers that a list, an editor or their source spoke of since may be picked
    settled: datetime  # after which nobody comes back to what was not ended
    counts: datetime  # of what is asked of pages
    vectors: datetime


@dataclass(frozen=True, kw_only=True)
class Step:
    """Rows of one table that go, and the rows of others that go with them."""

    table: Table
    which: ColumnElement[bool]
    with_them: Sequence[ColumnElement[int]] = ()  # columns that refer to it

    def any(self, connection: Connection) -> bool:
        """Whether a row would go."""
        query = select(*self.table.primary_key).where(self.which).limit(1)
        return connection.execute(query).first() is not None

    def count(self, connection: Connection) -> dict[str, int]:
        """How many rows would go, by table."""
        of = select(func.count()).select_from(self.table).where(self.which)
        found = {self.table.name: connection.scalar(of) or 0}
        for column in self.with_them:
            held = column.in_(select(*self.table.primary_key).where(self.which))
            query = select(func.count()).select_from(column.table).where(held)
            found[column.table.name] = connection.scalar(query) or 0
        return found

    def take(self, connection: Connection, limit: int) -> dict[str, int]:
        """Takes up to `limit` rows out; how many went, by table.

        What somebody else holds at the moment is left for another time.
        """
        key = list(self.table.primary_key)
        query = select(*key).where(self.which).limit(limit)
        rows = connection.execute(query.with_for_update(skip_locked=True)).all()
        if not rows:
            return {self.table.name: 0}
        gone: dict[str, int] = {}
        if len(key) == 1:
            ids = [row[0] for row in rows]
            for column in self.with_them:
                children = delete(column.table).where(column.in_(ids))
                gone[column.table.name] = connection.execute(children).rowcount
            mine = key[0].in_(ids)
        else:
            mine = tuple_(*key).in_([tuple(row) for row in rows])
        gone[self.table.name] = connection.execute(delete(self.table).where(mine)).rowcount
        return gone


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What was looked up once and holds for a whole run."""

    wanted: Collection[PaperId]  # papers that an editor brought back of late
    told: int | None  # the last event that every webhook was told; None: there is no webhook
    newest: int  # the number of the newest issue
    issues: Sequence[int] = field(default=())  # those whose deliveries may go


def told(connection: Connection) -> int | None:
    """The last event that every webhook was told; None where there is no webhook."""
    query = select(func.min(webhooks.c.cursor)).where(webhooks.c.removed_at.is_(None))
    found: int | None = connection.scalar(query)
    return found


def forgettable(
    connection: Connection, horizons: Horizons, wanted: Collection[PaperId]
) -> list[int]:
    """Issues that are old, have deliveries, and none of whose papers can be picked today.

    By whatever name a paper goes now.
    """
    current = _current(horizons, wanted)
    is_now = func.coalesce(papers.c.same_as, papers.c.id)
    held = (
        select(issue_papers.c.issue_id)
        .join(papers, papers.c.id == issue_papers.c.paper_id)
        .where(is_now.in_(current))
    )
    has = select(deliveries.c.id).where(deliveries.c.issue_id == issues.c.id).exists()
    query = select(issues.c.id).where(
        issues.c.composed_at < horizons.deliveries, has, issues.c.id.not_in(held)
    )
    return list(connection.scalars(query.order_by(issues.c.id)))


def deliveries_of(issue_ids: Collection[int], horizons: Horizons, kept: Kept) -> Step:
    """The deliveries of some issues that go, and those of readers erased long ago."""
    aged = and_(
        deliveries.c.issue_id.in_(issue_ids),
        deliveries.c.due_at < horizons.deliveries,
        func.coalesce(deliveries.c.sent_at, deliveries.c.due_at) < horizons.deliveries,
        func.coalesce(deliveries.c.retried_at, deliveries.c.due_at) < horizons.deliveries,
        _is_not_the_last(kept),
        deliveries.c.subscriber_id.not_in(_resting()),
    )
    return _deliveries(aged)


def deliveries_of_erased(horizons: Horizons) -> Step:
    """The deliveries of readers erased long ago."""
    return _deliveries(deliveries.c.subscriber_id.in_(_erased(horizons)))


def every_delivery(horizons: Horizons, kept: Kept) -> Step:
    """Both of these, to be counted."""
    aged = deliveries_of(kept.issues, horizons, kept).which
    return _deliveries(or_(aged, deliveries_of_erased(horizons).which))


def of_readers(horizons: Horizons, kept: Kept) -> list[Step]:
    """What refers to readers, but for their deliveries."""
    gone = _erased(horizons)
    reports = (
        select(letters.c.id)
        .where(letters.c.kind.in_(ABOUT_ISSUES))
        .order_by(letters.c.id.desc())
        .limit(REPORTS)
    )
    mine = or_(letters.c.subscriber_id.is_(None), letters.c.subscriber_id.not_in(_resting()))
    old_letter = and_(
        letters.c.queued_at < horizons.events,
        letters.c.next_at < horizons.events,
        or_(letters.c.sent_at.is_(None), letters.c.sent_at < horizons.events),
        letters.c.id.not_in(reports),
        mine,
    )
    events = subscriber_events.c
    known = true() if kept.told is None else events.id <= kept.told
    return [
        Step(
            table=letters,
            which=and_(
                letters.c.state != "queued", or_(old_letter, letters.c.subscriber_id.in_(gone))
            ),
        ),
        Step(table=schema.votes, which=schema.votes.c.subscriber_id.in_(gone)),
        Step(
            table=address_changes,
            which=or_(
                address_changes.c.asked_at < horizons.settled,
                address_changes.c.subscriber_id.in_(gone),
            ),
        ),
        Step(
            table=subscriber_events,
            which=and_(known, or_(events.at < horizons.events, events.subscriber_id.in_(gone))),
        ),
    ]


def readers(horizons: Horizons, kept: Kept, *, expected: bool = False) -> Step:
    """Readers erased long ago to whom nothing refers any more.

    Where that is `expected`, those to whom nothing would after all other steps.
    """
    is_open = deliveries.c.state.not_in(ENDED) if expected else true()
    untold = false() if kept.told is None else subscriber_events.c.id > kept.told
    stays = [
        (deliveries.c.subscriber_id, is_open),
        (subscriber_events.c.subscriber_id, untold if expected else true()),
        (letters.c.subscriber_id, letters.c.state == "queued" if expected else true()),
        (schema.votes.c.subscriber_id, false() if expected else true()),
        (address_changes.c.subscriber_id, false() if expected else true()),
    ]
    held = [
        select(column).where(column == subscribers.c.id, which).exists() for column, which in stays
    ]
    return Step(
        table=subscribers,
        which=and_(subscribers.c.id.in_(_erased(horizons)), *(~one for one in held)),
    )


def looks_at(ids: Collection[str] | None, horizons: Horizons, kept: Kept) -> Step:
    """What was observed of papers (of all, if none are named) that none of them needs.

    The last word of each source stays, its last votes and its last place; so does all that was
    seen of papers that can be picked today.
    """
    later = observations.alias()
    same = [
        later.c.paper_id == observations.c.paper_id,
        later.c.source == observations.c.source,
        later.c.at > observations.c.at,
    ]
    which = [
        observations.c.at < horizons.observations,
        or_(
            observations.c.listed.is_(None),
            observations.c.listed < horizons.observations.date(),
        ),
        select(later.c.at).where(*same).exists(),
        *(
            or_(
                observations.c[name].is_(None),
                select(later.c.at).where(*same, later.c[name].is_not(None)).exists(),
            )
            for name in ("votes", "position", "comments", "stars")
        ),
        observations.c.paper_id.not_in(_current(horizons, kept.wanted)),
    ]
    if ids is not None:
        which.append(observations.c.paper_id.in_(ids))
    return Step(table=observations, which=and_(*which))


def paper_ids(connection: Connection, after: str, limit: int) -> list[str]:
    """Papers in order of id, of those after one."""
    query = select(papers.c.id).where(papers.c.id > after).order_by(papers.c.id).limit(limit)
    return list(connection.scalars(query))


def left_over(horizons: Horizons) -> list[Step]:
    """What sources, limits and models left behind that nobody comes back to."""
    turns = schema.turns.c
    return [
        Step(table=schema.source_pending, which=schema.source_pending.c.since < horizons.events),
        Step(
            table=schema.turns,
            which=and_(turns.holder.is_(None), turns.next_at < horizons.settled),
        ),
        Step(table=schema.day_counts, which=schema.day_counts.c.day < horizons.settled.date()),
        Step(table=schema.request_counts, which=schema.request_counts.c.starts < horizons.counts),
        Step(table=schema.text_vectors, which=schema.text_vectors.c.asked_at < horizons.vectors),
    ]


def _deliveries(which: ColumnElement[bool]) -> Step:
    return Step(
        table=deliveries,
        which=and_(deliveries.c.state.not_in(NOT_ENDED), which),
        with_them=(schema.delivery_history.c.delivery_id, schema.delivery_events.c.delivery_id),
    )


def _erased(horizons: Horizons) -> Select[tuple[int]]:
    return select(subscribers.c.id).where(
        subscribers.c.domain == ERASED,
        subscribers.c.state == State.UNSUBSCRIBED,
        subscribers.c.unsubscribed_at <= horizons.erased,
    )


def _resting() -> Select[tuple[int]]:
    """Readers whose address rests: what was heard of them decides when it is tried again."""
    return (
        select(subscribers.c.id)
        .join(suppressions, suppressions.c.address_key == subscribers.c.address_key)
        .where(suppressions.c.kind == SuppressionKind.SOFT, suppressions.c.lifted_at.is_(None))
    )


def _is_not_the_last(kept: Kept) -> ColumnElement[bool]:
    """Whether another digest tells which topics a reader had something of last.

    That of the newest issue does not count: it may be composed again. Nobody asks for those of
    who has left.
    """
    later = deliveries.alias()
    stands = select(subscribers.c.state).where(subscribers.c.id == deliveries.c.subscriber_id)
    return or_(
        deliveries.c.state == DeliveryState.FAILED,
        select(later.c.id)
        .where(
            later.c.subscriber_id == deliveries.c.subscriber_id,
            later.c.id > deliveries.c.id,
            later.c.issue_id != kept.newest,
            later.c.state != DeliveryState.FAILED,
        )
        .exists(),
        # One by one: as a set it would be read of all readers for each batch.
        stands.scalar_subquery() == State.UNSUBSCRIBED,
    )


def _current(horizons: Horizons, wanted: Iterable[PaperId]) -> Select[tuple[str]]:
    """Papers that an issue of today may carry, and more."""
    since = horizons.window
    listed = select(observations.c.paper_id).where(observations.c.listed >= since.date())
    return select(papers.c.id).where(
        or_(
            papers.c.first_seen_at >= since,
            papers.c.id.in_(listed),
            papers.c.id.in_(list(wanted)),
        )
    )


def unfollowed(connection: Connection, horizons: Horizons) -> list[str]:
    """Readers' own rules, not of late, that nobody follows or mutes, be it one who left."""
    held = set[str]()
    own = f'%"{OWN}%'
    follows, mutes = subscribers.c.follows, subscribers.c.mutes
    query = select(follows, mutes).where(or_(follows.like(own), mutes.like(own))).distinct()
    for row in connection.execute(query):
        held.update(json.loads(row.follows), json.loads(row.mutes))
    rules = select(schema.topics.c.slug).where(
        schema.topics.c.own, schema.topics.c.at < horizons.settled
    )
    return [
        slug
        for slug in connection.scalars(rules.order_by(schema.topics.c.slug))
        if slug not in held
    ]


def forget_rule(connection: Connection, slug: str) -> int:
    """Forgets a reader's own rule unless somebody follows it by now; how many went.

    Whoever is about to follow it has written to the table of rules first, and is waited for.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE topics IN SHARE ROW EXCLUSIVE MODE")
    told = f"%{json.dumps(slug)}%"  # slugs hold no sign that LIKE knows
    followed = or_(subscribers.c.follows.like(told), subscribers.c.mutes.like(told))
    if connection.scalar(select(subscribers.c.id).where(followed).limit(1)) is not None:
        return 0
    mine = (schema.topics.c.slug == slug, schema.topics.c.own)
    return connection.execute(delete(schema.topics).where(*mine)).rowcount
