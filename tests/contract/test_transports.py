"""One contract for every transport, smtp against a real server with real TLS among them."""

from __future__ import annotations

import io
import mailbox
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from newsletter.errors import ConfigError
from newsletter.transports import Envelope, Transport, TransportUnavailable, build, known
from newsletter.transports.console import ConsoleOptions, ConsoleTransport
from newsletter.transports.memory import MemoryTransport
from tests.contract.real_smtp import real_smtp

BODY = b"Subject: a\r\n\r\n.dot\r\n..two\r\n.\r\n" + b"x" * 75 + b"=\r\nthe end\r\n"


@dataclass
class Road:
    """A transport, and a way to read what arrived."""

    transport: Transport
    arrived: Callable[[], list[bytes]]
    closed: Callable[[], Transport] | None  # a transport of the kind whose road is closed


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


def smtp_road(security: str, folder: Path) -> Iterator[Road]:
    with real_smtp(security, folder) as (sink, values):
        transport = build("smtp", values, "test", folder)
        yield Road(
            transport,
            lambda: sink.contents,
            lambda: build("smtp", values | {"port": 1}, "test", folder),
        )
        transport.close()


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


def test_a_relative_path_counts_from_the_base(tmp_path: Path) -> None:
    """Paths among the settings are those of the settings file's folder, whatever the kind."""
    (tmp_path / "word").write_text("secret\n")
    build("file", {"path": "out"}, "[transports.file]", tmp_path).open()
    assert (tmp_path / "out").is_dir()
    given = {"host": "localhost", "username": "ida", "password_file": "word"}
    build("smtp", given, "[transports.smtp]", tmp_path)
    with pytest.raises(ConfigError, match=r"\[transports.smtp\]: password_file: cannot read"):
        build("smtp", given, "[transports.smtp]", tmp_path / "elsewhere")


PIGEON = """
from pathlib import Path
from newsletter.options import Options
from newsletter.transports import Kind
from newsletter.transports.memory import MemoryTransport

class PigeonOptions(Options):
    loft: Path

class PigeonTransport(MemoryTransport):
    def __init__(self, options):
        super().__init__()
        self.loft = options.loft

KIND = Kind(options=PigeonOptions, make=PigeonTransport)
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that brings one transport, and two that cannot be had."""
    (tmp_path / "pigeon_post.py").write_text(PIGEON)
    info = tmp_path / "pigeon_post-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: pigeon-post\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[newsletter.transports]\n"
        "pigeon = pigeon_post:KIND\n"
        "stray = pigeon_post:PIGEONS\n"
        "path = pigeon_post:Path\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def test_a_package_adds_a_transport_by_an_entry_point(installed: None, tmp_path: Path) -> None:
    """It is made from its own settings, its paths counted from the base."""
    pigeon = build("pigeon", {"loft": "loft"}, "[transports.pigeon]", tmp_path)
    assert pigeon.loft == tmp_path / "loft"  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="Did you mean pigeon"):
        build("pidgeon", {}, "[transports.pidgeon]", tmp_path)


@pytest.mark.parametrize(("kind", "words"), [("stray", "cannot be loaded"), ("path", "no Kind")])
def test_a_broken_package_harms_only_itself(
    installed: None, tmp_path: Path, kind: str, words: str
) -> None:
    """It is named where it is asked for; the built-in kinds do not look at it."""
    with pytest.raises(ConfigError, match=f"transport {kind} .*{words}"):
        build(kind, {}, f"[transports.{kind}]", tmp_path)
    build("memory", {}, "[transports.memory]", tmp_path).open()
