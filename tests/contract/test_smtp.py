"""What the smtp transport makes of everything a server may say, or not say."""

from __future__ import annotations

import pytest

from newsletter.errors import ConfigError
from newsletter.transports import Envelope, Refused, TransportUnavailable
from newsletter.transports.smtp import SmtpOptions, SmtpTransport
from tests.contract.scripted_smtp import HANG_UP, SILENCE, ScriptedSmtp

MAIL = b"Subject: one\r\n\r\n.a line with a dot\r\nthe end\r\n"
ENVELOPE = Envelope(sender="b@example.org", recipient="r@example.org", message_id="1@example.org")


def transport(port: int, **options: object) -> SmtpTransport:
    values = {"host": "127.0.0.1", "port": port, "security": "none", "timeout": 2} | options
    return SmtpTransport(SmtpOptions.read({"reply_timeout": 2} | values, "test"))


def test_a_message_arrives_byte_for_byte() -> None:
    """Dots at the start of lines are stuffed on the wire and nothing else changes."""
    with ScriptedSmtp() as server:
        road = transport(server.port)
        for _ in range(2):
            assert road.send(ENVELOPE, MAIL).code == 250
        road.close()
        assert server.messages == [MAIL, MAIL]
        assert [c for c in server.commands if c.startswith("EHLO")] == server.commands[:1]


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize(("answer", "permanent"), [(b"450 later", False), (b"550 no", True)])
def test_a_refusal_is_about_the_recipient(word: str, answer: bytes, permanent: bool) -> None:
    """4yz and 5yz at any step refuse this message, and the next one can still be sent."""
    with ScriptedSmtp({word: [answer, b"354 go" if word == "DATA" else b"250 ok"]}) as server:
        road = transport(server.port)
        with pytest.raises(Refused) as told:
            road.send(ENVELOPE, MAIL)
        assert told.value.reply.permanent is permanent
        assert told.value.reply.code == int(answer[:3])
        assert road.send(ENVELOPE, MAIL).code == 250
        road.close()


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"": b"421 busy"}, "not ready for mail: 421 busy"),
        ({"": b"554 go away"}, "not ready for mail: 554 go away"),
        ({"": b"what is this"}, "127.0.0.1"),
        ({"": HANG_UP}, "hung up"),
        ({"": SILENCE}, "does not answer within"),
        ({"EHLO": HANG_UP, "HELO": HANG_UP}, "hung up"),
    ],
)
def test_a_closed_road_is_told_on_opening(answers: dict[str, bytes], words: str) -> None:
    """What is wrong before the first message is told in words, with the server's place."""
    with ScriptedSmtp(answers) as server:
        road = transport(server.port, timeout=0.3)
        with pytest.raises(TransportUnavailable, match=words) as told:
            road.open()
        assert not told.value.in_doubt
        assert str(server.port) in str(told.value)


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", [HANG_UP, b"421 closing"])
def test_breaking_off_before_the_content_is_not_in_doubt(word: str, answer: bytes) -> None:
    """A line lost before the content left means that nothing was sent."""
    with ScriptedSmtp({word: answer}) as server:
        road = transport(server.port)
        with pytest.raises(TransportUnavailable) as told:
            road.send(ENVELOPE, MAIL)
        assert not told.value.in_doubt
        assert server.messages == []


@pytest.mark.parametrize("answer", [HANG_UP, SILENCE])
def test_no_answer_to_the_content_is_in_doubt(answer: bytes) -> None:
    """A message whose last reply is lost may or may not have been taken."""
    with ScriptedSmtp({".": answer}) as server:
        road = transport(server.port, reply_timeout=0.3)
        with pytest.raises(TransportUnavailable) as told:
            road.send(ENVELOPE, MAIL)
        assert told.value.in_doubt
        assert server.messages == [MAIL]


def test_421_to_the_content_is_a_clear_no() -> None:
    """A 421 after the final dot closes the road, and the message was not taken."""
    with ScriptedSmtp({".": b"421 shutting down"}) as server:
        with pytest.raises(TransportUnavailable) as told:
            transport(server.port).send(ENVELOPE, MAIL)
        assert not told.value.in_doubt


def test_a_server_that_closes_between_messages_is_opened_again() -> None:
    """Some servers close after some messages without a word: that is no failure."""
    with ScriptedSmtp({"MAIL": [b"250 ok", HANG_UP, b"250 ok"]}) as server:
        road = transport(server.port)
        assert road.send(ENVELOPE, MAIL).code == 250
        assert road.send(ENVELOPE, MAIL).code == 250
        road.close()
        assert len(server.messages) == 2


def test_a_refusal_of_the_sender_closes_the_road() -> None:
    """Missing authentication of the sender is charged to no reader."""
    with ScriptedSmtp({".": b"550 5.7.26 unauthenticated"}) as server:
        road = transport(server.port)
        with pytest.raises(TransportUnavailable, match="SPF, DKIM and DMARC"):
            road.send(ENVELOPE, MAIL)


def test_a_wrong_password_is_told_without_the_password() -> None:
    """The login is named, the password never."""
    answers = {"EHLO": b"250-here\r\n250 AUTH PLAIN", "AUTH": b"535 5.7.8 wrong"}
    with ScriptedSmtp(answers) as server:
        road = transport(server.port, username="ida", password="hunter2-hunter2")
        with pytest.raises(TransportUnavailable, match=r"login of ida: 535 5\.7\.8 wrong") as told:
            road.open()
        assert "hunter2" not in str(told.value)


def test_starttls_that_is_not_offered_is_not_gone_without() -> None:
    """Where TLS is asked for and not offered, nothing is sent in the clear."""
    with ScriptedSmtp() as server:
        with pytest.raises(TransportUnavailable, match="Check port and security"):
            transport(server.port, security="starttls").open()
        assert not any(command.startswith("MAIL") for command in server.commands)


def test_a_password_is_not_sent_in_the_clear_to_another_machine() -> None:
    """Without TLS a login is for loopback only."""
    with pytest.raises(ConfigError, match="in the clear"):
        transport(25, host="mail.example.org", username="ida", password="x" * 16)


def test_nobody_listening_is_told_with_the_place() -> None:
    """A refused connection names host and port."""
    with ScriptedSmtp() as server:
        port = server.port
    with pytest.raises(TransportUnavailable, match=f"127.0.0.1:{port}"):
        transport(port).open()


def test_an_address_beyond_ascii_needs_smtputf8() -> None:
    """A server without RFC 6531 is not offered what it cannot take."""
    envelope = Envelope(sender="b@example.org", recipient="å@example.org", message_id="1@x")
    with ScriptedSmtp() as server:
        road = transport(server.port)
        with pytest.raises(Refused, match="553"):
            road.send(envelope, MAIL)
        road.close()
    with ScriptedSmtp({"EHLO": b"250-here\r\n250 SMTPUTF8"}) as server:
        road = transport(server.port)
        assert road.send(envelope, MAIL).code == 250
        road.close()
        assert any("SMTPUTF8" in command for command in server.commands)
