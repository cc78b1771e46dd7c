"""What a person sees of a message on the console."""

from __future__ import annotations

import io

import pytest

from newsletter.transports import Envelope, TransportUnavailable
from newsletter.transports.console import ConsoleOptions, ConsoleTransport

ENVELOPE = Envelope(sender="b@example.org", recipient="r@example.org", message_id="1@example.org")
MAIL = (
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
    b"\r\n1 na=C3=AFve\r\n2 =1B[2J\r\n3\r\n4\r\n--x\r\n"
    b"Content-Type: text/html\r\n\r\n<p>not for the console</p>\r\n--x--\r\n"
)


def test_envelope_subject_and_text_are_printed() -> None:
    """Decoded, bounded by the lines asked for, without what steers a terminal."""
    out = io.StringIO()
    ConsoleTransport(ConsoleOptions(lines=2), out).send(ENVELOPE, MAIL)
    assert out.getvalue().splitlines() == [
        "From: b@example.org",
        "To: r@example.org",
        "Subject: Grüße",
        "",
        "1 naïve",
        "2 ?[2J",
        "... 2 more lines",
        "=" * 76,
    ]


def test_a_console_without_the_letters_shows_others() -> None:
    """A stream of few letters gets question marks, not an error."""
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as out:
        ConsoleTransport(ConsoleOptions(), out).send(ENVELOPE, MAIL)
        assert b"Subject: Gr??e" in raw.getvalue()


def test_standard_output_is_the_console(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stream it is the standard output of the moment."""
    ConsoleTransport().send(ENVELOPE, MAIL)
    assert "To: r@example.org" in capsys.readouterr().out


def test_a_console_that_closed_on_the_way_closes_the_road() -> None:
    """Nobody reads on: the run is to stop."""
    out = io.StringIO()
    road = ConsoleTransport(ConsoleOptions(), out)
    road.open()
    out.close()
    with pytest.raises(TransportUnavailable, match="cannot be printed"):
        road.send(ENVELOPE, MAIL)
