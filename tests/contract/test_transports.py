"""One contract for every transport, smtp against a real server with real TLS among them."""

from __future__ import annotations

import io
import mailbox
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from newsletter.errors import ConfigError
from newsletter.transports import Envelope, Transport, TransportUnavailable, build, known
from newsletter.transports.console import ConsoleOptions, ConsoleTransport
from newsletter.transports.memory import MemoryTransport

BODY = b"Subject: a\r\n\r\n.dot\r\n..two\r\n.\r\n" + b"x" * 75 + b"=\r\nthe end\r\n"
PASSWORD = "søte drømmer"  # letters outside ASCII: RFC 4616 2 has them


@dataclass
class Road:
    """A transport, and a way to read what arrived."""

    transport: Transport
    arrived: Callable[[], list[bytes]]
    closed: Callable[[], Transport] | None  # a transport of the kind whose road is closed


class Sink:
    """Keeps what a real server took from who had logged in."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(self, server: object, session: Any, envelope: Any) -> str:  # noqa: N802
        if not session.authenticated:
            return "530 log in first"
        self.contents.append(envelope.original_content)
        return "250 taken"


class Server(Controller):
    """A server on whatever port is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # it connects to itself to begin
        super()._trigger_server()


def known_login(_server: object, _session: object, _envelope: object, _how: str, given: Any) -> Any:
    return AuthResult(success=given == LoginPassword(b"ida", PASSWORD.encode()))


KINDS = ["memory", "console", "maildir", "file", "smtp none", "smtp starttls", "smtp tls"]


@pytest.fixture(params=KINDS)
def road(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Road]:
    kind, _, security = request.param.partition(" ")
    if kind == "smtp":
        yield from smtp_road(security, tmp_path)
        return
    if kind == "memory":
        memory = build(kind, {}, "test", tmp_path)
        assert isinstance(memory, MemoryTransport)
        yield Road(memory, lambda: [content for _, content in memory.messages], None)
        return
    if kind == "console":
        yield console_road()
        return
    (tmp_path / "a file").write_text("in the way")
    pattern = "new/*" if kind == "maildir" else "*.eml"
    yield Road(
        build(kind, {"path": "out"}, "test", tmp_path),
        lambda: [path.read_bytes() for path in sorted((tmp_path / "out").glob(pattern))],
        lambda: build(kind, {"path": "a file/below"}, "test", tmp_path),
    )


def console_road() -> Road:
    """It is for people and keeps no bytes: that a message is printed is told by its text."""
    out, shut = io.StringIO(), io.StringIO()
    shut.close()

    def arrived() -> list[bytes]:
        printed = out.getvalue().split("=" * 76 + "\n")[:-1]
        head = b"Subject: a\r\n"
        return [
            head + one.partition("Subject: a\n")[2].replace("\n", "\r\n").encode()
            for one in printed
        ]

    return Road(
        ConsoleTransport(ConsoleOptions(), out),
        arrived,
        lambda: ConsoleTransport(ConsoleOptions(), shut),
    )


def smtp_road(security: str, tmp_path: Path) -> Iterator[Road]:
    authority = trustme.CA()
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    sink = Sink()
    controller = Server(
        sink,
        hostname="127.0.0.1",
        port=0,
        authenticator=known_login,
        auth_require_tls=security == "starttls",  # it does not count TLS from the first byte as TLS
        tls_context=context if security == "starttls" else None,
        ssl_context=context if security == "tls" else None,
    )
    controller.start()
    values = {
        "host": "localhost",
        "port": controller.port,
        "security": security,
        "ca_file": "ca.pem",
        "username": "ida",
        "password": PASSWORD,
    }
    try:
        yield Road(
            build("smtp", values, "test", tmp_path),
            lambda: sink.contents,
            lambda: build("smtp", values | {"port": 1}, "test", tmp_path),
        )
    finally:
        controller.stop()


def envelope(number: int) -> Envelope:
    return Envelope(
        sender="bounces@example.org",
        recipient=f"reader{number}@example.org",
        message_id=f"2026-03-11.{number}@example.org",
    )


def test_messages_arrive_byte_for_byte(road: Road) -> None:
    """Two messages over one opening arrive as they were handed over."""
    road.transport.open()
    for number in (1, 2):
        assert road.transport.send(envelope(number), BODY + b"%d\r\n" % number).code == 250
    road.transport.close()
    assert road.arrived() == [BODY + b"1\r\n", BODY + b"2\r\n"]


def test_opening_and_closing_twice_is_once(road: Road) -> None:
    """A transport may be opened and closed again, and used again after that."""
    for _ in range(2):
        road.transport.open()
        road.transport.open()
        road.transport.send(envelope(1), BODY)
        road.transport.close()
        road.transport.close()
    assert set(road.arrived()) == {BODY}


def test_a_closed_road_is_told_on_opening(road: Road) -> None:
    """What cannot carry says so before a message is touched, in one line."""
    if road.closed is None:
        return  # memory has no road that could close
    with pytest.raises(TransportUnavailable) as told:
        road.closed().open()
    assert not told.value.in_doubt
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("kind", known())
def test_unknown_options_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    """A misspelt option is named together with the transport's table."""
    needed = {"host": "h", "path": "p"}.items()
    given = {k: v for k, v in needed if k in known()[kind].options.model_fields}
    with pytest.raises(ConfigError, match=r"Unknown setting colour in \[transports.it\]"):
        build(kind, given | {"colour": "red"}, "[transports.it]", tmp_path)


def test_an_unknown_kind_is_refused_with_the_nearest(tmp_path: Path) -> None:
    """A misspelt kind gets a suggestion."""
    with pytest.raises(ConfigError, match="Did you mean maildir"):
        build("mailder", {}, "[transports.it]", tmp_path)


def test_a_maildir_is_one_that_others_read(tmp_path: Path) -> None:
    """The standard library reads our maildir, and the same message twice is one file."""
    transport = build("maildir", {"path": "box"}, "test", tmp_path)
    for _ in range(2):
        transport.send(envelope(1), BODY)
    box = mailbox.Maildir(tmp_path / "box")
    assert [message["Subject"] for message in box] == ["a"]
    assert list((tmp_path / "box" / "tmp").iterdir()) == []


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    """Without the authority's certificate nothing is sent."""
    roads = smtp_road("starttls", tmp_path)
    road = next(roads)
    (tmp_path / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    with pytest.raises(TransportUnavailable, match="is not trusted"):
        road.transport.open()
    next(roads, None)
