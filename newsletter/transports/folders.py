"""Leaves messages in a folder: as a Maildir that mail programs read, or as .eml files.

A message is written beside its place, forced to the disk, and renamed into it, so that a folder
never shows half of one. Its name comes from its Message-ID: the same message twice is one file.
All readers' mail goes to the one folder; the bytes are as they came, and names hold no address.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import Field

from newsletter.options import Options
from newsletter.transports.port import Envelope, Reply, TransportUnavailable

LONGEST_STEM = 60  # characters of a Message-ID kept in a file name, for people
DIGEST = 12  # hex digits that tell Message-IDs apart whatever became of their characters

TAKEN = Reply(code=250, text="written")
THERE = Reply(code=250, text="already there")


class FolderOptions(Options):
    """The settings of a transport of kind "maildir" or "file"."""

    path: Path = Field(description="The folder; it is made where it is not there.")


class _FolderTransport:
    """What both have in common. A new message is drafted in one folder and kept in another."""

    def __init__(self, path: Path, *, drafts: Path, place: Path, suffix: str = "") -> None:
        self._path = path
        self._drafts = drafts
        self._place = place
        self._suffix = suffix
        self._opened = False

    def open(self) -> None:
        """Makes the folders and tries the one to write in; raises TransportUnavailable."""
        try:
            for folder in (self._drafts, self._place):
                # What is in them tells who reads what: for their owner only.
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._drafts):
                pass
            self._opened = True
        except OSError as error:
            raise self._unavailable(error) from error

    def send(self, envelope: Envelope, message: bytes) -> Reply:
        """Writes one message; raises TransportUnavailable, and leaves no half of it then."""
        if not self._opened:
            self.open()
        place = self._place / (_stem(envelope.message_id) + self._suffix)
        moved = False
        try:
            if self._has(place):
                return THERE
            handle, name = tempfile.mkstemp(prefix=".draft-", dir=self._drafts)
            draft = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(message)
                    file.flush()
                    os.fsync(handle)
                draft.rename(place)
                moved = True
            finally:
                with suppress(OSError):  # the first trouble is the one to tell
                    draft.unlink(missing_ok=True)
            _sync(self._place)
        except OSError as error:
            raise self._unavailable(error, in_doubt=moved) from error
        return TAKEN

    def close(self) -> None:
        """Nothing is held open; the next opening looks anew."""
        self._opened = False

    def _has(self, place: Path) -> bool:
        return place.exists()

    def _unavailable(self, error: OSError, *, in_doubt: bool = False) -> TransportUnavailable:
        return TransportUnavailable(
            f"Mail cannot be written to {self._path}: {error.strerror or error}. "
            "Make room there or choose another path.",
            in_doubt=in_doubt,
        )


class MaildirTransport(_FolderTransport):
    """A Maildir: new messages in new/, drafts in tmp/, what a mail program has seen in cur/."""

    def __init__(self, options: FolderOptions) -> None:
        path = options.path
        super().__init__(path, drafts=path / "tmp", place=path / "new")
        self._cur = path / "cur"
        self._seen: frozenset[str] = frozenset()

    def open(self) -> None:
        """Makes the folders, tries them and reads what is in cur/; raises TransportUnavailable."""
        super().open()
        try:
            self._cur.mkdir(mode=0o700, exist_ok=True)
            # Read once an opening: a listing a message would be quadratic.
            self._seen = frozenset(_names(self._cur))
        except OSError as error:
            raise self._unavailable(error) from error

    def _has(self, place: Path) -> bool:
        return super()._has(place) or place.name in self._seen


class FileTransport(_FolderTransport):
    """A folder of .eml files."""

    def __init__(self, options: FolderOptions) -> None:
        super().__init__(options.path, drafts=options.path, place=options.path, suffix=".eml")


def _stem(message_id: str) -> str:
    # "/" would be a folder, ":" begins a Maildir's flags, and what follows "@" is always the same.
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", message_id.partition("@")[0]).lstrip(".")
    digest = hashlib.sha256(message_id.encode()).hexdigest()[:DIGEST]
    return f"{readable[:LONGEST_STEM]}.{digest}"


def _names(folder: Path) -> Iterator[str]:
    """The names in a Maildir's folder, without the flags that mail programs add to them."""
    return (one.name.partition(":")[0] for one in folder.iterdir())


def _sync(folder: Path) -> None:
    """Forces a rename to the disk."""
    if os.name != "posix":
        return  # a folder cannot be opened there; the system writes names through by itself
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
