"""What a server sets bounds to, and the bounds set to a server: size, bytes, pace and patience."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from newsletter.transports import Envelope, Refused, TransportUnavailable
from newsletter.transports.smtp_line import Line
from tests.contract.scripted_smtp import HANG_UP, SILENCE, ScriptedSmtp
from tests.contract.test_smtp_dialogue import ENVELOPE, MAIL, transport

ONE_BY_ONE, PIPELINED = b"250 here", b"250-here\r\n250 PIPELINING"
BOTH = pytest.mark.parametrize("hello", [ONE_BY_ONE, PIPELINED])
EIGHT_BIT = "Subject: one\r\n\r\nsøte drømmer\r\n".encode()


def verbs(server: ScriptedSmtp) -> list[str]:
    return [command.partition(" ")[0] for command in server.commands]


# 421: the road, or the recipient's domain.


@BOTH
@pytest.mark.parametrize("word", ["RCPT", "."])
def test_a_domain_that_slows_us_is_told_by_its_reply(word: str, hello: bytes) -> None:
    """421 4.7.x about a recipient or its message is a refusal, and the next goes by a new line."""
    slow = (b"421 4.7.28 too much mail for this domain", HANG_UP)
    with ScriptedSmtp({"EHLO": hello, word: [slow, b"250 ok"]}) as server:
        road = transport(server.port)
        with pytest.raises(Refused) as told:
            road.send(ENVELOPE, MAIL)
        assert (told.value.reply.code, told.value.reply.enhanced) == (421, "4.7.28")
        assert not told.value.reply.permanent
        assert road.send(ENVELOPE, MAIL).code == 250
        road.close()
        assert server.connections == 2
        assert "RSET" not in verbs(server)  # nobody would be there to hear it


@BOTH
@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("MAIL", b"421 4.7.0 you are slowed down"),
        ("DATA", b"421 4.7.0 you are slowed down"),
        ("RCPT", b"421 4.3.2 shutting down"),
        ("RCPT", b"421 try again, see 4.7.0"),
        (".", b"421 4.4.2 took too long"),
    ],
)
def test_any_other_421_closes_the_road(word: str, answer: bytes, hello: bytes) -> None:
    """Without a recipient's policy at its head, 421 is about the connection, and clear."""
    with ScriptedSmtp({"EHLO": hello, word: answer}) as server:
        with pytest.raises(TransportUnavailable, match="421") as told:
            transport(server.port).send(ENVELOPE, MAIL)
        assert not told.value.in_doubt


# What a message is too much for.


def test_8_bit_bytes_are_announced() -> None:
    """A server that offers 8BITMIME is told that it will need it (RFC 6152 3), and gets them."""
    with ScriptedSmtp({"EHLO": b"250-here\r\n250 8BITMIME"}) as server:
        road = transport(server.port)
        road.send(ENVELOPE, EIGHT_BIT)
        road.send(ENVELOPE, MAIL)
        road.close()
        said = [command for command in server.commands if command.startswith("MAIL")]
        assert said == ["MAIL FROM:<b@example.org> BODY=8BITMIME", "MAIL FROM:<b@example.org>"]
        assert server.messages == [EIGHT_BIT, MAIL]


def test_8_bit_bytes_do_not_leave_for_a_server_of_7() -> None:
    """Bytes that would be cut are refused here, by the code a server has for it (RFC 3463 3.7)."""
    with ScriptedSmtp() as server:
        road = transport(server.port)
        with pytest.raises(Refused, match="takes no message with 8-bit bytes") as told:
            road.send(ENVELOPE, EIGHT_BIT)
        assert (told.value.reply.code, told.value.reply.enhanced) == (554, "5.6.3")
        assert road.send(ENVELOPE, MAIL).code == 250
        road.close()
        assert verbs(server).count("MAIL") == 1


@pytest.mark.parametrize("more", [0, 1])
def test_a_message_over_the_size_a_server_takes_is_not_begun(more: int) -> None:
    """The maximum itself goes, one byte more is refused before MAIL (RFC 1870 6.1)."""
    limit = len(MAIL)
    with ScriptedSmtp({"EHLO": b"250-here\r\n250 SIZE %d" % limit}) as server:
        road = transport(server.port)
        if more:
            with pytest.raises(Refused, match=f"takes no message over {limit} bytes") as told:
                road.send(ENVELOPE, MAIL[:-2] + b"x\r\n")
            assert (told.value.reply.code, told.value.reply.enhanced) == (552, "5.3.4")
            assert "MAIL" not in verbs(server)
        else:
            assert road.send(ENVELOPE, MAIL).code == 250
        road.close()


@pytest.mark.parametrize("offered", [b"SIZE", b"SIZE 0", b"SIZE big", "SIZE ²".encode("latin-1")])
def test_a_size_without_a_maximum_refuses_nothing(offered: bytes) -> None:
    """0 is no maximum, and neither is what is no number (RFC 1870 4)."""
    with ScriptedSmtp({"EHLO": b"250-here\r\n250 " + offered}) as server:
        road = transport(server.port)
        assert road.send(ENVELOPE, MAIL).code == 250
        road.close()
        assert f"MAIL FROM:<b@example.org> SIZE={len(MAIL)}" in server.commands


def test_all_that_a_message_needs_is_said_at_once() -> None:
    """Size, 8-bit bytes and an address outside ASCII stand side by side in one MAIL."""
    to = Envelope(sender="b@example.org", recipient="å@example.org", message_id="1@example.org")
    hello = b"250-here\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 SMTPUTF8"
    with ScriptedSmtp({"EHLO": hello}) as server:
        road = transport(server.port)
        road.send(to, EIGHT_BIT)
        road.close()
        size = len(EIGHT_BIT)
        assert server.commands[1:3] == [
            f"MAIL FROM:<b@example.org> SIZE={size} BODY=8BITMIME SMTPUTF8",
            "RCPT TO:<å@example.org>",
        ]


# A connection made anew.


@pytest.mark.parametrize(
    ("most", "messages", "connections"), [(1, 3, 3), (2, 4, 2), (2, 5, 3), (0, 5, 1), (100, 5, 1)]
)
def test_a_connection_carries_so_many_messages(most: int, messages: int, connections: int) -> None:
    """Then it is left politely, and not before there is another message to carry."""
    with ScriptedSmtp() as server:
        road = transport(server.port, renew_after=most)
        for _ in range(messages):
            road.send(ENVELOPE, MAIL)
        assert verbs(server).count("QUIT") == connections - 1
        road.close()
        assert (server.connections, len(server.messages)) == (connections, messages)


def test_a_refused_message_counts_as_carried() -> None:
    """Servers count what was begun, not what they took."""
    with ScriptedSmtp({"RCPT": [b"550 5.1.1 no", b"250 ok"]}) as server:
        road = transport(server.port, renew_after=1)
        with pytest.raises(Refused):
            road.send(ENVELOPE, MAIL)
        road.send(ENVELOPE, MAIL)
        road.close()
        assert server.connections == 2


@pytest.mark.parametrize(("idle", "connections"), [(0.2, 2), (0, 1), (60, 1)])
def test_a_connection_long_unused_is_not_trusted(idle: float, connections: int) -> None:
    """It may be dead without a word; used again soon, it is good."""
    with ScriptedSmtp() as server:
        road = transport(server.port, renew_idle=idle)
        road.open()
        road.send(ENVELOPE, MAIL)
        time.sleep(0.4)
        road.send(ENVELOPE, MAIL)
        road.send(ENVELOPE, MAIL)
        road.close()
        assert server.connections == connections


def test_a_connection_opened_long_before_its_first_message_is_made_anew() -> None:
    """Idle counts from the opening on."""
    with ScriptedSmtp() as server:
        road = transport(server.port, renew_idle=0.2)
        road.open()
        time.sleep(0.4)
        road.send(ENVELOPE, MAIL)
        road.close()
        assert server.connections == 2


def test_a_server_that_cannot_be_reached_anew_closes_the_road() -> None:
    """The message that found it so is charged to nobody, and not in doubt."""
    with ScriptedSmtp({"": [b"220 here", b"421 4.7.0 too many connections"]}) as server:
        road = transport(server.port, renew_after=1)
        road.send(ENVELOPE, MAIL)
        with pytest.raises(TransportUnavailable, match=r"not ready for mail: 421 4\.7\.0") as told:
            road.send(ENVELOPE, MAIL)
        assert not told.value.in_doubt


# A server of another time, or none at all.


@pytest.mark.parametrize("answer", [b"500 what?", b"502 5.5.1 not implemented"])
def test_a_server_that_knows_no_ehlo_is_greeted_by_helo(answer: bytes) -> None:
    """RFC 5321 3.2: then nothing is offered and nothing is asked of it."""
    with ScriptedSmtp({"EHLO": answer}) as server:
        road = transport(server.port)
        assert road.send(ENVELOPE, MAIL).code == 250
        road.close()
        assert verbs(server)[:3] == ["EHLO", "HELO", "MAIL"]
        assert server.commands[2] == "MAIL FROM:<b@example.org>"


def test_helo_is_no_way_round_encryption() -> None:
    """A server without EHLO offers no STARTTLS: what was asked for cannot be had."""
    words = "mail is not sent in the clear"
    with ScriptedSmtp({"EHLO": b"502 no"}) as server:
        road = transport(server.port, security="starttls")
        with pytest.raises(TransportUnavailable, match=words):
            road.open()
        assert "MAIL" not in verbs(server)


STARTTLS = {"EHLO": b"250-here\r\n250 STARTTLS"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"454 4.7.0 no TLS now", r"not ready for mail: 454 4\.7\.0 no TLS now"),
        (HANG_UP, "hung up at STARTTLS"),
        (SILENCE, "within 0.4 seconds, at STARTTLS"),
        ((b"220 go on", HANG_UP), "does not agree on TLS|hung up at STARTTLS"),
        ((b"220 go on", b"in the clear", 0.2, HANG_UP), "does not agree on TLS"),
    ],
)
def test_starttls_that_fails_is_not_gone_without(answer: Any, words: str) -> None:
    """However a server breaks its offer of TLS, nothing more is said to it."""
    with ScriptedSmtp(STARTTLS | {"STARTTLS": answer}) as server:
        with pytest.raises(TransportUnavailable, match=words):
            transport(server.port, security="starttls", timeout=0.4).send(ENVELOPE, MAIL)
        assert "MAIL" not in verbs(server)


def test_what_came_before_tls_counts_no_more() -> None:
    """An answer that was slipped in behind STARTTLS's is not taken for one (RFC 3207 5)."""
    line = Line(local_hostname="here", timeout=5)
    for said, heard in (
        (b"220 go on\r\n250 slipped in\r\n", (220, b"go on")),
        (b"250 the server's own\r\n", (250, b"the server's own")),
    ):
        line.sock, server = socket.socketpair()
        with server, line.sock:
            server.sendall(said)
            assert line.getreply() == heard


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"": b"450 4.3.2 later"}, "not ready for mail: 450 4.3.2 later"),
        ({"": b"554 5.7.1 you are listed"}, "not ready for mail: 554 5.7.1 you are listed"),
        ({"": b"250 what"}, "not ready for mail: 250 what"),
        ({"EHLO": b"421 busy"}, "not ready for mail: 421 busy"),
        ({"EHLO": b"550 5.7.1 bad name"}, "not ready for mail: 550 5.7.1 bad name"),
        ({"EHLO": b"502 no", "HELO": b"501 bad name"}, "not ready for mail: 501 bad name"),
        ({"EHLO": b"502 no", "HELO": HANG_UP}, "hung up at EHLO"),
        ({"": b"HTTP/1.1 400 Bad Request"}, "not SMTP|not ready for mail"),
        ({"": b"\xff\x00\x1b[31m"}, "not SMTP|not ready for mail"),
    ],
)
def test_a_server_that_is_not_ready_is_told_and_left(answers: Any, words: str) -> None:
    """No message begins, the words are the server's, and nothing steers a terminal."""
    with ScriptedSmtp(answers) as server:
        with pytest.raises(TransportUnavailable, match=words) as told:
            transport(server.port).send(ENVELOPE, MAIL)
        assert str(told.value).isprintable()
        assert "MAIL" not in verbs(server)


@pytest.mark.parametrize(
    "endless",
    [b"250-" + b"x" * 200_000, b"250-more\r\n" * 20_000 + b"250 ok"],
    ids=["line", "lines"],
)
@pytest.mark.parametrize("word", ["", "EHLO", "MAIL", "RCPT", "DATA", "."])
def test_a_reply_without_an_end_is_given_up(word: str, endless: bytes) -> None:
    """No server fills the memory; where content had left, it stays in doubt."""
    with ScriptedSmtp({word: endless}) as server:
        with pytest.raises(TransportUnavailable, match="without an end") as told:
            transport(server.port).send(ENVELOPE, MAIL)
        assert told.value.in_doubt is (word == ".")


@BOTH
@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA", "."])
def test_a_reply_that_dribbles_has_the_time_of_one(word: str, hello: bytes) -> None:
    """Each line comes in time and the whole does not: the wait is for the whole."""
    dribble = (0.1, b"250-still") * 20
    with ScriptedSmtp({"EHLO": hello, word: dribble}) as server:
        road = transport(server.port, timeout=0.35, reply_timeout=0.35)
        begun = time.monotonic()
        with pytest.raises(TransportUnavailable, match=r"within 0\.35 seconds") as told:
            road.send(ENVELOPE, MAIL)
        assert time.monotonic() - begun < 1.5
        assert told.value.in_doubt is (word == ".")


@pytest.mark.parametrize("half", [b"250 2.0.0 tak", b"250", b"550 5.1"])
def test_half_a_line_is_no_answer(half: bytes) -> None:
    """A reply ends with its line (RFC 5321 4.2): cut off before, it leaves the message in doubt."""
    with ScriptedSmtp({".": (bytearray(half), HANG_UP)}) as server:
        with pytest.raises(TransportUnavailable, match="hung up at the message") as told:
            transport(server.port).send(ENVELOPE, MAIL)
        assert told.value.in_doubt


def test_a_slow_reply_within_the_time_is_read_whole() -> None:
    """Lines that come one by one are one reply."""
    slow = (b"250-2.0.0 taken", 0.1, b"250-2.0.0 and", 0.1, b"250 2.0.0 kept")
    with ScriptedSmtp({".": slow}) as server:
        road = transport(server.port)
        assert road.send(ENVELOPE, MAIL).text == "2.0.0 taken and kept"
        road.close()


@BOTH
@pytest.mark.parametrize("step", ["RCPT", "DATA"])
@pytest.mark.parametrize("end", [HANG_UP, SILENCE, (b"250", HANG_UP), (b"nonsense", HANG_UP)])
def test_some_answers_of_three_are_no_yes(step: str, end: Any, hello: bytes) -> None:
    """A server that took MAIL and did not answer the rest got no content."""
    with ScriptedSmtp({"EHLO": hello, step: end}) as server:
        road = transport(server.port, timeout=0.4)
        with pytest.raises(TransportUnavailable) as told:
            road.send(ENVELOPE, MAIL)
        assert not told.value.in_doubt
        assert server.messages == []


@BOTH
def test_a_refusal_stands_though_the_line_breaks_after_it(hello: bytes) -> None:
    """What was answered was answered: this reader is refused, and the next message goes."""
    script = {"EHLO": hello, "RCPT": [(b"550 5.1.1 no", HANG_UP), b"250 ok"]}
    with ScriptedSmtp(script) as server:
        road = transport(server.port)
        with pytest.raises(Refused, match=r"550 5\.1\.1"):
            road.send(ENVELOPE, MAIL)
        assert road.send(ENVELOPE, MAIL).code == 250
        road.close()
