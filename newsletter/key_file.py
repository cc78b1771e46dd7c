"""The file of the key that signs links, and of those it replaced: read, made and rotated.

Its first line is the key. The lines after it hold older ones, `KEY until YYYY-MM-DD`: what they
signed is taken until the end of that day (UTC). It is replaced as a whole or not at all. What is
signed is `subscribers.tokens`'; where the file is, `config.py`'s and `app.py`'s.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TextIO

from newsletter.errors import ConfigError, RequestError

# What to do where our own key was cut.
LOST = " Restore it, or remove it to make a new one; links in mails already sent stop working then."

_OLDER = re.compile(r"(?P<key>\S.*?)\s+until\s+(?P<until>\S+)")


@dataclass(frozen=True, kw_only=True)
class OlderKey:
    """A key that signs nothing any more."""

    key: str
    until: date  # the last day on which what it signed is taken, UTC


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What a file holds."""

    key: str  # signs
    older: tuple[OlderKey, ...] = ()  # those that were replaced last come first

    def valid(self, today: date) -> tuple[bytes, ...]:
        """The keys to read with, the first of them to sign with."""
        older = (one.key for one in self.older if today <= one.until)
        return tuple(key.encode() for key in (self.key, *older))

    def rotated(self, key: str, until: date | None, today: date) -> Keys:
        """With a new key in front; None for `until` takes nothing of this one from now on."""
        left = tuple(one for one in self.older if today <= one.until)
        mine = () if until is None else (OlderKey(key=self.key, until=until),)
        return Keys(key=key, older=(*mine, *left))


def parse(text: str, name: str, shortest: int, advice: str = "") -> Keys:
    """The keys of a file called `name` in errors; raises ConfigError that names the line.

    A key has at least `shortest` characters; `advice` is what to do where one is cut. Empty lines
    are passed over.
    """
    lines = [(at, line.strip()) for at, line in enumerate(text.splitlines(), start=1)]
    first, *more = [(at, line) for at, line in lines if line] or [(1, "")]
    if not first[1]:
        raise ConfigError(f"{name} is empty.{advice}")
    if _OLDER.fullmatch(first[1]):
        raise ConfigError(
            f"{name}, line {first[0]}: this is an older key, and the one that signs is missing "
            f"above it.{advice or ' Restore the file.'}"
        )
    keys = Keys(key=first[1], older=tuple(_older(line, f"{name}, line {at}") for at, line in more))
    for at, key in enumerate((keys.key, *(one.key for one in keys.older))):
        if len(key) < shortest:
            which = f", older key {at}," if at else ""
            raise ConfigError(f"{name}{which} must have at least {shortest} characters.{advice}")
    return keys


def read(path: Path, shortest: int, setting: str = "") -> Keys:
    """The keys of a file that `setting` names, or of our own; raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = f"{setting}: cannot read" if setting else "Cannot read the key"
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ConfigError(f"{said} {path}: {reason}.") from error
    if setting:
        return parse(text, f"{setting}: the key in {path}", shortest)
    return parse(text, f"The key {path}", shortest, LOST)


def make(path: Path) -> None:
    """Makes a file with a new key where there is none; another process may be quicker."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")  # containers share numbers
    try:
        with _new(draft) as opened:
            try:
                _fill(opened, f"{new_key()}\n")
                with suppress(FileExistsError):  # its key counts
                    os.link(draft, path)
            finally:
                draft.unlink()
        _settle(path.parent)
    except OSError as error:
        raise ConfigError(f"The key {path} cannot be made: {error.strerror}.") from error


def rotate(path: Path, shortest: int, until: date | None, today: date, setting: str = "") -> Keys:
    """Puts a new key into a file; returns what it holds now. Raises ConfigError, RequestError.

    One rotation at a time. Whoever could read the file by its group still can; nobody else.
    """
    path = path.resolve()  # a link stays one
    draft = path.with_name(f"{path.name}.new")
    try:
        if not os.access(path, os.W_OK):
            raise RequestError(f"The key {path} cannot be written, so it cannot be rotated.")
        with _new(draft) as opened:
            try:
                keys = read(path, shortest, setting).rotated(new_key(), until, today)
                _belong(opened.fileno(), path.stat())
                _fill(opened, _text(keys))
                draft.replace(path)
            except BaseException:
                draft.unlink()
                raise
        _settle(path.parent)
    except FileExistsError:
        raise RequestError(
            f"Another rotation is under way, or one was killed: if none is, remove {draft}."
        ) from None
    except OSError as error:
        raise RequestError(f"The key {path} cannot be rotated: {error.strerror}.") from error
    return keys


def new_key() -> str:
    """A key of 256 bits."""
    return secrets.token_urlsafe(32)


def _older(line: str, where: str) -> OlderKey:
    found = _OLDER.fullmatch(line)
    with suppress(ValueError):
        if found:
            return OlderKey(key=found["key"], until=date.fromisoformat(found["until"]))
    raise ConfigError(
        f"{where}: an older key is written as KEY until YYYY-MM-DD, one a line. "
        "Mend the line, or take it out; links signed with that key stop working then."
    )


def _text(keys: Keys) -> str:
    older = (f"{one.key} until {one.until}" for one in keys.older)
    return "".join(f"{line}\n" for line in (keys.key, *older))


def _new(path: Path) -> TextIO:
    """A file that was not there, which its owner alone can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _fill(opened: TextIO, text: str) -> None:
    opened.write(text)
    opened.flush()
    os.fsync(opened.fileno())


def _belong(descriptor: int, like: os.stat_result) -> None:
    """Gives a file to the owner and group of another, to be read by the group where that is."""
    mine = os.fstat(descriptor)
    if (mine.st_uid, mine.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(descriptor, like.st_uid, like.st_gid)
    os.fchmod(descriptor, 0o600 | (stat.S_IMODE(like.st_mode) & stat.S_IRGRP))


def _settle(folder: Path) -> None:
    """Puts a folder's names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
