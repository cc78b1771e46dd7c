"""Makes one paper of what several sources say of it, and tells which works are one.

Pure. The merged paper is a function of the records alone, so it does not matter in which order
they came. Of every field the most trusted record that has it counts; among equally trusted ones
the newer, then the source's name by the alphabet. Trust, highest first::

    90 editor       typed by a person who looked
    80 arxiv        the authors' own submission
    60 feed         a publisher's
    50 huggingface  copied from arXiv; its own are summary, code, votes
    40 jsonl        whatever was exported, by whom ever
    30 bibtex       typed by many hands
    20 page         text without links

Four things are not a matter of trust: a work has all its names; it was announced when the first
source announced it; its version is the highest anybody saw; and code that a machine guessed gives
way to code that somebody named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from newsletter.identity import normalised_title, scheme, strength
from newsletter.papers import Paper, PaperId

# A title of fewer words ("Editorial", "Segment Anything") does not make one work of two that have
# names of their own, such as a preprint's DOI and an arXiv id.
TELLING_TITLE = 4
EXCLUSIVE = ("arxiv",)  # two different names of this scheme are two works, whatever else is shared

# Fields that only mean something together; the first tells whether a record has the group.
_GROUPS = (("tldr", "tldr_model"), ("code_url", "code_guessed"), ("version", "updated"))
_OWN_RULE = {"id", "aliases", "announced", *(name for group in _GROUPS for name in group)}
_ORDINARY = tuple(one.name for one in fields(Paper) if one.name not in _OWN_RULE)


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one source says of a paper."""

    source: str
    trust: int  # 0 to 100
    at: datetime  # since when it says so
    paper: Paper


@dataclass(frozen=True, kw_only=True)
class Merged:
    """A paper and where each of its fields comes from."""

    paper: Paper
    origins: Mapping[str, str]  # field -> source; fields that nobody tells are absent


def merge(records: Sequence[Record], names: Iterable[PaperId] | None = None) -> Merged:
    """One paper of records of the same work; at least one record.

    `names` are the paper's, where a record may tell one that is another work's.
    """
    ranked = sorted(records, key=_rank)
    told = {name for one in records for name in one.paper.names}
    ordered = tuple(sorted(told if names is None else set(names), key=strength))
    values: dict[str, Any] = {"id": ordered[0], "aliases": ordered[1:]}
    origins: dict[str, str] = {}

    def take(names: Sequence[str], candidates: Iterable[Record]) -> None:
        """The fields of one group, together from the first record that has the group's first."""
        for one in candidates:
            if getattr(one.paper, names[0]):
                for name in names:
                    values[name] = getattr(one.paper, name)
                    if values[name]:
                        origins[name] = one.source
                return

    for name in _ORDINARY:
        take((name,), ranked)
    for group in _GROUPS:
        take(group, sorted(ranked, key=lambda one: _prior(one.paper, group[0])))
    days = [(one.paper.announced, one.source) for one in ranked if one.paper.announced]
    if days:
        values["announced"], origins["announced"] = min(days)
    values.setdefault("title", ranked[0].paper.title)
    return Merged(paper=Paper(**values), origins=origins)


def _rank(one: Record) -> tuple[int, float, str, str]:
    """The paper itself comes last, so that no two different records are alike."""
    return (-one.trust, -one.at.timestamp(), one.source, repr(one.paper))


def renewed(before: Paper, now: Paper) -> Paper:
    """What a source says of a paper now, and what it said before where it is silent now."""
    names = sorted({*now.names, *before.names}, key=strength)
    values = vars(before) | {"id": names[0], "aliases": tuple(names[1:])}
    for group in (*((name,) for name in _ORDINARY), *_GROUPS):
        if group[0] == "version" and (now.version or 0) <= (before.version or 0):
            continue  # of the same version nothing is told anew, and an older one is no news
        if getattr(now, group[0]):
            values |= {name: getattr(now, name) for name in group}
    if values["version"] == now.version and not values["updated"]:
        values["updated"] = now.updated
    told = [one.announced for one in (before, now) if one.announced]
    values["announced"] = min(told, default=None)
    return Paper(**values)


def _prior(paper: Paper, group: str) -> int:
    """What counts before trust does."""
    if group == "code_url":
        return int(paper.code_guessed)
    return -(paper.version or 0) if group == "version" else 0


@dataclass(kw_only=True)
class Work:
    """One work as far as it is known: papers kept of it so far, and what is told of it now."""

    kept: set[PaperId] = field(default_factory=set)  # ids of papers in the store
    told: list[int] = field(default_factory=list)  # places among the incoming papers
    names: set[PaperId] = field(default_factory=set)


def unite(
    incoming: Sequence[Paper],
    owners: Mapping[PaperId, PaperId],
    names: Mapping[PaperId, Iterable[PaperId]],
) -> list[Work]:
    """Which incoming papers are one work with each other or with a kept one.

    `owners` tells whose a name is in the store, `names` all names of those kept papers. A shared
    name makes one work of two, unless both have an arXiv id and not the same. A shared title does
    so only where they have no two different names of one kind besides and, where both have a
    stronger name, the title has TELLING_TITLE words.
    """
    works: list[Work] = []
    by_name: dict[PaperId, Work] = {}
    for owner in dict.fromkeys(owners.values()):
        work = Work(kept={owner}, names={owner, *names.get(owner, ())})
        works.append(work)
        for name in work.names:
            by_name.setdefault(name, work)
    for place, paper in enumerate(incoming):
        current: Work | None = None
        names_told = paper.names
        own = set(names_told)
        for name in names_told:
            other = by_name.get(name)
            if other is None or other is current:
                continue
            mine = own | current.names if current else own
            if not _may_unite(mine, other.names, name, paper):
                continue
            if current is None:
                current = other
            else:
                _absorb(other, current, by_name, works)
        if current is None:
            current = Work()
            works.append(current)
        current.told.append(place)
        for name in names_told:
            if by_name.setdefault(name, current) is current:
                current.names.add(name)
    return [work for work in works if work.told]


def _absorb(work: Work, into: Work, by_name: dict[PaperId, Work], works: list[Work]) -> None:
    into.kept |= work.kept
    into.told = sorted([*into.told, *work.told])
    into.names |= work.names
    for name in work.names:
        if by_name.get(name) is work:
            by_name[name] = into
    works.remove(work)


def _may_unite(ours: set[PaperId], theirs: set[PaperId], via: PaperId, paper: Paper) -> bool:
    by_title = scheme(via) == "title"
    if not by_title and ours <= theirs:
        return True  # nothing differs
    mine, others = _by_scheme(ours), _by_scheme(theirs)
    shared = mine.keys() & others.keys()
    for kind in shared:
        differ = mine[kind].isdisjoint(others[kind])
        if differ and (kind in EXCLUSIVE or (by_title and kind != "title")):
            return False
    if by_title and mine.keys() - {"title"} and others.keys() - {"title"}:
        return len(normalised_title(paper.title).split()) >= TELLING_TITLE
    return True


def _by_scheme(names: Iterable[PaperId]) -> dict[str, set[PaperId]]:
    found: dict[str, set[PaperId]] = {}
    for name in names:
        found.setdefault(scheme(name), set()).add(name)
    return found
