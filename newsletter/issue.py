"""The dated publication, and one reader's copy of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from newsletter.papers import PaperId
from newsletter.selection import Candidate, Pick
from newsletter.snapshot import Snapshot
from newsletter.wording import DigestKind


@dataclass(frozen=True, kw_only=True)
class Issue:
    """The publication of one day, frozen when it was composed."""

    id: int
    day: date  # in the publication's zone; one issue a day
    composed_at: datetime
    candidates: tuple[Candidate, ...]  # most trending first
    snapshot: Snapshot

    @property
    def name(self) -> str:
        """How people and commands call it: its date."""
        return self.day.isoformat()

    @property
    def position(self) -> Mapping[PaperId, int]:
        """Where each candidate stands, from 0; the ledger writes picks by this number."""
        return {candidate.paper_id: at for at, candidate in enumerate(self.candidates)}


class Digest(NamedTuple):  # there is one a message
    """One subscriber's copy of an issue: all that `builder.build` needs beside the snapshot."""

    issue_name: str
    address: str
    since: date  # when the reader agreed
    picks: tuple[Pick, ...]
    due_at: datetime  # also the Date header
    key: str  # opaque, the same for the same issue and subscriber
    unsubscribe_token: str
    return_token: str  # to be known by when the mail comes back
    kind: DigestKind = DigestKind.DAILY
    language: str = ""  # empty, or one the issue has not: the issue's own
    beyond: int = 0  # papers that matched, but are over the length asked for
    # Tokens of readers' pages; empty where there are none.
    preferences_token: str = ""
    view_token: str = ""
    vote_tokens: Sequence[str] = ()  # of each pick
