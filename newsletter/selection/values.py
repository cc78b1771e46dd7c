"""The values of selection: what may be chosen, what a reader wants, what was chosen, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from newsletter.papers import PaperId


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What an operator may weigh otherwise."""

    repeat: float = 0.9  # what the next paper of the same topic counts, in (0, 1]
    fresh: float = 0.1  # what of a paper's score is for being new, in [0, 1)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A paper an issue may carry."""

    paper_id: PaperId
    seen: date  # when it was first collected
    trend: float  # in (0, 1]
    matches: Mapping[str, float]  # topic slug -> strength in (0, 1)
    pinned: bool = False  # by the editor


class Pick(NamedTuple):
    """A paper chosen for a reader."""

    paper_id: PaperId
    score: float  # in (0, 2]
    reasons: tuple[str, ...]  # slugs of followed topics, surest first; empty: pinned or trending


class Selection(NamedTuple):
    """A reader's picks, best first, and what became of the other candidates."""

    picks: tuple[Pick, ...]
    unmatched: int  # under none of the topics followed
    muted: int  # under a topic the reader muted
    had: int  # sent to this reader before
    beyond: int  # good enough, but over the length asked for

    @property
    def reason(self) -> str:
        """Why there is nothing, in words; empty where there is something."""
        if self.picks:
            return ""
        told = [
            f"{count} {what}"
            for count, what in (
                (self.had, "already sent"),
                (self.muted, "muted"),
                (self.unmatched, "off topic"),
            )
            if count
        ]
        return "nothing new matched" + (f" ({', '.join(told)})" if told else "")


class Wishes(NamedTuple):
    """What decides a reader's digest of an issue."""

    follows: frozenset[str] = frozenset()  # topic slugs; empty: whatever is trending
    mutes: frozenset[str] = frozenset()
    length: int = 10
    discover: bool = False  # whether the last pick may be of other topics
    had: Collection[PaperId] = ()
    starved: Collection[str] = ()  # followed topics of which the last digest had nothing
    fit: Mapping[PaperId, float] = MappingProxyType({})  # 1 where nothing is said


@dataclass(frozen=True)
class Considered:
    """What became of a candidate for one reader, and by which numbers."""

    paper_id: PaperId
    verdict: str  # "picked", or why not, in words
    place: int  # in the digest, from 1; 0: not in it
    topic: str  # the surest followed topic; empty: none
    match: float
    trend: float
    fresh: float
    fit: float
    score: float
    repeats: int  # better papers of the same topic
