"""Prints messages instead of sending them, for people who try things out."""

from __future__ import annotations

import sys
from email import message_from_bytes, policy
from typing import TextIO

from pydantic import Field

from newsletter.options import Options
from newsletter.transports.port import Envelope, Reply, TransportUnavailable

LONGEST_LINE = 400  # characters; a text part has 76 columns, only a stray one is longer
RULE = "=" * 76


class ConsoleOptions(Options):
    """The settings of a transport of kind "console"."""

    lines: int = Field(
        default=40, ge=0, le=1000, description="Lines of the text part to print at most."
    )


class ConsoleTransport:
    """Standard output, or the stream it is given."""

    def __init__(self, options: ConsoleOptions | None = None, stream: TextIO | None = None) -> None:
        self._lines = (options or ConsoleOptions()).lines
        self._stream = stream

    def open(self) -> None:
        """Looks whether there is something to print on; raises TransportUnavailable."""
        self._print([])

    def send(self, envelope: Envelope, message: bytes) -> Reply:
        """Prints envelope, subject and the beginning of the text part.

        Raises TransportUnavailable where nobody listens any more.
        """
        mail = message_from_bytes(message, policy=policy.default)
        part = mail.get_body(("plain",))
        text = str(part.get_content()).splitlines() if part else []
        more = len(text) - self._lines
        self._print(
            [
                f"From: {envelope.sender}",
                f"To: {envelope.recipient}",
                f"Subject: {mail['Subject'] or ''}",
                "",
                *text[: self._lines],
                *([f"... {more} more lines"] if more > 0 else []),
                RULE,
            ]
        )
        return Reply(code=250, text="printed")

    def close(self) -> None:
        """Nothing to close: the stream is another's."""

    def _print(self, lines: list[str]) -> None:
        out = self._stream or sys.stdout
        shown = "".join(f"{_clean(line)}\n" for line in lines)
        encoding = getattr(out, "encoding", None) or "utf-8"
        try:
            out.write(shown.encode(encoding, "replace").decode(encoding))
            out.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream is closed
            reason = getattr(error, "strerror", None) or error
            raise TransportUnavailable(f"Mail cannot be printed: {reason}.") from error


def _clean(line: str) -> str:
    # Titles come from outside: what steers a terminal must not reach it.
    shown = "".join(c if c.isprintable() else "?" for c in line)
    return shown if len(shown) <= LONGEST_LINE else shown[: LONGEST_LINE - 1] + "…"
