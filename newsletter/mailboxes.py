"""Fetches returned mail: from a maildir, from a file, or over IMAP and TLS.

`pipeline/bounces.py` reads a mailbox in batches and says of each when it is recorded; only then is
it put aside, so that a crash in between means reading it again, which changes nothing. What a
message says is not looked at here, and of a huge one only the beginning is fetched.
"""

from __future__ import annotations

import imaplib
import re
import ssl
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeGuard

from newsletter.errors import MailboxError, RequestError
from newsletter.mime import LARGEST
from newsletter.server_words import line

BATCH = 500  # messages read, recorded in one transaction, and put aside
HELD = 2**24  # bytes of messages after which a batch ends early: 64 of the largest
WINDOW = 10_000  # messages asked for at once: imaplib takes no line of a million bytes
LARGEST_ANSWER = 2**26  # bytes a server may announce: some send the whole where a part is asked for
IMAPS = 993  # RFC 8314 3.2
TIMEOUT = 60.0  # seconds without an answer
SEEN = ":2,S"  # what a name in cur/ ends with when it was read (cr.yp.to/proto/maildir.html)


@dataclass(frozen=True, kw_only=True)
class Item:
    """One message as it lies in a mailbox."""

    name: str  # by which the mailbox, and a person, finds it again
    content: bytes  # the first LARGEST bytes


class Mailbox(Protocol):
    """A place where mail comes back to."""

    unreadable: list[str]  # a sentence for each message that had to be left where it is

    def batches(self) -> Iterator[list[Item]]:
        """What was not put aside yet, some at a time; raises MailboxError or RequestError."""

    def put_aside(self, items: Sequence[Item]) -> None:
        """Makes sure that these are not read again; raises MailboxError."""

    def close(self) -> None:
        """Lets go of everything, raises nothing."""


class Maildir:
    """What is new in a maildir; what is done moves to cur/, as seen."""

    def __init__(self, path: Path) -> None:
        """Raises RequestError where there is no maildir."""
        self._new, self._cur = path / "new", path / "cur"
        if not self._new.is_dir() or not self._cur.is_dir():
            raise RequestError(f"{path} is no maildir: it has no folders new and cur.")
        self.unreadable = list[str]()

    def batches(self) -> Iterator[list[Item]]:
        """In the order of their names, which begin with the time."""
        try:
            names = sorted(one.name for one in self._new.iterdir() if not one.name.startswith("."))
        except OSError as error:
            raise _unreadable(self._new, error) from error
        yield from _batched(item for name in names if (item := self._item(name)) is not None)

    def _item(self, name: str) -> Item | None:
        try:
            with (self._new / name).open("rb") as file:
                return Item(name=name, content=file.read(LARGEST))
        except FileNotFoundError:  # a mail program, or another run, was quicker
            return None
        except OSError as error:  # one such file does not hold up the rest for ever
            self.unreadable.append(str(_unreadable(self._new / name, error)))
            return None

    def put_aside(self, items: Sequence[Item]) -> None:
        """Renames them into cur/."""
        for item in items:
            place = self._cur / (item.name.partition(":")[0] + SEEN)
            try:
                (self._new / item.name).rename(place)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise MailboxError(
                    f"{item.name} cannot be moved to {self._cur}: {error.strerror}. "
                    "It is recorded; reading it again changes nothing."
                ) from error

    def close(self) -> None:
        """Nothing is held open."""


class MailFile:
    """An mbox or a single message; "-" is standard input. Nothing in it is changed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.unreadable = list[str]()

    def batches(self) -> Iterator[list[Item]]:
        """In the order of the file."""
        if self._path == "-":
            yield from _batched(_messages(sys.stdin.buffer, "standard input"))
            return
        try:
            with Path(self._path).open("rb") as file:
                yield from _batched(_messages(file, self._path))
        except IsADirectoryError as error:
            raise RequestError(f"{self._path} is a folder: name it with --maildir.") from error
        except OSError as error:
            raise RequestError(f"{self._path} cannot be read: {error.strerror}.") from error

    def put_aside(self, items: Sequence[Item]) -> None:
        """The file stays as it is: reading it again changes nothing."""

    def close(self) -> None:
        """Nothing is held open."""


def _messages(file: BinaryIO, name: str) -> Iterator[Item]:
    """The messages of an mbox (RFC 4155), or the one that is there."""
    first = file.readline(LARGEST)
    if not first:
        return
    if not first.startswith(b"From "):
        yield Item(name=name, content=(first + file.read(LARGEST))[:LARGEST])
        return
    number, kept, size = 1, list[bytes](), 0
    blank = False  # whether the line before was empty: a "From " after it begins a message
    whole = True  # whether the line before was read to its end
    while text := file.readline(LARGEST):
        if blank and whole and text.startswith(b"From "):
            yield Item(name=f"{name}, message {number}", content=b"".join(kept))
            number, kept, size, blank = number + 1, [], 0, False
            continue
        blank = whole and text in (b"\n", b"\r\n")
        whole = text.endswith(b"\n")
        if size < LARGEST:
            kept.append(text[: LARGEST - size])
            size += len(text)
    yield Item(name=f"{name}, message {number}", content=b"".join(kept))


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where and as whom to log in."""

    host: str
    user: str
    password: str
    port: int = IMAPS
    folder: str = "INBOX"
    aside: str | None = None  # the folder that done messages move to; None: they are marked seen
    ca_file: Path | None = None


class _Session(imaplib.IMAP4_SSL):
    """imaplib's, but for the trust in whatever length a server announces."""

    def read(self, size: int) -> bytes:
        """The next bytes; raises imaplib.IMAP4.abort where they are too many to be held."""
        if size > LARGEST_ANSWER:
            raise self.abort(f"it announces {size} bytes")
        return super().read(size)


class _SaidNo(MailboxError):
    """The server understood, and does not do it."""


class Imap:
    """A folder of an IMAP server (RFC 3501), always over TLS, its certificate checked.

    With a folder to move to, all messages are read; else those not seen, and marked as seen.
    """

    def __init__(self, account: Account) -> None:
        """Connects and logs in; raises MailboxError."""
        self._account = account
        self._where = f"{account.host}:{account.port}"
        self.unreadable = list[str]()
        if not (account.user + account.password).isascii():  # LOGIN knows no other: RFC 3501 6.2.3
            raise RequestError(
                f"User name and password for {self._where} have to be plain ASCII: "
                "set such a password, or an app password."
            )
        try:
            context = ssl.create_default_context(cafile=account.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise RequestError(f"{account.ca_file} holds no certificates: {error}.") from error
        try:
            self._session = _Session(
                account.host, account.port, ssl_context=context, timeout=TIMEOUT
            )
        except (OSError, imaplib.IMAP4.error, ValueError) as error:
            words = getattr(error, "strerror", None) or str(error)
            raise MailboxError(
                f"{self._where} cannot be reached over TLS: {line(words)}. Check host and port."
            ) from error
        try:
            self._log_in()
        except BaseException:
            self.close()
            raise

    def _log_in(self) -> None:
        account = self._account
        try:
            self._session.login(account.user, account.password)
        except imaplib.IMAP4.abort as error:
            raise self._trouble(error) from error
        except (imaplib.IMAP4.error, ValueError) as error:
            words = line(str(error).replace(account.password, "***"))
            raise MailboxError(
                f"{self._where} does not accept the login of {account.user}: {words}."
            ) from None
        except OSError as error:
            raise self._trouble(error) from error
        # Many servers offer MOVE only to those who are known.
        told = self._ask("CAPABILITY", self._session.capability)
        self._moves = b"MOVE" in b" ".join(filter(_is_line, told)).upper().split()
        self._size = _number(self._ask("SELECT", self._session.select, _quoted(account.folder)))

    def batches(self) -> Iterator[list[Item]]:
        """In the order they came."""
        yield from _batched(item for uid in self._uids() if (item := self._item(uid)) is not None)

    def _uids(self) -> list[str]:
        wanted = "UNDELETED" if self._account.aside else "UNSEEN"
        found: list[bytes] = []
        for start in range(1, self._size + 1, WINDOW):
            end = "*" if start + WINDOW > self._size else str(start + WINDOW - 1)
            told = self._uid("SEARCH", f"{start}:{end}", wanted)
            found += b" ".join(filter(_is_line, told)).split()
        return [uid.decode() for uid in dict.fromkeys(found) if uid.isdigit()]

    def _item(self, uid: str) -> Item | None:
        # PEEK marks nothing as seen; <0.N> asks for the first N bytes (RFC 3501 6.4.5).
        try:
            told = self._uid("FETCH", uid, f"(BODY.PEEK[]<0.{LARGEST}>)")
        except _SaidNo as error:  # one broken message does not hold up the rest for ever
            self.unreadable.append(str(error))
            return None
        for part in told:
            if isinstance(part, tuple):
                return Item(name=uid, content=bytes(part[1])[:LARGEST])
        return None  # it went meanwhile

    def put_aside(self, items: Sequence[Item]) -> None:
        """Moves them, or marks them as seen."""
        if not items:
            return
        uids = ",".join(item.name for item in items)
        aside = self._account.aside
        if aside is None:
            self._uid("STORE", uids, "+FLAGS.SILENT", r"(\Seen)")
        elif self._moves:  # RFC 6851
            self._uid("MOVE", uids, _quoted(aside))
        else:
            self._uid("COPY", uids, _quoted(aside))
            # Expunging would take along what others marked; what is marked is not read again.
            self._uid("STORE", uids, "+FLAGS.SILENT", r"(\Seen \Deleted)")

    def close(self) -> None:
        """Logs out where somebody may listen."""
        with suppress(OSError, imaplib.IMAP4.error):
            self._session.logout()
        with suppress(OSError, imaplib.IMAP4.error):  # where nobody listened, the socket is open
            self._session.shutdown()

    def _uid(self, command: str, *words: str) -> list[bytes | tuple[bytes, bytes]]:
        return self._ask(command, self._session.uid, command, *words)

    def _ask(
        self, step: str, act: Callable[..., tuple[str, list[Any]]], *words: str
    ) -> list[bytes | tuple[bytes, bytes]]:
        try:
            kind, told = act(*words)
        except (OSError, imaplib.IMAP4.error, ValueError) as error:  # a number nobody can read
            raise self._trouble(error) from error
        if kind != "OK":
            words_told = b" ".join(one for one in told if isinstance(one, bytes))
            raise _SaidNo(
                f"{self._where} says no to {step}: {line(words_told.decode('utf-8', 'replace'))}. "
                "Check the folders."
            )
        return list(told)

    def _trouble(self, error: Exception) -> MailboxError:
        return MailboxError(
            f"{self._where} broke off: {line(str(error))}. What was recorded is kept; run it again."
        )


_UNQUOTABLE = re.compile(r'[\r\n\x00"\\]|[^\x00-\x7f]')


def _quoted(folder: str) -> str:
    """A folder's name as RFC 3501 9 quotes it; raises RequestError."""
    if _UNQUOTABLE.search(folder):
        raise RequestError(f"{line(folder)!r} cannot be asked for: name folders in plain ASCII.")
    return f'"{folder}"'


def _is_line(told: object) -> TypeGuard[bytes]:
    return isinstance(told, bytes)


def _number(told: list[bytes | tuple[bytes, bytes]]) -> int:
    """How many messages a SELECT told of; 0 where it told nonsense."""
    word = told[-1] if told else b""
    return int(word) if isinstance(word, bytes) and word.isdigit() and len(word) < 11 else 0


def _batched(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch, size = list[Item](), 0
    for item in items:
        batch.append(item)
        size += len(item.content)
        if len(batch) == BATCH or size >= HELD:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _unreadable(path: Path, error: OSError) -> MailboxError:
    return MailboxError(f"{path} cannot be read: {error.strerror}. Mend or remove it.")
