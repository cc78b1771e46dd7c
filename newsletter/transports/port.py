"""The port every transport fits, and the two errors it may raise.

The pipeline calls it: `open` once a run, `send` or `talk` once a digest, `close` at the end,
always. A transport carries bytes and knows nothing of issues, readers or retries. The errors draw
the one distinction the ledger lives by: `Refused` is about this recipient, `TransportUnavailable`
is about the road, and is charged to nobody.
"""

from __future__ import annotations

import re
import socket
from typing import NamedTuple, Protocol, runtime_checkable

from newsletter.errors import NewsletterError
from newsletter.transports.talk import Talk

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")  # RFC 3463 2


class Envelope(NamedTuple):
    """Who it is from and to, as the next server is told (RFC 5321 2.3.1); not the headers."""

    sender: str  # where bounces go
    recipient: str
    message_id: str  # without angle brackets; names files, and joins a relay's log
    expires: float | None = None  # time.monotonic() from which on its content must not leave
    vouched: bool = False  # lines end in CRLF alone, and none begins with a dot: nobody need look


class Reply(NamedTuple):
    """The next server's word on one message."""

    code: int  # RFC 5321 4.2; transports that are not SMTP answer 250
    text: str  # its words, one line, bounded

    @property
    def permanent(self) -> bool:
        """5yz: trying again will not help (RFC 5321 4.2.1)."""
        return 500 <= self.code <= 599

    @property
    def enhanced(self) -> str:
        """The enhanced status code at the head of the text (RFC 3463), "" where there is none."""
        found = _ENHANCED.match(self.text)
        return found[0] if found else ""

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


class TransportError(NewsletterError):
    """Carrying a message went wrong."""


class Refused(TransportError):
    """The next server said no to this recipient or this message."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class TransportUnavailable(TransportError):
    """The road is closed: no connection, TLS, login, disk.

    `in_doubt` is true where it closed after the message's bytes had begun to leave and before
    an answer came: the next server may have it.
    """

    exit_code = 6

    def __init__(self, message: str, *, in_doubt: bool = False) -> None:
        super().__init__(message)
        self.in_doubt = in_doubt


class HungUp(TransportUnavailable):
    """It closed before anything was said of the message: over a new one the message may go."""


class LoginRefused(TransportUnavailable):
    """The next server knows the login not, or its password."""


class Transport(Protocol):
    """Carries finished messages away."""

    def open(self) -> None:
        """Makes ready to send; raises TransportUnavailable. Opening twice is one opening."""

    def send(self, envelope: Envelope, message: bytes) -> Reply:
        """Hands over one message, CRLF line ends; returns the reply that took it.

        Raises Refused or TransportUnavailable; after the latter the transport is closed.
        """

    def close(self) -> None:
        """Lets go of everything, raises nothing. Closing twice is one closing."""


@runtime_checkable
class Talker(Transport, Protocol):
    """A transport whose open connection can be waited for beside others, in one thread."""

    def awake(self) -> socket.socket | None:
        """The open connection, which never blocks; None where `send` has to make one first."""

    def talk(self, envelope: Envelope, message: bytes) -> Talk[Reply]:
        """As `send`, over the connection that `awake` told; raises HungUp too."""
