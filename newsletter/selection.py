"""Which papers a reader gets, in which order, and why.

Pure: candidates, preferences and history in, picks with their reasons out. The score of a paper
for a reader is::

    score = match * trend

where `match` is the strength of the surest topic the reader follows (interests are not averaged:
a reader of robotics and of linguistics wants the best of each), or 1 for a reader who follows
nothing and so asks for whatever is trending. Ties go to the newer paper, then to the lower id.
What the editor pinned leads, whatever it is about, unless it is under a topic the reader muted.

Readers with the same preferences share one ranking; what each already had is taken out of it
afterwards, so the cost grows with the distinct preferences, not with the readers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from newsletter.papers import PaperId


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A paper an issue may carry."""

    paper_id: PaperId
    seen: date  # when it was first collected
    trend: float  # in (0, 1]
    matches: Mapping[str, float]  # topic slug -> strength in (0, 1)
    pinned: bool = False  # by the editor


@dataclass(frozen=True, kw_only=True)
class Pick:
    """A paper chosen for a reader."""

    paper_id: PaperId
    score: float  # in (0, 1]
    reasons: tuple[str, ...]  # slugs of followed topics, surest first; empty: pinned or trending


@dataclass(frozen=True, kw_only=True)
class Selection:
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


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """All candidates that fit some preferences, best first."""

    picks: tuple[Pick, ...]
    unmatched: int
    muted: int


def rank(
    candidates: Iterable[Candidate], follows: Collection[str], mutes: Collection[str]
) -> Ranking:
    """Scores every candidate for readers who follow and mute these topics (slugs)."""
    scored: list[tuple[bool, float, int, Pick]] = []
    unmatched = muted = 0
    for candidate in candidates:
        if not candidate.matches.keys().isdisjoint(mutes):
            muted += 1
            continue
        found = sorted(
            ((-strength, slug) for slug, strength in candidate.matches.items() if slug in follows)
        )
        if follows and not found and not candidate.pinned:
            unmatched += 1
            continue
        match = -found[0][0] if found else 1.0
        score = match * candidate.trend
        pick = Pick(
            paper_id=candidate.paper_id, score=score, reasons=tuple(slug for _, slug in found)
        )
        scored.append((not candidate.pinned, -score, -candidate.seen.toordinal(), pick))
    scored.sort(key=lambda entry: (*entry[:3], entry[3].paper_id))
    return Ranking(picks=tuple(pick for *_, pick in scored), unmatched=unmatched, muted=muted)


def take(
    ranking: Ranking,
    had: Collection[PaperId],
    length: int,
    hidden: Collection[PaperId] = (),
    sizes: Mapping[PaperId, int] | None = None,
    room: int = 0,
) -> Selection:
    """The best `length` of a ranking that a reader has not had and the editor did not hide.

    Where `sizes` are given, fewer if those are more than `room` together; never none.
    """
    shown = [pick for pick in ranking.picks if pick.paper_id not in hidden]
    fresh = [pick for pick in shown if pick.paper_id not in had]
    picks = fresh[:length]
    if sizes is not None:
        totals = accumulate(sizes[pick.paper_id] for pick in picks)
        fit = sum(1 for total in totals if total <= room)
        picks = picks[: max(1, fit)]
    return Selection(
        picks=tuple(picks),
        unmatched=ranking.unmatched,
        muted=ranking.muted,
        had=len(shown) - len(fresh),
        beyond=len(fresh) - len(picks),
    )
