"""One contract for every transport, smtp against a real server with real TLS among them."""

from __future__ import annotations

import mailbox
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from aiosmtpd.controller import Controller

from newsletter.errors import ConfigError
from newsletter.transports import Envelope, Transport, TransportUnavailable, build, known
from newsletter.transports.memory import MemoryTransport

BODY = b"Subject: a\r\n\r\n.dot\r\n..two\r\n" + b"x" * 75 + b"=\r\nthe end\r\n"


@dataclass
class Road:
    """A transport, and a way to read what arrived."""

    transport: Transport
    arrived: Callable[[], list[bytes]]
    closed: Callable[[], Transport] | None  # a transport of the kind whose road is closed


class Sink:
    """Keeps what a real server took."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802
        self.contents.append(envelope.original_content)  # type: ignore[attr-defined]
        return "250 taken"


@pytest.fixture(params=["memory", "maildir", "file", "smtp none", "smtp starttls", "smtp tls"])
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
    (tmp_path / "a file").write_text("in the way")
    pattern = "new/*" if kind == "maildir" else "*.eml"
    yield Road(
        build(kind, {"path": "out"}, "test", tmp_path),
        lambda: [path.read_bytes() for path in sorted((tmp_path / "out").glob(pattern))],
        lambda: build(kind, {"path": "a file/below"}, "test", tmp_path),
    )


def smtp_road(security: str, tmp_path: Path) -> Iterator[Road]:
    authority = trustme.CA()
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    sink = Sink()
    options: dict[str, object] = {"none": {}, "starttls": {"tls_context": context}}.get(
        security, {"ssl_context": context}
    )
    controller = Controller(sink, hostname="127.0.0.1", port=0, **options)
    # aiosmtpd tries itself out on opening, which it can only without TLS and on a known port.
    controller._trigger_server = lambda: None
    controller.start()
    port = controller.server.sockets[0].getsockname()[1]
    values = {"host": "localhost", "port": port, "security": security, "ca_file": "ca.pem"}
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
    with pytest.raises(ConfigError, match=r"Unknown setting colour in \[transports.it\]"):
        values = {"colour": "red", "host": "h", "path": "p"}
        fields = known()[kind].options.model_fields
        given = {name: value for name, value in values.items() if name in (*fields, "colour")}
        build(kind, given, "[transports.it]", tmp_path)


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
