"""The same dialogue ends the same: commands one by one, pipelined, or by smtplib's own hand."""

from __future__ import annotations

import smtplib
import time
from typing import Any

import pytest

from newsletter.transports import Refused, Reply, TransportUnavailable
from tests.contract.scripted_smtp import HANG_UP, SILENCE, ScriptedSmtp
from tests.contract.test_smtp_dialogue import ENVELOPE, MAIL, transport

ONE_BY_ONE, PIPELINED = b"250 here", b"250-here\r\n250 PIPELINING"
DOTS = b"Subject: dots\r\n\r\n.\r\n..\r\n.end\r\nFrom here\r\n"

# What a server says at each step; what is not named is polite.
DIALOGUES: list[dict[str, Any]] = [
    {},
    *({"MAIL": said} for said in (b"451 later", b"550 never", b"421 bye", b"451-one\r\n451 two")),
    *({"RCPT": said} for said in (b"450 4.2.0 full", b"550 5.1.1 no such user", b"421 4.7.0 bye")),
    *({"DATA": said} for said in (b"451 later", b"554 5.7.1 no", b"421 bye", b"250 what")),
    {"RCPT": b"550 5.1.1 no such user", "DATA": b"503 no recipients"},
    {"RCPT": b"550 5.1.1 no such user", "DATA": b"354 go on", ".": b"554 no valid recipients"},
    {"RCPT": b"550 5.1.1 no such user", "DATA": b"354 go on", ".": b"250 nobody's"},
    {"MAIL": b"550 never", "RCPT": b"503 no", "DATA": b"503 no"},
    {"MAIL": b"550 never", "RCPT": HANG_UP},
    {"MAIL": b"451 later", "RCPT": SILENCE},
    {"RCPT": b"550 5.1.1 no such user", "DATA": HANG_UP},
    {"RCPT": b"450 4.2.0 full", "DATA": SILENCE},
    {"RCPT": (b"421 4.7.0 too much for this domain", HANG_UP)},
    *({step: b"421 4.3.2 shutting down"} for step in ("MAIL", "RCPT", "DATA", ".")),
    *({step: b"421 4.7.28 too much"} for step in ("MAIL", "RCPT", "DATA", ".")),
    *({step: HANG_UP} for step in ("MAIL", "RCPT", "DATA", "content", ".")),
    *({step: SILENCE} for step in ("RCPT", "DATA", ".")),
    *({".": said} for said in (b"250 2.0.0 taken", b"452 4.3.1 full", b"554 5.6.0 no", b"421 bye")),
]


def ended(script: dict[str, Any], hello: bytes, content: bytes = MAIL) -> tuple[Any, ...]:
    """How sending ends, and what the server took."""
    with ScriptedSmtp({"EHLO": hello} | script) as server:
        road = transport(server.port, timeout=0.4, reply_timeout=0.4)
        try:
            answer: Any = road.send(ENVELOPE, content)
        except Refused as error:
            answer = ("refused", error.reply)
        except TransportUnavailable as error:
            answer = ("closed", error.in_doubt)
        road.close()
        return answer, [one for one in server.messages if one]


@pytest.mark.parametrize("script", DIALOGUES, ids=repr)
def test_pipelined_commands_end_as_single_ones(script: dict[str, Any]) -> None:
    """Who is at fault, whether it is in doubt, and what the server has, are the same."""
    assert ended(script, PIPELINED) == ended(script, ONE_BY_ONE)


def by_smtplib(script: dict[str, Any], content: bytes) -> tuple[Any, ...]:
    """The standard library's own `sendmail` over the same dialogue."""
    with ScriptedSmtp({"EHLO": ONE_BY_ONE} | script) as server:
        answer: Any = "closed"
        session = smtplib.SMTP("127.0.0.1", server.port, timeout=0.4)
        try:
            session.sendmail(ENVELOPE.sender, [ENVELOPE.recipient], content)
            answer = "taken"
        except smtplib.SMTPRecipientsRefused as error:
            ((code, _),) = error.recipients.values()
            answer = code
        except smtplib.SMTPResponseException as error:
            answer = error.smtp_code
        except (OSError, smtplib.SMTPException):
            pass
        finally:
            session.close()
        return answer, [one for one in server.messages if one]


@pytest.mark.parametrize("script", DIALOGUES, ids=repr)
@pytest.mark.parametrize("hello", [ONE_BY_ONE, PIPELINED])
def test_it_ends_as_smtplib_says(script: dict[str, Any], hello: bytes) -> None:
    """What smtplib takes for sent is sent, its refusals are ours by the same code."""
    theirs, took = by_smtplib(script, DOTS)
    ours, have = ended(script, hello, DOTS)
    assert have == took
    match ours:
        case Reply():
            assert theirs == "taken"
        case ("refused", reply):
            assert theirs == reply.code
        case ("closed", _):
            assert theirs in ("closed", 421, 250)  # 250 is no answer to DATA


def test_the_envelope_leaves_in_one_write() -> None:
    """MAIL, RCPT and DATA come together; the content only when it was asked for."""
    with ScriptedSmtp({"EHLO": PIPELINED, "MAIL": (0.2, b"250 ok")}) as server:
        road = transport(server.port)
        road.open()
        begun = time.monotonic()
        for _ in range(3):
            road.send(ENVELOPE, MAIL)
        assert time.monotonic() - begun < 3
        road.close()
        assert [one.partition(" ")[0] for one in server.commands[1:4]] == ["MAIL", "RCPT", "DATA"]
        assert server.messages == [MAIL] * 3


def test_a_refused_recipient_leaves_the_connection_good() -> None:
    """After a server that waited for content all the same, the next message goes as well."""
    script = {
        "EHLO": PIPELINED,
        "RCPT": [b"550 5.1.1 no", b"250 ok"],
        ".": [b"554 nobody", b"250 ok"],
    }
    with ScriptedSmtp(script) as server:
        road = transport(server.port)
        with pytest.raises(Refused):
            road.send(ENVELOPE, MAIL)
        assert road.send(ENVELOPE, MAIL).code == 250
        road.close()
        assert server.connections == 1
        assert [one for one in server.messages if one] == [MAIL]


@pytest.mark.parametrize("hello", [ONE_BY_ONE, PIPELINED])
def test_a_server_that_hangs_up_between_messages_is_called_again(hello: bytes) -> None:
    """Once: nothing of the message had left."""
    with ScriptedSmtp({"EHLO": hello, "MAIL": [b"250 ok", HANG_UP, b"250 ok"]}) as server:
        road = transport(server.port)
        assert [road.send(ENVELOPE, MAIL).code for _ in range(2)] == [250, 250]
        road.close()
        assert server.connections == 2


@pytest.mark.parametrize("hello", [ONE_BY_ONE, PIPELINED])
def test_nothing_of_a_message_leaves_after_its_lease(hello: bytes) -> None:
    """A server that answers too late gets no content, and nobody is in doubt."""
    with ScriptedSmtp({"EHLO": hello, "DATA": (0.3, b"354 go on")}) as server:
        late = ENVELOPE._replace(expires=time.monotonic() + 0.1)
        with pytest.raises(TransportUnavailable, match="the lease of the message is over") as told:
            transport(server.port).send(late, MAIL)
        assert not told.value.in_doubt
        assert server.messages == []


def test_a_refusal_stands_whatever_becomes_of_the_empty_content() -> None:
    """A server that hangs up after it refused has still refused: the reader is charged, not us."""
    script = {"EHLO": PIPELINED, "RCPT": b"550 5.1.1 no", "DATA": b"354 go on", ".": HANG_UP}
    with ScriptedSmtp(script) as server, pytest.raises(Refused, match=r"550 5\.1\.1"):
        transport(server.port).send(ENVELOPE, MAIL)


def test_nobody_gets_an_empty_mail() -> None:
    """After an answer that cannot be read, no content goes to a server that waits for it."""
    script = {"EHLO": PIPELINED, "RCPT": b"nonsense", "DATA": b"354 go on", ".": b"250 taken"}
    with ScriptedSmtp(script) as server:
        with pytest.raises(TransportUnavailable) as told:
            transport(server.port).send(ENVELOPE, MAIL)
        assert not told.value.in_doubt
    assert server.messages == []
