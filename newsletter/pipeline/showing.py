"""The papers of a day as pages show them, and what somebody's choices would get of them.

Once the day's issue is composed they are the issue's; before, those an issue composed now would
have.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from newsletter.editor import NO_HAND
from newsletter.issue import Issue
from newsletter.matching import Matcher
from newsletter.papers import Paper, PaperId
from newsletter.pipeline.candidates import Terms, as_of, running, trends_of
from newsletter.pipeline.topics import background
from newsletter.rendering.faces import Entry
from newsletter.selection import Candidate, Field, Selection, Wishes
from newsletter.store import editor_acts, issues, papers
from newsletter.store.database import Connection
from newsletter.topics import Catalogue, Topic
from newsletter.trending import UNTOLD

REMEMBERED = 1000  # rules
NONE: Collection[PaperId] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The candidates of a day with all that is told of each."""

    day: date
    issue: Issue | None  # None: it is not composed yet
    candidates: tuple[Candidate, ...]  # pinned and most trending first
    entries: Mapping[PaperId, Entry]
    hidden: Collection[PaperId] = field(default=NONE)  # by the editor since

    @property
    def visible(self) -> list[Candidate]:
        """The candidates that the editor did not hide since."""
        return [one for one in self.candidates if one.paper_id not in self.hidden]


def today(connection: Connection, catalogue: Catalogue, terms: Terms, now: datetime) -> Shown:
    """The papers of today."""
    day = now.astimezone(terms.zone).date()
    issue = issues.find(connection, day)
    if issue is not None:
        return of_issue(connection, terms, issue)
    found = running(connection, catalogue, terms, now)
    return Shown(
        day=day,
        issue=None,
        candidates=tuple(one.candidate for one in found),
        entries={
            one.paper.id: Entry(
                paper=one.paper, trend=one.trend, pinned=one.candidate.pinned, note=one.note
            )
            for one in found
        },
    )


def of_issue(connection: Connection, terms: Terms, issue: Issue) -> Shown:
    """The papers of an issue."""
    return Shown(
        day=issue.day,
        issue=issue,
        candidates=issue.candidates,
        entries=entries(connection, terms, issue),
        hidden=editor_acts.hidden(connection, issue),
    )


def entries(connection: Connection, terms: Terms, issue: Issue) -> dict[PaperId, Entry]:
    """What is told of an issue's papers, their trends as they were when it was composed."""
    hands = editor_acts.hands(connection)
    kept = papers.kept(connection, [one.paper_id for one in issue.candidates])
    then = {one.paper.id: one for one in as_of(kept.values(), issue.composed_at)}
    found = trends_of(then, terms, issue.composed_at)
    return {
        one.paper_id: Entry(
            paper=replace(kept[one.paper_id].paper, id=one.paper_id),
            trend=found.get(kept[one.paper_id].paper.id, UNTOLD),
            pinned=one.pinned,
            note=hands.get(kept[one.paper_id].paper.id, NO_HAND).note,
        )
        for one in issue.candidates
        if one.paper_id in kept
    }


class Trials:
    """Tells what choices would get of a day's papers, before anybody subscribes."""

    def __init__(
        self,
        shown: Shown,
        terms: Terms,
        older: Sequence[Paper],
    ) -> None:
        """`older`: papers from before, which tell how rare a word is."""
        self.shown = shown
        self._visible = shown.visible
        snapshot = shown.issue.snapshot if shown.issue else None
        self._field = Field(
            shown.candidates,
            shown.day,
            shown.hidden,
            snapshot.sizes if snapshot else None,
            snapshot.room if snapshot else 0,
            terms.weights,
        )
        there = [shown.entries[one.paper_id].paper for one in self._visible]
        self._matcher = Matcher(there, older, terms.embedder)
        self._known: dict[str, Mapping[PaperId, float]] = {}

    def picks(self, wishes: Wishes, own: Sequence[Topic] = ()) -> Selection:
        """What a reader with these wishes would get; `own` are rules that they follow too."""
        if not own:
            return self._field.select([wishes])[0]
        found = [self._strengths(one) for one in own]
        wanted = wishes.follows | wishes.mutes
        candidates = [
            replace(
                one,
                matches={slug: match for slug, match in one.matches.items() if slug in wanted}
                | {
                    topic.slug: strengths[one.paper_id]
                    for topic, strengths in zip(own, found, strict=True)
                    if one.paper_id in strengths
                },
            )
            for one in self._visible
        ]
        return Field(candidates, self.shown.day).select([wishes])[0]

    def _strengths(self, own: Topic) -> Mapping[PaperId, float]:
        """How strongly papers match a rule; kept, for who types one looks several times."""
        known = self._known.get(own.slug)
        if known is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            matched = zip(self._visible, self._matcher.match(Catalogue([own])), strict=True)
            known = {one.paper_id: m.strength for one, matches in matched for m in matches}
            self._known[own.slug] = known
        return known

    def search(self, words: str, most: int) -> list[Paper]:
        """The papers of late that say these words most, the best first."""
        return self._matcher.search(words, most)

    def related(self, paper: Paper, most: int) -> list[Paper]:
        """The papers of late that a paper is nearest to."""
        return self._matcher.related(paper, most)

    def volume(self, own: Topic) -> int:
        """How many of the day's papers a rule finds."""
        return len(self._strengths(own))


def trials(connection: Connection, shown: Shown, terms: Terms, now: datetime) -> Trials:
    """Trials beside the papers that came before the day's."""
    return Trials(shown, terms, background(connection, Catalogue(()), now - terms.window))
