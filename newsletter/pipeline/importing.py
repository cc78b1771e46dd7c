"""Imports subscribers from a file, a batch a transaction, in constant memory.

Running it again is harmless: who is here already stays as they are. A file that cannot be read from
some line on leaves the batches before, and the report says why it stopped.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from newsletter.errors import StoreError
from newsletter.pipeline import readership
from newsletter.pipeline.letters import queue_letters
from newsletter.store.database import Connection, Database
from newsletter.store.letters import LetterKind
from subscribers import roster_store
from subscribers.errors import RosterError
from subscribers.model import Preferences
from subscribers.roster import Reader, masked
from subscribers.roster_entries import Entry, Judge, Refusal, Terms, Wishes
from subscribers.roster_store import Kept, Seen
from subscribers.tokens import Signer

BATCH = 1000  # rows a transaction
MOST_TAGS = 1000  # different ones counted


@dataclass(kw_only=True)
class Imported:
    """What an import did, or in a dry run would do."""

    rows: int = 0
    new: int = 0
    here: int = 0  # already, and left as they are
    changed: int = 0
    merged: int = 0  # rows whose address stood in an earlier row
    refused: int = 0
    asked: int = 0  # confirmations queued
    tags: Counter[str] = field(default_factory=Counter)  # that are no topics here
    error: RosterError | None = None  # why it stopped before the end


def import_subscribers(
    database: Database,
    signer: Signer,
    reader: Reader,
    judge: Judge,
    terms: Terms,
    *,
    change: bool = False,
    dry: bool = False,
    refuse: Callable[[Refusal], None] = lambda _: None,
    progress: Callable[[int], None] = lambda _: None,
) -> Imported:
    """Subscribes the rows of a file; raises StoreError.

    `change` gives those who are here what their rows name, `dry` keeps nothing. `refuse` is told
    each row that is not subscribed, `progress` how many bytes were read since it was last told.
    """
    seen = Seen()
    try:
        run = _Run(database, signer, terms, seen, change=change, dry=dry, refuse=refuse)
        rows = iter(reader)
        told = 0
        try:
            while batch := list(islice(rows, BATCH)):
                run.batch([judge(row) for row in batch])
                progress(reader.read - told)
                told = reader.read
        except RosterError as error:
            run.done.error = error
        return run.done
    except sqlite3.Error as error:
        raise StoreError(f"The temporary file of the import failed: {error}.") from error
    finally:
        seen.close()


class _Run:
    """One import."""

    def __init__(
        self,
        database: Database,
        signer: Signer,
        terms: Terms,
        seen: Seen,
        *,
        change: bool,
        dry: bool,
        refuse: Callable[[Refusal], None],
    ) -> None:
        self.done = Imported()
        self._database = database
        self._signer = signer
        self._terms = terms
        self._seen = seen
        self._change = change
        self._dry = dry
        self._refuse = refuse

    def batch(self, judged: Sequence[Entry | Refusal]) -> None:
        """Keeps some rows in one transaction."""
        seen = self._seen.find({one.key for one in judged if one.key})
        sorted_ = _Sorted(judged, seen)
        with self._transaction() as connection:
            kept = self._keep(connection, sorted_)
        self._seen.note(sorted_.notes({address for _, address in kept.new}))
        refused = [*sorted_.refused, *kept.refused]
        for one in sorted(refused, key=lambda one: one.line):
            self._refuse(one)
        done = self.done
        done.rows += len(judged)
        done.new += len(kept.new)
        done.here += kept.here
        done.changed += kept.changed
        done.merged += sorted_.merged
        done.refused += len(refused)
        done.asked += len(kept.new) if self._terms.ask else 0
        for entry in sorted_.entries.values():
            for tag in entry.wishes.passed_over:
                if tag in done.tags or len(done.tags) < MOST_TAGS:
                    done.tags[tag] += 1

    def _keep(self, connection: Connection, rows: _Sorted) -> Kept:
        now = self._terms.now
        roster_store.leave(connection, rows.leaving, now)
        roster_store.unite(connection, rows.later, now)
        entries = list(rows.entries.values())
        hashed = partial(readership.every_hashed, self._signer)
        kept = roster_store.put(connection, entries, now, hashed=hashed, change=self._change)
        if self._terms.ask:
            queue_letters(connection, LetterKind.CONFIRMATION, kept.new, now)
        return kept

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with suppress(_Undo), self._database.write() as connection:
            yield connection
            if self._dry:
                raise _Undo


class _Undo(Exception):
    """Ends the transaction of a dry run."""


class _Sorted:
    """The rows of a batch: one entry an address, and what is not subscribed."""

    def __init__(self, judged: Sequence[Entry | Refusal], seen: dict[str, str]) -> None:
        self.entries: dict[str, Entry] = {}
        self.later: list[Entry] = []  # whose address an earlier batch subscribed
        self.refused = [one for one in judged if isinstance(one, Refusal)]
        self.merged = 0
        self._gone = {one.key for one in self.refused if one.key}
        self.leaving = [key for key in self._gone if seen.get(key) == Seen.NEW]
        gone = self._gone | {key for key, what in seen.items() if what == Seen.GONE}
        for one in judged:
            if isinstance(one, Refusal):
                continue
            if one.key in gone:
                reason = "another row lists it as gone"
                self.refused.append(Refusal(one.line, masked(one.address), reason))
            elif one.key in seen:
                self.merged += 1
                if seen[one.key] == Seen.NEW and one.wishes.preferences.follows:
                    self.later.append(one)
            elif one.key in self.entries:
                self.merged += 1
                self.entries[one.key] = _united(self.entries[one.key], one)
            else:
                self.entries[one.key] = one

    def notes(self, new: set[str]) -> dict[str, str]:
        """What to remember of these addresses, of which some are new subscribers."""
        found = {
            key: Seen.NEW if one.address in new else Seen.HERE for key, one in self.entries.items()
        }
        return found | dict.fromkeys(self._gone, Seen.GONE)


def _united(first: Entry, later: Entry) -> Entry:
    """The first row of an address, with the topics of a later one too."""
    own = first.wishes.preferences
    follows = own.follows | (later.wishes.preferences.follows - own.mutes)
    if follows == own.follows:
        return first
    named = {**first.wishes.named, "follows": follows}
    wishes = Wishes(named, Preferences(**named), first.wishes.passed_over)
    return first._replace(wishes=wishes)
