"""Leaves messages in a folder: as a Maildir that mail programs read, or as .eml files.

A message is written beside its place, forced to the disk, and renamed into it, so that a folder
never holds half of one. Its name comes from its Message-ID: the same message twice is one file.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from newsletter.options import Options
from newsletter.transports.port import Envelope, Reply, TransportUnavailable

TAKEN = Reply(code=250, text="written")
THERE = Reply(code=250, text="already there")


class FolderOptions(Options):
    """The settings of a transport of kind "maildir" or "file"."""

    path: Path = Field(description="The folder; it is made where it is not there.")


class _FolderTransport:
    """What both have in common."""

    _FOLDERS: tuple[str, ...] = ("",)
    _DRAFTS = ""
    _PLACE = ""
    _SUFFIX = ""

    def __init__(self, options: FolderOptions) -> None:
        self._path = options.path

    def open(self) -> None:
        """Makes the folders; raises TransportUnavailable."""
        try:
            for name in self._FOLDERS:
                (self._path / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unavailable(error) from error

    def send(self, envelope: Envelope, message: bytes) -> Reply:
        """Writes one message; raises TransportUnavailable."""
        self.open()
        name = _file_name(envelope.message_id) + self._SUFFIX
        draft = self._path / self._DRAFTS / f".{name}.{os.getpid()}"
        place = self._path / self._PLACE / name
        try:
            if any(self._path.glob(f"*/{name}*")) or place.exists():
                return THERE
            try:
                with draft.open("wb") as file:
                    file.write(message)
                    file.flush()
                    os.fsync(file.fileno())
                draft.rename(place)
            finally:
                draft.unlink(missing_ok=True)
            _sync(place.parent)
        except OSError as error:
            raise self._unavailable(error) from error
        return TAKEN

    def close(self) -> None:
        """Nothing is held open."""

    def _unavailable(self, error: OSError) -> TransportUnavailable:
        return TransportUnavailable(
            f"Mail cannot be written to {self._path}: {error.strerror or error}."
        )


class MaildirTransport(_FolderTransport):
    """A Maildir: new messages in new/, drafts in tmp/, what a mail program has seen in cur/."""

    _FOLDERS = ("tmp", "new", "cur")
    _DRAFTS = "tmp"
    _PLACE = "new"


class FileTransport(_FolderTransport):
    """A folder of .eml files."""

    _SUFFIX = ".eml"


def _file_name(message_id: str) -> str:
    # ":" begins a Maildir's flags, "/" a folder, a leading "." a hidden file.
    return "".join(c if c.isalnum() or c in "-_@." else "_" for c in message_id).lstrip(".")[:200]


def _sync(folder: Path) -> None:
    """Forces a rename to the disk, where the system can do that for a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
