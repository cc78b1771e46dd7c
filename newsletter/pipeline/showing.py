"""The papers of a day as pages show them, and what somebody's choices would get of them.

Once the day's issue is composed they are the issue's; before, and as long as it is held, those an
issue composed now would have.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from newsletter.editor import NO_HAND
from newsletter.issue import Issue
from newsletter.matching import Matcher
from newsletter.papers import Paper, PaperId
from newsletter.pipeline.candidates import Terms, as_of, running, trends_of
from newsletter.pipeline.selecting import field_of
from newsletter.pipeline.topics import background
from newsletter.rendering.faces import Entry
from newsletter.selection import Candidate, Field, Selection, Wishes
from newsletter.store import editor_acts, issue_acts, issues, papers
from newsletter.store.database import Connection
from newsletter.topics import Catalogue, Topic
from newsletter.trending import UNTOLD

REMEMBERED = 1000  # rules
NONE: Collection[PaperId] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The candidates of a day with all that is told of each."""

    day: date
    issue: Issue | None  # None: it is not composed yet, or held
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
    if issue is not None and not issue_acts.is_unpublished(connection, issue.id):
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
        self._weights = terms.weights
        self._whole: Field | None = None
        self._lock = threading.Lock()
        there = [shown.entries[one.paper_id].paper for one in self._visible]
        # Visitors' rules are compared by their words: no model is run, and nothing kept, for them.
        self._matcher = Matcher(there, older)
        self._known: dict[str, Mapping[PaperId, float]] = {}

    def picks(self, wishes: Wishes, own: Sequence[Topic] = ()) -> Selection:
        """What a reader with these wishes would get; `own` are rules that they follow too."""
        if not own:
            return self._field().select([wishes])[0]
        found = self._strengths(own)
        wanted = wishes.follows | wishes.mutes
        candidates = [
            replace(
                one,
                matches={slug: match for slug, match in one.matches.items() if slug in wanted}
                | {
                    slug: strengths[one.paper_id]
                    for slug, strengths in found.items()
                    if one.paper_id in strengths
                },
            )
            for one in self._visible
        ]
        return self._made(candidates).select([wishes])[0]

    def _made(self, candidates: Sequence[Candidate]) -> Field:
        shown = self.shown
        if shown.issue is not None:
            return field_of(shown.issue, shown.hidden, candidates)
        return Field(candidates, shown.day, shown.hidden, weights=self._weights)

    def _field(self) -> Field:
        if self._whole is None:
            self._whole = self._made(self.shown.candidates)
        return self._whole

    def _strengths(self, own: Sequence[Topic]) -> dict[str, Mapping[PaperId, float]]:
        """How strongly papers match rules; kept, for who types one looks several times."""
        with self._lock:
            new = [one for one in own if one.slug not in self._known]
            if new:
                if len(self._known) + len(new) > REMEMBERED:
                    self._known = {}
                fresh: dict[str, dict[PaperId, float]] = {one.slug: {} for one in new}
                for paper, matches in zip(
                    self._visible, self._matcher.match(Catalogue(new)), strict=True
                ):
                    for match in matches:
                        fresh[match.topic][paper.paper_id] = match.strength
                self._known.update(fresh)
            return {one.slug: self._known[one.slug] for one in own}

    def search(self, words: str, most: int) -> list[Paper]:
        """The papers of late that say these words most, the best first."""
        return self._matcher.search(words, most)

    def related(self, paper: Paper, most: int) -> list[Paper]:
        """The papers of late that a paper is nearest to."""
        return self._matcher.related(paper, most)

    def volume(self, own: Topic) -> int:
        """How many of the day's papers a rule finds."""
        return len(self._strengths([own])[own.slug])


def trials(connection: Connection, shown: Shown, terms: Terms, now: datetime) -> Trials:
    """Trials beside the papers that came before the day's."""
    return Trials(shown, terms, background(connection, Catalogue(()), now - terms.window))
