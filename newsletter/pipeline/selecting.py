"""Selects for readers: wants and history from the stores in, new deliveries out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from newsletter.affinity import Vote
from newsletter.issue import Issue
from newsletter.papers import PaperId
from newsletter.pipeline import silencing
from newsletter.pipeline.taste import NOBODY, Tastes
from newsletter.selection import Candidate, Considered, Field, Selection, Weights, Wishes
from newsletter.store import deliveries, editor_acts, issues
from newsletter.store.database import Connection
from newsletter.store.deliveries import NewDelivery
from newsletter.text import Embedder
from newsletter.wording import DigestKind
from subscribers.model import Subscriber

AWAY = timedelta(days=8)  # without a delivery: longer than a weekly reader goes without


def explain(
    connection: Connection,
    issue: Issue,
    reader: Subscriber,
    embedder: Embedder | None = None,
    *,
    learn: bool = True,
) -> list[Considered]:
    """What became of every candidate of an issue for a reader: picks first, then by score.

    Without `learn` as if they had not voted, which is told at once.
    """
    select = Selector(issue, issue.composed_at, embedder, learn=learn)
    return select.explain(connection, reader)


def field_of(
    issue: Issue, hidden: Collection[PaperId], candidates: Sequence[Candidate] | None = None
) -> Field:
    """What is selected from: an issue's candidates, or those in their place, less what is hidden.

    With the sizes, the room and the weights that the issue was composed with.
    """
    snapshot = issue.snapshot
    return Field(
        issue.candidates if candidates is None else candidates,
        issue.day,
        hidden,
        snapshot.sizes,
        snapshot.room,
        Weights(**snapshot.weights),
    )


class Selector:
    """Selects from one issue, for one batch of readers after another."""

    def __init__(
        self,
        issue: Issue,
        now: datetime,
        embedder: Embedder | None = None,
        *,
        learn: bool = True,
    ) -> None:
        """Without `learn` votes count for nothing: what they say takes a second to work out."""
        self._issue = issue
        self._learn = learn
        self._now = now
        self._tastes = Tastes(issue, embedder)
        self._fields: dict[frozenset[PaperId], Field] = {}
        self._ready: dict[int, Mapping[PaperId, float]] | None = None

    def __call__(
        self,
        connection: Connection,
        due: Sequence[tuple[Subscriber, datetime]],
        recent: Sequence[int] = (),
    ) -> list[NewDelivery]:
        """The deliveries of readers, in order of number, each with its instant.

        `recent`: the issues of the last days, of which who was not away had one.
        """
        if not due:
            return []
        batch = [one for one, _ in due]
        silent = silencing.silenced(connection, batch, self._now)
        hidden = editor_acts.hidden(connection, self._issue)  # maybe since it was frozen
        here = deliveries.had_any(connection, recent, [one.id for one in batch])
        awake = [one for one, _ in due if one.id not in silent]
        wishes = self.wishes(connection, awake)
        selections = dict(
            zip([one.id for one in awake], self._field(hidden).select(wishes), strict=True)
        )
        return [
            NewDelivery(
                subscriber_id=one.id,
                picks=(),
                reason=silencing.skipped(silent[one.id]),
                due_at=max(at, self._now),
            )
            if one.id in silent
            else self._delivery(
                one,
                selections[one.id],
                at,
                away=(bool(recent) and one.id not in here) or self._returns(connection, one),
            )
            for one, at in due
        ]

    def prepare(self, connection: Connection, batch: Sequence[Subscriber]) -> None:
        """Works out what votes say for a batch, before the transaction in which it is selected.

        It may take a while, and an embedding model keeps its vectors in a transaction of its own.
        """
        self._ready = self._tastes.fits(connection, batch, self._now)

    def wishes(
        self, connection: Connection, readers: Sequence[Subscriber], *, before: bool = False
    ) -> list[Wishes]:
        """What decides the digests of readers, in order of number.

        With `before`, as it was before they got this issue.
        """
        if not readers:
            return []
        numbers = [one.id for one in readers]
        had = deliveries.had(connection, self._issue, numbers, before=before)
        told = deliveries.last_reasons(connection, self._issue, numbers)
        fits = self._ready if self._learn else {}
        if fits is None:
            fits = self._tastes.fits(connection, readers, self._now)
        return [
            Wishes(
                follows=one.preferences.follows,
                mutes=one.preferences.mutes,
                length=one.preferences.length,
                discover=one.preferences.discover,
                fit=fits.get(one.id, NOBODY),
                had=had.get(one.id, frozenset()),
                starved=one.preferences.follows - told[one.id] if one.id in told else frozenset(),
            )
            for one in readers
        ]

    def explain(self, connection: Connection, reader: Subscriber) -> list[Considered]:
        """What became of every candidate for a reader."""
        hidden = editor_acts.hidden(connection, self._issue)
        return self._field(hidden).explain(self.wishes(connection, [reader], before=True)[0])

    def leading_vote(
        self, connection: Connection, reader: Subscriber, name: PaperId
    ) -> Vote | None:
        """The one vote that moves a candidate most for a reader, if any does."""
        return self._tastes.leading(connection, reader, name, self._now)

    def _field(self, hidden: Collection[PaperId]) -> Field:
        key = frozenset(hidden)
        if key not in self._fields:
            self._fields[key] = field_of(self._issue, key)
        return self._fields[key]

    def _delivery(
        self, reader: Subscriber, selection: Selection, at: datetime, *, away: bool
    ) -> NewDelivery:
        return NewDelivery(
            subscriber_id=reader.id,
            picks=selection.picks,
            reason=selection.reason,
            due_at=max(at, self._now),  # an hour that is past is now
            kind=self._kind(reader, away=away),
            language=reader.preferences.language,
            beyond=selection.beyond,
        )

    def _returns(self, connection: Connection, reader: Subscriber) -> bool:
        """Whether this is the first issue after a pause."""
        until = reader.preferences.paused_until
        if until is None or not self._issue.day - AWAY <= until <= self._issue.day:
            return False
        since = issues.between(connection, until, self._issue.day)
        return not deliveries.had_any(connection, since, [reader.id])

    def _kind(self, reader: Subscriber, *, away: bool) -> DigestKind:
        if away and reader.consent.at < self._now - AWAY:
            return DigestKind.CATCH_UP
        return DigestKind.WEEKLY if len(reader.preferences.days) == 1 else DigestKind.DAILY
