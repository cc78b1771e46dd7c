"""Decides which messages may leave now, by which road, and until when the others wait.

All of it within the transaction that writes their intents, so that limits hold across senders,
for digests and letters alike. Who has to wait is told; giving it back is the caller's.
The sums are `newsletter.pacing`'s. Where nothing is limited and no domain has asked to go slower,
nothing is written, and once a second read whether one has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Generic, NamedTuple, Protocol, TypeVar

from newsletter.pacing import DomainLimits, Rate, Slowdown, asks_to_slow, eased, slot, slowed
from newsletter.pipeline.connections import Road
from newsletter.server_words import code_of
from newsletter.store import pacing
from newsletter.store.database import Connection, Database
from subscribers.addresses import domain as domain_of

LOOK = timedelta(seconds=1)  # as long may go by before other senders' slowdowns are heard of
STUCK = timedelta(seconds=10)  # without an idle connection, and others wait for a road no longer
ANY_DOMAIN = "*"  # the limits of each domain that has none of its own


class Addressed(Protocol):
    """A message that wants to leave."""

    @property
    def address(self) -> str:
        """To whom."""


A = TypeVar("A", bound=Addressed)


@dataclass(frozen=True, kw_only=True)
class Admitted(Generic[A]):
    """What became of messages that wanted to leave."""

    go: list[tuple[A, str]] = field(default_factory=list)  # with the name of the road
    put_off: list[tuple[A, datetime]] = field(default_factory=list)  # to be given back until then
    next_at: datetime | None = None  # when a limit gives a road room again, where none has


class Heard(NamedTuple):
    """What a server said of one message."""

    address: str
    taken: bool
    refusal: tuple[int | None, str] | None = None  # code and words


class Traffic:
    """The limits of a run, and what it knows of others' use of them."""

    def __init__(
        self,
        roads: Sequence[Road],
        domains: Mapping[str, DomainLimits],
    ) -> None:
        self.slow: dict[str, Slowdown] = {}  # as last seen
        self.slowed: dict[str, Slowdown] = {}  # by answers that this run had
        self._looked: datetime | None = None
        self._roads = {road.name: road for road in roads}
        self._domains = domains
        self._connections = sum(len(road.transports) for road in roads)
        self._handed: Counter[str] = Counter()  # by road
        self._handed_at: dict[str, datetime] = {}  # the last time
        self._eased: set[str] = set()  # domains that are to be called back
        self._sharing: set[str] = set()  # the roads that could carry something last

    def look(self, connection: Connection, now: datetime) -> None:
        """Learns which domains are gone easy on."""
        self.slow = pacing.slow(connection)
        self._looked = now

    def admit(
        self,
        connection: Connection,
        ready: Sequence[A],
        others: Sequence[A],
        idle: Mapping[str, int],
        now: datetime,
    ) -> Admitted[A]:
        """Which of `ready` may leave now; of these and `others` alike, which are put off."""
        if self._looked is None or now - self._looked >= LOOK:
            self.look(connection, now)
        # Where no domain has a limit, nobody's is looked at.
        asked = [*ready, *others] if self._domains or self.slow else []
        domains = {domain_of(one.address) for one in asked}
        lanes = {name: self._lane(connection, name, now) for name in sorted(domains)}
        gates = {name: self._gate(connection, name, number, now) for name, number in idle.items()}
        self._catch_up(gates, now)
        admitted = Admitted[A]()
        waits = False  # for a road that has carried too little
        for one in ready:
            lane = lanes[domain_of(one.address)] if asked else None
            if lane is not None and lane.room <= 0:
                admitted.put_off.append((one, lane.wait()))
                continue
            name = self._road(gates, now)
            if name is None:
                waits = True
                continue
            gates[name].take()
            if lane is not None:
                lane.take()
            self._handed[name] += 1
            self._handed_at[name] = now
            admitted.go.append((one, name))
        for one in others if asked else ():
            lane = lanes[domain_of(one.address)]
            if lane is not None and lane.room <= 0:
                admitted.put_off.append((one, lane.wait()))
        for kept in (*lanes.values(), *gates.values()):
            if kept is not None:
                kept.keep(connection)
        if any(gate.room > 0 for gate in gates.values()):
            return replace(admitted, next_at=self._stuck_at(gates, now)) if waits else admitted
        shut = [at for gate in gates.values() if (at := gate.opens()) is not None]
        return replace(admitted, next_at=min(shut, default=None))

    def heard(self, connection: Connection, written: Sequence[Heard], now: datetime) -> None:
        """Goes easy on domains that ask for it, and less so on those that take mail again."""
        if not self.slow and not any(one.refusal for one in written):
            return
        theirs: dict[str, list[Heard]] = {}
        for one in written:
            theirs.setdefault(domain_of(one.address), []).append(one)
        for domain in sorted(theirs):  # so that two senders never wait for each other
            taken = 0
            for one in theirs[domain]:
                if one.taken and domain in self.slow:
                    taken += 1
                if one.refusal is None:
                    continue
                code, text = one.refusal
                if not asks_to_slow(code, code_of(text), text):
                    continue
                before = pacing.slow_of(connection, domain)
                words = f"{code} {text}"
                after = slowed(before, domain, code_of(text), words, self._connections, now)
                pacing.put_slow(connection, after)
                self.slow[domain] = self.slowed[domain] = after
                taken = 0
            if taken:
                self._ease(connection, domain, taken, now)

    def call_back(self, database: Database, now: datetime) -> None:
        """Makes due what was put off to domains that may be sent more since they were `heard`.

        In transactions of their own: what limits keep of a domain is locked in order of the names,
        by `admit` too, and nothing after it.
        """
        while self._eased:
            domain = self._eased.pop()
            with database.write() as connection:
                pacing.call_back(connection, domain, now)

    def _ease(self, connection: Connection, domain: str, number: int, now: datetime) -> None:
        before = pacing.slow_of(connection, domain)
        if before is None:
            self.slow.pop(domain, None)
            return
        after = eased(before, number, now)
        if after is None:
            pacing.forget_slow(connection, domain)
            self.slow.pop(domain, None)
        else:
            pacing.put_slow(connection, after)
            self.slow[domain] = after
        if after is None or after.connections > before.connections:
            self._eased.add(domain)

    def _lane(self, connection: Connection, domain: str, now: datetime) -> _Lane | None:
        limits = self._domains.get(domain) or self._domains.get(ANY_DOMAIN) or DomainLimits()
        slow = self.slow.get(domain)
        caps = [limits.connections] if limits.connections is not None else []
        if slow is not None:
            caps.append(slow.connections)
        if not limits.rates and not caps:
            return None
        return _Lane(connection, domain, limits.rates, min(caps, default=None), slow, now)

    def _gate(self, connection: Connection, name: str, idle: int, now: datetime) -> _Gate:
        return _Gate(connection, self._roads[name], idle, now)

    def _road(self, gates: Mapping[str, _Gate], now: datetime) -> str | None:
        """The road with room that has carried least of its share.

        None, too, where those with room are ahead of one that is busy by as much as they have
        connections: without that a weight would say nothing as soon as there is much to do. One
        whose server takes long over all it has is not waited for.
        """
        if len(gates) == 1:
            ((name, gate),) = gates.items()
            return name if gate.room > 0 else None
        shares = {name: self._share(name) for name in self._rivals(gates, now)}
        free = [name for name, gate in gates.items() if gate.room > 0]
        if not free:
            return None
        name = min(free, key=self._share)
        ahead = (shares[name] - min(shares.values())) * self._weight(name)
        return name if ahead < len(self._roads[name].transports) else None

    def _rivals(self, gates: Mapping[str, _Gate], now: datetime) -> set[str]:
        """The roads that share: neither at their limit nor stuck."""
        return {
            name
            for name, gate in gates.items()
            if not gate.limited and (gate.room > 0 or now < self._handed_at.get(name, now) + STUCK)
        }

    def _stuck_at(self, gates: Mapping[str, _Gate], now: datetime) -> datetime | None:
        """When the first of the roads that are waited for will not be."""
        busy = [name for name, gate in gates.items() if not gate.limited and gate.room <= 0]
        ends = [self._handed_at.get(name, now) + STUCK for name in busy]
        return min((at for at in ends if at > now), default=None)

    def _share(self, name: str) -> float:
        return self._handed[name] / self._weight(name)

    def _weight(self, name: str) -> int:
        return self._roads[name].weight or 1

    def _catch_up(self, gates: Mapping[str, _Gate], now: datetime) -> None:
        """What a road could not carry while it was closed, stuck or at its limit, it need not make
        up."""
        sharing = self._rivals(gates, now)
        before = sharing & self._sharing
        if before:
            least = min(self._share(name) for name in before)
            for name in sharing - before:
                self._handed[name] = max(self._handed[name], round(least * self._weight(name)))
        self._sharing = sharing


class _Rates:
    """Rates as they stand in the database, and how many may leave by them."""

    def __init__(
        self, connection: Connection, name: str, rates: Sequence[Rate], now: datetime
    ) -> None:
        self._rates = {f"{name}/{rate.number} in {rate.seconds:g} s": rate for rate in rates}
        self._kept = pacing.kept(connection, self._rates, now)
        self._now = now

    def room(self) -> int | None:
        """How many may leave now, None where any number may."""
        rooms = [rate.room(self._kept[name], self._now) for name, rate in self._rates.items()]
        return min(rooms, default=None)

    def next_at(self) -> datetime:
        """When all of them have room."""
        free = [rate.next_at(self._kept[name], self._now) for name, rate in self._rates.items()]
        return max(free, default=self._now)

    def keep(self, connection: Connection, number: int) -> None:
        """Writes that so many left."""
        if number:
            self._kept = {
                name: rate.used(self._kept[name], number, self._now)
                for name, rate in self._rates.items()
            }
            pacing.keep(connection, self._kept)


class _Lane:
    """What may leave to one domain that is limited."""

    def __init__(
        self,
        connection: Connection,
        domain: str,
        rates: Sequence[Rate],
        cap: int | None,
        slow: Slowdown | None,
        now: datetime,
    ) -> None:
        self._domain = domain
        self._tail = self._first = pacing.tail(connection, domain, now)
        self._rates = _Rates(connection, domain, rates, now)
        self._slot = slot(rates, cap)
        self._taken = 0
        rooms = [room] if (room := self._rates.room()) is not None else []
        if cap is not None:
            rooms.append(cap - pacing.under_way(connection, domain, now))
        paused = slow is not None and now < slow.until
        self.room = 0 if paused else min(rooms)
        self._earliest = slow.until if slow is not None and paused else now + self._slot

    def take(self) -> None:
        """One leaves."""
        self.room -= 1
        self._taken += 1

    def wait(self) -> datetime:
        """The next instant that is nobody else's."""
        self._tail = max(self._tail + self._slot, self._earliest, self._rates.next_at())
        return self._tail

    def keep(self, connection: Connection) -> None:
        """Writes what was used."""
        self._rates.keep(connection, self._taken)
        if self._tail != self._first:
            pacing.set_tail(connection, self._domain, self._tail)


class _Gate:
    """What may leave by one road."""

    def __init__(self, connection: Connection, road: Road, idle: int, now: datetime) -> None:
        self._name = road.name
        self._day = now.astimezone(UTC).date()
        self._taken = 0
        self._rates = _Rates(connection, road.name, road.limits.rates, now)
        most = road.limits.warm_up.most(self._day) if road.limits.warm_up else None
        self._today: int | None = None  # how many may leave before the day ends
        if most is not None:
            self._today = most - pacing.used_on(connection, road.name, self._day)
        rooms = [room for room in (self._rates.room(), self._today) if room is not None]
        self.room = min(idle, *rooms) if rooms else idle
        self.limited = min(rooms, default=1) <= 0  # whether it is a limit that leaves no room

    def take(self) -> None:
        """One leaves."""
        self.room -= 1
        self._taken += 1

    def keep(self, connection: Connection) -> None:
        """Writes what was used."""
        self._rates.keep(connection, self._taken)
        if self._today is not None and self._taken:
            pacing.use_on(connection, self._name, self._day, self._taken)

    def opens(self) -> datetime | None:
        """When its limits have room after what was used; None where they have some left."""
        opens = []
        if (room := self._rates.room()) is not None and room <= 0:
            opens.append(self._rates.next_at())
        if self._today is not None and self._today <= self._taken:
            opens.append(datetime.combine(self._day + timedelta(days=1), time(), UTC))
        return max(opens, default=None)
