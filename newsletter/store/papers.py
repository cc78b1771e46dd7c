"""Keeps papers, what each source says of them and what was observed, on a caller's connection.

A paper's row is made of its records by `merging.merge`; nothing else writes it. Two papers that
turn out to be one become one: everything moves to the stronger name, and the other row stays as a
pointer, because issues that were frozen before name it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, select

from newsletter import records
from newsletter.errors import RequestError
from newsletter.identity import parse, strength
from newsletter.merging import Merged, Record, merge, renewed, unite
from newsletter.papers import Observation, Paper, PaperId
from newsletter.store.bulk import Values
from newsletter.store.joining import join
from newsletter.store.locks import papers_change
from newsletter.store.paper_rows import (
    OBSERVATIONS,
    PAPER_NAMES,
    PAPER_RECORDS,
    PAPERS,
    paper_of,
    paper_row,
    seen_row,
)
from newsletter.store.schema import observations, paper_names, paper_records, papers

T = TypeVar("T")
CHUNK = 500  # papers a statement; SQLite takes 32,766 parameters


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A paper as the store has it."""

    paper: Paper
    first_seen_at: datetime
    observations: tuple[Observation, ...]  # oldest first


@dataclass(kw_only=True)
class Put:
    """What keeping some papers did."""

    new: int = 0
    changed: int = 0
    ids: dict[PaperId, PaperId] = field(default_factory=dict)  # as told -> as kept


def put(
    connection: Connection,
    found: Sequence[Paper],
    now: datetime,
    *,
    source: str,
    trust: int,
    known_only: bool = False,
) -> Put:
    """Keeps what `source` says of papers, in place of what it said before.

    A paper was first seen when a source announced it, else now; that instant only ever moves
    back. With `known_only`, what is not kept yet is passed over.
    """
    done = Put()
    papers_change(connection)
    for start in range(0, len(found), CHUNK):
        chunk = [
            Record(source=source, trust=trust, at=now, paper=paper)
            for paper in found[start : start + CHUNK]
        ]
        _put_chunk(connection, chunk, done, known_only=known_only)
    return done


def observe(
    connection: Connection, seen: Sequence[Observation], ids: Mapping[PaperId, PaperId]
) -> int:
    """Appends observations of papers just put; one already there stays. Returns how many are new.

    `ids` is `Put.ids`; what it does not hold was passed over and is not observed either.
    """
    told = [seen_row(one, ids[one.paper_id]) for one in seen if one.paper_id in ids]
    return sum(OBSERVATIONS.add(connection, chunk) for chunk in _chunks(told))


def count(connection: Connection) -> int:
    """How many papers there are."""
    query = select(func.count()).select_from(papers).where(papers.c.same_as.is_(None))
    return connection.scalar(query) or 0


def since(connection: Connection, instant: datetime, besides: Iterable[PaperId] = ()) -> list[Kept]:
    """Papers first seen or in a day's list since an instant, and those named, in order of id."""
    named = list(besides)
    listed = select(observations.c.paper_id).where(observations.c.listed >= instant.date())
    wanted = papers.c.same_as.is_(None) & (
        (papers.c.first_seen_at >= instant) | papers.c.id.in_(listed) | papers.c.id.in_(named)
    )
    seen = select(observations).join(papers, papers.c.id == observations.c.paper_id).where(wanted)
    rows = connection.execute(select(papers).where(wanted).order_by(papers.c.id)).all()
    return _kept(rows, connection.execute(seen).all())


def older(connection: Connection, instant: datetime, limit: int) -> list[Paper]:
    """The newest papers first seen before an instant."""
    query = (
        select(papers)
        .where(papers.c.first_seen_at < instant, papers.c.same_as.is_(None))
        .order_by(papers.c.first_seen_at.desc(), papers.c.id)
        .limit(limit)
    )
    return [paper_of(row) for row in connection.execute(query)]


def get(connection: Connection, name: str) -> Kept:
    """The paper of a name, an address, or the one whose name begins so; raises RequestError."""
    row = _row_of(connection, find(connection, name))
    seen = select(observations).where(observations.c.paper_id == row.id)
    return _kept([row], connection.execute(seen).all())[0]


def of(connection: Connection, ids: Iterable[PaperId]) -> list[Paper]:
    """The papers of these ids, as they are now, and as they were called before."""
    asked = list(ids)
    found: list[Paper] = []
    for start in range(0, len(asked), CHUNK):
        query = select(papers).where(papers.c.id.in_(asked[start : start + CHUNK]))
        found += [paper_of(row) for row in connection.execute(query)]
    return found


def kept(connection: Connection, ids: Iterable[PaperId]) -> dict[PaperId, Kept]:
    """All that is kept of papers, by the ids asked for, whatever they are called now."""
    asked = list(ids)
    is_now = func.coalesce(papers.c.same_as, papers.c.id).label("now")
    found: dict[PaperId, Kept] = {}
    for start in range(0, len(asked), CHUNK):
        query = select(papers.c.id, is_now).where(papers.c.id.in_(asked[start : start + CHUNK]))
        now = {PaperId(row.id): row.now for row in connection.execute(query)}
        rows = connection.execute(select(papers).where(papers.c.id.in_(set(now.values())))).all()
        known = {one.paper.id: one for one in _with_observations(connection, rows)}
        found |= {name: known[current] for name, current in now.items()}
    return found


def find(connection: Connection, name: str) -> PaperId:
    """The id of the paper that `get` returns; raises RequestError."""
    if not name.strip() or "\0" in name:
        raise RequestError("Name a paper: by its arXiv id, DOI, address or the start of its id.")
    wanted = {name, parse(name) or name}
    exact = connection.scalars(
        select(paper_names.c.paper_id).where(paper_names.c.name.in_(wanted)).distinct()
    ).all()
    if len(exact) == 1:
        return PaperId(exact[0])
    pattern = name.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    begins = connection.scalars(
        select(paper_names.c.paper_id)
        .where(paper_names.c.name.like(f"{pattern}%", escape="\\"))
        .distinct()
        .limit(2)
    ).all()
    if len(begins) != 1:
        problem = "Several papers' ids begin with" if begins else "There is no paper"
        raise RequestError(f"{problem} {name!r}. `newsletter papers list` shows them all.")
    return PaperId(begins[0])


def origins(connection: Connection, paper_id: PaperId) -> tuple[list[Record], Merged]:
    """What each source says of a paper, most trusted first, and what is made of it."""
    found = _records(connection, {paper_id})[paper_id]
    found.sort(key=lambda one: (-one.trust, one.source))
    return found, merge(found, _names(connection, {paper_id})[paper_id])


def newest(connection: Connection, limit: int) -> list[Kept]:
    """The papers seen last, newest first, of those the one that stood highest first."""
    best = (
        select(
            observations.c.paper_id,
            func.min(observations.c.position).label("position"),
            func.max(observations.c.votes).label("votes"),
        )
        .group_by(observations.c.paper_id)
        .subquery()
    )
    query = (
        select(papers)
        .outerjoin(best, best.c.paper_id == papers.c.id)
        .where(papers.c.same_as.is_(None))
        .order_by(
            func.date(papers.c.first_seen_at).desc(),
            best.c.votes.desc().nulls_last(),
            best.c.position.nulls_last(),
            papers.c.id,
        )
        .limit(limit)
    )
    return _with_observations(connection, connection.execute(query).all())


def beside(connection: Connection, found: Iterable[Kept]) -> dict[PaperId, list[Observation]]:
    """What was observed of every paper in the lists that these papers stand in.

    Where a source tells no day, its list is what it showed on the day of the observation.
    """
    by_paper: dict[PaperId, list[Observation]] = defaultdict(list)
    lists = {
        (seen.source, seen.list_day, seen.listed is None)
        for one in found
        for seen in one.observations
    }
    for source, day, is_untold in sorted(lists):
        midnight = datetime.combine(day, time(), UTC)
        values = {
            "source": source,
            "day": day,
            "first": midnight,
            "last": midnight + timedelta(days=1),
        }
        for row in connection.execute(_UNLISTED if is_untold else _LISTED, values):
            by_paper[PaperId(row.paper_id)].append(Observation(**row._mapping))
    return by_paper


def in_batches(connection: Connection, instant: datetime | None) -> Iterator[list[Kept]]:
    """All papers, or those of which anything was learned since an instant, in order of id.

    Nothing is loaded whole.
    """
    last = ""
    while True:
        query = select(papers).where(papers.c.id > last, papers.c.same_as.is_(None))
        if instant is not None:
            told = select(paper_records.c.paper_id).where(paper_records.c.at >= instant)
            seen = select(observations.c.paper_id).where(observations.c.at >= instant)
            query = query.where(papers.c.id.in_(told) | papers.c.id.in_(seen))
        rows = connection.execute(query.order_by(papers.c.id).limit(CHUNK)).all()
        if not rows:
            return
        yield _with_observations(connection, rows)
        last = rows[-1].id


def without_record(
    connection: Connection, source: str, scheme: str, instant: datetime, limit: int
) -> list[PaperId]:
    """Names of a scheme, of papers seen since `instant` of which `source` has said nothing."""
    told = select(paper_records.c.paper_id).where(paper_records.c.source == source)
    query = (
        select(paper_names.c.name)
        .join(papers, papers.c.id == paper_names.c.paper_id)
        .where(paper_names.c.name.like(f"{scheme}:%"))
        .where(papers.c.first_seen_at >= instant, papers.c.id.not_in(told))
        .order_by(papers.c.first_seen_at.desc(), paper_names.c.name)
        .limit(limit)
    )
    return [PaperId(name) for name in connection.scalars(query)]


def _put_chunk(
    connection: Connection, told: Sequence[Record], done: Put, *, known_only: bool
) -> None:
    incoming = [one.paper for one in told]
    owners = _owners(connection, incoming)
    kept = set(owners.values())
    names = _names(connection, kept)
    before = _records(connection, kept)
    seen = _first_seen(connection, kept)
    rows, name_rows, record_rows = list[Values](), list[Values](), list[Values]()
    moved: list[tuple[PaperId, PaperId]] = []
    for work in unite(incoming, owners, names):
        if known_only and not work.kept:
            continue
        mine = [told[place] for place in work.told]
        held, changed = _held(before, work.kept) if work.kept else ({}, {})
        now_told = _renewed(held.get(mine[0].source), mine)
        if held.get(now_told.source) != now_told:
            changed[now_told.source] = now_told
        names_now = tuple(sorted(work.names, key=strength))
        own = names_now[0]
        for one in mine:
            done.ids[one.paper.id] = own
        if work.kept:
            old = work.kept - {own}
            moved += [(owner, own) for owner in sorted(old)]
            if not changed and not old:
                continue
            done.changed += 1
        else:
            done.new += 1
        if not held and names_now == now_told.paper.names:
            merged = now_told.paper
        else:
            merged = merge([*(held | changed).values()], names_now).paper
        first = [mine[0].at, *(seen[owner] for owner in work.kept)]
        if merged.announced is not None:
            first.append(merged.announced)
        told_of_it = records.to_texts(merged)
        rows.append(paper_row(merged, told_of_it, min(first)))
        name_rows += [(name, own) for name in names_now]
        for one in changed.values():
            text = told_of_it if one.paper is merged else records.to_texts(one.paper)
            record_rows.append((own, one.source, one.trust, one.at, records.text(text)))
    PAPERS.put(connection, rows)
    for old_id, new_id in moved:
        join(connection, old_id, new_id)
    PAPER_NAMES.put(connection, name_rows)
    PAPER_RECORDS.put(connection, record_rows)


def _held(
    before: Mapping[PaperId, Sequence[Record]], kept: Collection[PaperId]
) -> tuple[dict[str, Record], dict[str, Record]]:
    """What each source says of papers that are one, and of that what has to be written.

    Where a source spoke of several of them, it says all of it of the one.
    """
    held: dict[str, Record] = {}
    joined: dict[str, Record] = {}
    told = sorted((one for owner in kept for one in before[owner]), key=_when)
    for one in told:
        earlier = held.get(one.source)
        if earlier is not None:
            one = replace(one, paper=renewed(earlier.paper, one.paper))
            joined[one.source] = one
        held[one.source] = one
    return held, joined


def _when(one: Record) -> tuple[datetime, PaperId]:
    return one.at, one.paper.id


def _renewed(before: Record | None, told: Sequence[Record]) -> Record:
    """What the source of all of these says now: the last of them, and before it the others."""
    known = before.paper if before else None
    for one in told:
        if one.paper != known:  # nearly always alike, where a file is read again
            known = renewed(known, one.paper) if known else one.paper
    if before and known == before.paper:
        return before
    return told[-1] if known is told[-1].paper or not known else replace(told[-1], paper=known)


def _owners(connection: Connection, incoming: Iterable[Paper]) -> dict[PaperId, PaperId]:
    asked = list({name for paper in incoming for name in paper.names})
    return {
        PaperId(name): PaperId(paper_id)
        for start in range(0, len(asked), 10 * CHUNK)
        for name, paper_id in connection.execute(
            _OWNERS, {"names": asked[start : start + 10 * CHUNK]}
        ).all()
    }


def _names(connection: Connection, ids: Iterable[PaperId]) -> dict[PaperId, list[PaperId]]:
    found: dict[PaperId, list[PaperId]] = defaultdict(list)
    for name, paper_id in _of_papers(connection, _NAMES, ids):
        found[paper_id].append(name)
    return found


def _records(connection: Connection, ids: Iterable[PaperId]) -> dict[PaperId, list[Record]]:
    found: dict[PaperId, list[Record]] = defaultdict(list)
    for row in _of_papers(connection, _RECORDS, ids):
        found[row.paper_id].append(
            Record(
                source=row.source,
                trust=row.trust,
                at=row.at,
                paper=records.from_json(row.record),
            )
        )
    return found


def _first_seen(connection: Connection, ids: Iterable[PaperId]) -> dict[PaperId, datetime]:
    return dict(_of_papers(connection, _FIRST_SEEN, ids))


def _of_papers(connection: Connection, query: Any, ids: Iterable[PaperId]) -> Iterator[Any]:
    asked = list(ids)
    for start in range(0, len(asked), CHUNK):
        found = connection.execute(query, {"ids": asked[start : start + CHUNK]})
        for part in found.partitions(CHUNK):  # one by one takes several times as long
            yield from part


def _with_observations(connection: Connection, rows: Sequence[Row[Any]]) -> list[Kept]:
    ids = [row.id for row in rows]
    return _kept(rows, _of_papers(connection, _OBSERVATIONS, ids))


def _kept(rows: Iterable[Row[Any]], seen: Iterable[Row[Any]]) -> list[Kept]:
    by_paper: dict[str, list[Observation]] = defaultdict(list)
    for row in seen:
        by_paper[row.paper_id].append(Observation(**row._mapping))
    return [
        Kept(
            paper=paper_of(row),
            first_seen_at=row.first_seen_at,
            observations=tuple(
                sorted(by_paper.get(row.id, ()), key=lambda one: (one.at, one.source))
            ),
        )
        for row in rows
    ]


def _row_of(connection: Connection, paper_id: PaperId) -> Row[Any]:
    return connection.execute(select(papers).where(papers.c.id == paper_id)).one()


def _chunks(rows: list[T]) -> Iterable[list[T]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


# Built once; SQLAlchemy takes longer to build a statement than SQLite to run it.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_OWNERS = select(paper_names.c.name, paper_names.c.paper_id).where(
    paper_names.c.name.in_(bindparam("names", expanding=True))
)
_NAMES = select(paper_names.c.name, paper_names.c.paper_id).where(paper_names.c.paper_id.in_(_IDS))
_RECORDS = select(paper_records).where(paper_records.c.paper_id.in_(_IDS))
_FIRST_SEEN = select(papers.c.id, papers.c.first_seen_at).where(papers.c.id.in_(_IDS))
_OBSERVATIONS = select(observations).where(observations.c.paper_id.in_(_IDS))
_LISTED = select(observations).where(
    observations.c.listed == bindparam("day"), observations.c.source == bindparam("source")
)
_UNLISTED = (
    select(observations)
    .where(observations.c.listed.is_(None), observations.c.source == bindparam("source"))
    .where(observations.c.at >= bindparam("first"), observations.c.at < bindparam("last"))
)
