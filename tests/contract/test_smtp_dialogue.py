"""Where in the dialogue it breaks, and how long it waits: the smtp transport's finer points."""

from __future__ import annotations

import time
from typing import Any

import pytest

from newsletter.transports import Envelope, Refused, TransportUnavailable
from newsletter.transports.smtp import SmtpTransport
from newsletter.transports.smtp_line import Line
from newsletter.transports.smtp_options import SmtpOptions
from tests.contract.scripted_smtp import HANG_UP, SILENCE, ScriptedSmtp

MAIL = b"Subject: one\r\n\r\nthe end\r\n"
LONG = MAIL + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 400_000  # more than any socket buffers
ENVELOPE = Envelope(sender="b@example.org", recipient="r@example.org", message_id="1@example.org")


def transport(port: int, **values: Any) -> SmtpTransport:
    given = {"host": "127.0.0.1", "port": port, "security": "none", "timeout": 2} | values
    return SmtpTransport(SmtpOptions(**{"reply_timeout": 2} | given))


def test_the_wait_for_the_last_answer_is_the_long_one() -> None:
    """The answer to a message may take longer than any other may; the next command may not."""
    with ScriptedSmtp({".": (0.8, b"250 taken"), "MAIL": [b"250 ok", SILENCE]}) as server:
        road = transport(server.port, timeout=0.3, reply_timeout=5)
        assert road.send(ENVELOPE, MAIL).text == "taken"
        begun = time.monotonic()
        with pytest.raises(TransportUnavailable, match=r"within 0\.3 seconds, at MAIL") as told:
            road.send(ENVELOPE, MAIL)
        assert time.monotonic() - begun < 3
        assert not told.value.in_doubt


@pytest.mark.parametrize("act", [HANG_UP, SILENCE])
def test_a_line_that_breaks_within_the_content_is_in_doubt(act: bytes) -> None:
    """Bytes had begun to leave, and nobody said what became of them."""
    with ScriptedSmtp({"content": act}) as server:
        road = transport(server.port, timeout=0.5)
        with pytest.raises(TransportUnavailable) as told:
            road.send(ENVELOPE, LONG)
        assert told.value.in_doubt
        assert server.messages == []


def test_a_refusal_within_the_content_is_heard() -> None:
    """A server that says why and hangs up before the end has answered: nothing is in doubt."""
    with ScriptedSmtp({"content": (b"552 5.3.4 too big", 0.2, HANG_UP)}) as server:
        road = transport(server.port)
        with pytest.raises(Refused, match=r"552 5\.3\.4 too big"):
            road.send(ENVELOPE, LONG)


def test_a_yes_before_the_content_ended_is_no_yes() -> None:
    """A server that takes a message it has not read, and hangs up, leaves it in doubt."""
    with ScriptedSmtp({"content": (b"250 taken", 0.2, HANG_UP)}) as server:
        road = transport(server.port)
        with pytest.raises(TransportUnavailable) as told:
            road.send(ENVELOPE, LONG)
        assert told.value.in_doubt


@pytest.mark.parametrize("answer", [b"what?", b"354 go on", b"999 done"])
def test_an_answer_that_means_nothing_leaves_in_doubt(answer: bytes) -> None:
    """Only 2yz, 4yz and 5yz answer a message."""
    with ScriptedSmtp({".": answer}) as server:
        road = transport(server.port)
        with pytest.raises(TransportUnavailable) as told:
            road.send(ENVELOPE, MAIL)
        assert told.value.in_doubt


@pytest.mark.parametrize("end", [HANG_UP, SILENCE, b"421 4.4.2 idle", (b"421 enough", HANG_UP)])
def test_a_connection_that_ended_between_messages_is_made_anew(end: Any) -> None:
    """However a server ends it before a message began, the message goes over a new one."""
    with ScriptedSmtp({"MAIL": [b"250 ok", end, b"250 ok"]}) as server:
        road = transport(server.port, timeout=0.5)
        for _ in range(2):
            assert road.send(ENVELOPE, MAIL).code == 250
        road.close()
        assert server.connections == 2
        assert server.messages == [MAIL, MAIL]


def test_a_server_that_hangs_up_after_its_answer_is_no_failure() -> None:
    """The answer counts, and the next message opens anew."""
    with ScriptedSmtp({".": (b"250 taken", HANG_UP)}) as server:
        road = transport(server.port)
        assert [road.send(ENVELOPE, MAIL).code for _ in range(3)] == [250] * 3
        road.close()
        assert server.connections == 3


def test_a_new_connection_is_tried_once() -> None:
    """A server that says 421 on the new connection too has closed the road."""
    with ScriptedSmtp({"MAIL": [b"250 ok", b"421 busy"]}) as server:
        road = transport(server.port)
        road.send(ENVELOPE, MAIL)
        with pytest.raises(TransportUnavailable, match="421 busy"):
            road.send(ENVELOPE, MAIL)
        assert server.connections == 2


def test_a_refusal_on_a_used_connection_is_not_tried_again() -> None:
    """MAIL refused is an answer, not a line that broke."""
    with ScriptedSmtp({"MAIL": [b"250 ok", b"450 later"]}) as server:
        road = transport(server.port)
        road.send(ENVELOPE, MAIL)
        with pytest.raises(Refused):
            road.send(ENVELOPE, MAIL)
        road.close()
        assert server.connections == 1


def test_a_server_that_fails_to_reset_is_left() -> None:
    """The refusal stands, and the next message goes over a new connection."""
    with ScriptedSmtp({"RCPT": [b"550 no", b"250 ok"], "RSET": HANG_UP}) as server:
        road = transport(server.port)
        with pytest.raises(Refused):
            road.send(ENVELOPE, MAIL)
        assert road.send(ENVELOPE, MAIL).code == 250
        road.close()
        assert server.connections == 2


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("MAIL", b"530 5.7.0 authentication required"),
        ("MAIL", b"550 5.1.8 sender's domain does not exist"),
        ("RCPT", b"550 5.7.25 no reverse name"),
        (".", b"550 5.7.515 does not meet the authentication level"),
    ],
)
def test_a_judgement_on_the_sender_is_charged_to_no_reader(word: str, answer: bytes) -> None:
    """What every reader's server would say alike closes the road, and is not in doubt."""
    with ScriptedSmtp({word: answer}) as server:
        road = transport(server.port)
        with pytest.raises(TransportUnavailable, match="not about the reader") as told:
            road.send(ENVELOPE, MAIL)
        assert not told.value.in_doubt


@pytest.mark.parametrize(
    "answer", [b"550 5.7.1 spam", b"450 4.7.26 on", b"450 5.7.26 on", b"550 see 5.7.26"]
)
def test_other_refusals_stay_the_recipients(answer: bytes) -> None:
    """Only a permanent enhanced code at the head of the reply judges the sender."""
    with ScriptedSmtp({"RCPT": answer}) as server:
        road = transport(server.port)
        with pytest.raises(Refused):
            road.send(ENVELOPE, MAIL)
        road.close()


def test_a_long_reply_is_one_bounded_line() -> None:
    """Lines are joined, their repeated code told once, and nothing in them steers a terminal."""
    lines = b"550-5.1.1 The \x1b[31maccount\r\n550-5.1.1 is gone.\r\n550 5.1.1 " + b"z" * 900
    with ScriptedSmtp({"RCPT": lines}) as server:
        road = transport(server.port)
        with pytest.raises(Refused) as told:
            road.send(ENVELOPE, MAIL)
        road.close()
    text = told.value.reply.text
    assert text.startswith("5.1.1 The [31maccount is gone. zzz")
    assert len(text) == 300


def test_the_size_is_announced_where_it_is_wanted() -> None:
    """A message that is too big is refused before it travels (RFC 1870)."""
    with ScriptedSmtp({"EHLO": b"250-here\r\n250 SIZE 1000000"}) as server:
        road = transport(server.port)
        road.send(ENVELOPE, MAIL)
        road.close()
        assert f"MAIL FROM:<b@example.org> SIZE={len(MAIL)}" in server.commands


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_command_is_one_line(end: str) -> None:
    """What holds a line end is never said, whoever put it there."""
    with pytest.raises(ValueError, match="one line"):
        Line().written("DATA", f"MAIL FROM:<b@example.org>{end}RSET")


@pytest.mark.parametrize("recipient", ["r@example.org>\r\nDATA", "r@x.test> SIZE=1", "a b@x.test"])
def test_an_address_cannot_end_a_command(recipient: str) -> None:
    """What would be read as more than an address is refused here, and never said."""
    envelope = Envelope(sender="b@example.org", recipient=recipient, message_id="1@example.org")
    with ScriptedSmtp() as server:
        road = transport(server.port)
        with pytest.raises(Refused, match="553"):
            road.send(envelope, MAIL)
        assert road.send(ENVELOPE, MAIL).code == 250
        road.close()
        assert len([one for one in server.commands if one.startswith("MAIL")]) == 1


@pytest.mark.parametrize("end", [b"a\n.\r\nb\r\n", b"a\r.\r\n", b"a\n"])
def test_bare_line_ends_never_leave(end: bytes) -> None:
    """No server gets to take one of them for the end of the message (RFC 5321 2.3.8)."""
    with ScriptedSmtp() as server:
        road = transport(server.port)
        with pytest.raises(Refused, match="bare line ends"):
            road.send(ENVELOPE, MAIL + end)
        assert server.commands == []


def test_a_login_in_two_steps_works_and_is_never_echoed() -> None:
    """Servers that know only LOGIN are served; what they echo of a secret is not passed on."""
    answers = {
        "EHLO": b"250-here\r\n250 AUTH LOGIN",
        "AUTH": b"334 VXNlcm5hbWU6",
        "AWRH": b"334 UGFzc3dvcmQ6",
        "C3VWZXITZ3VLC3M=": b"535 wrong: super-guess c3VwZXItZ3Vlc3M=",
    }
    with ScriptedSmtp(answers) as server:
        road = transport(server.port, username="ida", password="super-guess")
        with pytest.raises(TransportUnavailable, match=r"535 wrong: \*\*\* \*\*\*\."):
            road.open()
        assert server.commands[1] == "AUTH LOGIN"


def test_closing_does_not_wait_for_a_server_that_is_gone() -> None:
    """QUIT is a courtesy: a line that broke meanwhile is closed without a word."""
    with ScriptedSmtp({".": (b"250 taken", HANG_UP)}) as server:
        road = transport(server.port)
        road.send(ENVELOPE, MAIL)
        road.close()
        road.close()
        assert server.messages == [MAIL]
