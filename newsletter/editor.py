"""The editor's hand: papers pinned, hidden, added and remarked on, and what counts of it.

Acts are appended, each with who did it and when; the latest of each kind counts. Pinned papers
lead every digest, hidden ones never go out, a note stands on the paper's card.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from newsletter.papers import PaperId


class Act(StrEnum):
    """What an editor does to a paper."""

    ADD = "add"  # wants it considered, whatever others think of it
    PIN = "pin"  # it leads the issues of the days that follow
    UNPIN = "unpin"
    HIDE = "hide"  # it never goes out
    SHOW = "unhide"
    NOTE = "note"  # a line to readers; an empty one takes the note away


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One act, as it is kept."""

    paper_id: PaperId
    act: Act
    words: str  # the note; "" for the other acts
    by: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Hand:
    """What all acts on one paper come to."""

    added_at: datetime | None = None
    pinned_at: datetime | None = None
    hidden: bool = False
    note: str = ""


NO_HAND = Hand()


def hand(acts: Iterable[Entry]) -> Hand:
    """What acts on one paper, oldest first, come to."""
    added = pinned = None
    hidden, note = False, ""
    for one in acts:
        match one.act:
            case Act.ADD:
                added = one.at
            case Act.PIN:
                pinned = one.at
            case Act.UNPIN:
                pinned = None
            case Act.HIDE:
                hidden = True
            case Act.SHOW:
                hidden = False
            case Act.NOTE:
                note = one.words
    return Hand(added_at=added, pinned_at=pinned, hidden=hidden, note=note)
