"""How upstreams are asked, against one that misbehaves: limits, tries, redirects, proxies, TLS."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme

from newsletter.errors import SourceError
from newsletter.sources.http import MOST_REDIRECTS, Http, Limits, NoTurns, Turns
from newsletter.sources.port import Answer, Manners, Request
from tests.contract.upstream import Play, Query, Upstream, packed

PUBLIC = "93.184.215.14"  # no packet goes there: whoever connects to it is led to loopback
BODY = b'{"papers": []}'
MIB = 2**20


class Asker:
    """An Http whose waits are noted rather than waited for."""

    def __init__(self, turns: Turns | None = None, **limits: Any) -> None:
        self.waits: list[float] = []
        values = {"agent": "test/1 (+mailto:ed@example.org)", "connect": 5, "read": 5, "total": 30}
        self.http = Http(
            Limits(**values | limits),
            turns or NoTurns(),
            sleep=self.waits.append,
            chance=lambda: 0.5,
        )

    def get(
        self,
        location: str,
        etag: str | None = None,
        last_modified: str | None = None,
        **values: Any,
    ) -> Answer:
        return self.http.get(Request(location=location, **values), etag, last_modified)

    def close(self) -> None:
        self.http.close()


@pytest.fixture(autouse=True)
def _no_proxy_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as made:
        yield made


@pytest.fixture
def other() -> Iterator[Upstream]:
    with Upstream() as made:
        made.always("/", Play(body=b"theirs"))
        made.always("/x", Play(body=b"theirs"))
        yield made


@pytest.fixture
def ask() -> Iterator[Callable[..., Asker]]:
    made: list[Asker] = []

    def make(turns: Turns | None = None, **limits: Any) -> Asker:
        made.append(Asker(turns, **limits))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A table of names in place of the machine's, whose public addresses lead to loopback.

    Every entry is a list of addresses; "connected" notes those that were connected to.
    """
    table: dict[str, list[str]] = {"connected": []}
    look_up, connect = socket.getaddrinfo, socket.create_connection

    def found(host: Any, port: Any, *rest: Any, **flags: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in table:
            flags["flags"] = socket.AI_NUMERICHOST  # whatever is not in the table has to be one
            return look_up(name, port, *rest, **flags)
        if flags.get("flags", 0) & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in table[name]
        ]

    def connected(address: tuple[str, int], *rest: Any, **more: Any) -> socket.socket:
        host = table[address[0]][0] if address[0] in table else address[0]
        table["connected"].append(host)
        return connect(("127.0.0.1" if host == PUBLIC else host, address[1]), *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    monkeypatch.setattr(socket, "create_connection", connected)
    return table


def port_of(upstream: Upstream) -> int:
    return int(upstream.url.rpartition(":")[2])


def to(location: str, status: int = 302) -> Play:
    return Play(status=status, headers={"Location": location}, body=b"moved", kind="text/html")


# What an answer is


def test_a_good_answer_comes_whole_with_its_marks(
    upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """Body, type and marks for the next time; the agent is told, and gzip alone is asked for."""
    marks = {"ETag": 'W/"v1"', "Last-Modified": "Mon, 02 Mar 2026 12:00:00 GMT"}
    upstream.always("/a", Play(body=BODY, headers=marks))
    answer = ask().get(f"{upstream.url}/a?b=c%20d&e=%C3%A9")
    assert answer.whole() == BODY
    assert (answer.status, answer.unchanged) == (200, False)
    assert answer.content_type == "application/json"
    assert (answer.etag, answer.last_modified) == tuple(marks.values())
    assert answer.where == f"{upstream.url}/a?b=c%20d&e=%C3%A9"
    assert upstream.asked == ["/a?b=c%20d&e=%C3%A9"]
    told = upstream.headers[0]
    assert told["user-agent"] == "test/1 (+mailto:ed@example.org)"
    assert told["accept-encoding"] == "gzip"
    assert not {"if-none-match", "if-modified-since", "authorization"} & told.keys()


def test_an_answer_may_be_empty(upstream: Upstream, ask: Callable[..., Asker]) -> None:
    """Nothing with a status of 200 is an answer; whether it can be the truth, the source says."""
    upstream.always("/a", Play())
    assert ask().get(f"{upstream.url}/a").whole() == b""


@pytest.mark.parametrize("length", [None, 5000])
@pytest.mark.parametrize(
    ("etag", "last_modified"),
    [
        ('W/"v1"', "Mon, 02 Mar 2026 12:00:00 GMT"),
        ('"v1"', None),
        (None, "Mon, 02 Mar 2026 12:00:00 GMT"),
    ],
)
def test_what_has_not_changed_is_not_sent_again(
    etag: str | None,
    last_modified: str | None,
    length: int | None,
    upstream: Upstream,
    ask: Callable[..., Asker],
) -> None:
    """The marks of the last answer are sent as they came, and a 304 is an answer without body."""
    upstream.always("/a", Play(status=304, length=length))  # the length it would have had
    asker = ask()
    answer = asker.get(f"{upstream.url}/a", etag, last_modified)
    assert (answer.status, answer.unchanged, answer.whole()) == (304, True, b"")
    assert upstream.headers[0].get("if-none-match") == etag
    assert upstream.headers[0].get("if-modified-since") == last_modified
    assert len(upstream.asked) == 1
    assert asker.waits == []


def test_a_mark_that_cannot_be_sent_back_is_left_out(
    upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """Letters outside ASCII in an upstream's ETag cost the saving, not the run."""
    upstream.always("/a", Play(body=BODY, headers={"ETag": '"\xe9"', "Last-Modified": "M\xe4rz"}))
    asker = ask()
    first = asker.get(f"{upstream.url}/a")
    assert first.etag
    assert asker.get(f"{upstream.url}/a", first.etag, first.last_modified).whole() == BODY
    assert not {"if-none-match", "if-modified-since"} & upstream.headers[1].keys()


def test_a_status_that_the_source_reads_is_an_answer(
    upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """Also one that would be tried again, or refused, for others."""
    asker = ask()
    for status in (400, 503):
        upstream.next("/a", Play(status=status, body=BODY, headers={"Retry-After": "9"}))
        answer = asker.get(f"{upstream.url}/a", statuses=(400, 503))
        assert (answer.status, answer.whole()) == (status, BODY)
        assert not answer.unchanged
    assert asker.waits == []


# What is tried again


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(
    status: int, upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """Two failures and a good answer are a good answer, after longer and longer waits."""
    upstream.next("/a", Play(status=status), Play(status=status))
    upstream.always("/a", Play(body=BODY))
    asker = ask()
    assert asker.get(f"{upstream.url}/a").whole() == BODY
    assert asker.waits == [0.75, 1.5]
    assert len(upstream.asked) == 3


def test_what_does_not_pass_is_told_with_its_tries(
    upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """The error names the place, the status, the upstream's words and how often it was tried."""
    upstream.always("/a", Play(status=500, kind="text/plain", body=b"out of\r\n  cheese"))
    asker = ask(tries=4)
    with pytest.raises(SourceError) as told:
        asker.get(f"{upstream.url}/a")
    place = f"{upstream.url}/a"
    assert str(told.value) == (
        f"{place}: answered 500 Internal Server Error: out of cheese (4 tries)."
    )
    assert told.value.where == place
    assert asker.waits == [0.75, 1.5, 3]
    assert len(upstream.asked) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 501])
def test_what_does_not_pass_by_itself_is_asked_once(
    status: int, upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """Another try would get the same answer, whatever Retry-After says."""
    upstream.always("/a", Play(status=status, headers={"Retry-After": "1"}))
    asker = ask()
    with pytest.raises(SourceError, match=rf"answered {status} [A-Z][A-Za-z ]+\.$"):
        asker.get(f"{upstream.url}/a")
    assert len(upstream.asked) == 1
    assert asker.waits == []


@pytest.mark.parametrize("status", [300, 304, 305, 599])
def test_an_odd_status_is_told(status: int, upstream: Upstream, ask: Callable[..., Asker]) -> None:
    """Statuses that are no answer, no redirect and no known error end the try, not the program."""
    upstream.always("/a", Play(status=status, body=b""))
    if status == 304:  # unasked, but what it means is plain
        assert ask().get(f"{upstream.url}/a").unchanged
    else:
        with pytest.raises(SourceError, match=f"answered {status}"):
            ask().get(f"{upstream.url}/a")
    assert len(upstream.asked) == 1


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("application/json", b'{"error": "no such \x1b[31mpage"}', '{"error": "no such [31mpage"}'),
        ("text/plain", b"r\xe9sum\xe9", "r\ufffdsum\ufffd"),
        ("text/plain", b"a" * 5000, "a" * 200),
        ("text/plain", b"", None),
        ("text/html; charset=utf-8", b"<h1>Not found</h1>", None),
    ],
)
def test_an_upstreams_words_are_told_and_cannot_steer_a_terminal(
    kind: str, body: bytes, words: str | None, upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """A short line of what it said, printable; of a page, nothing."""
    upstream.always("/a", Play(status=404, kind=kind, body=body))
    with pytest.raises(SourceError) as told:
        ask().get(f"{upstream.url}/a")
    said = f": {words}" if words else ""
    assert str(told.value) == f"{upstream.url}/a: answered 404 Not Found{said}."


def test_seconds_that_are_asked_for_are_waited(
    upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """A busy upstream's Retry-After is kept to the second."""
    upstream.next("/a", Play(status=429, headers={"Retry-After": "7"}))
    upstream.always("/a", Play(body=BODY))
    asker = ask()
    assert asker.get(f"{upstream.url}/a").whole() == BODY
    assert asker.waits == [7]


def test_a_date_that_is_asked_for_is_waited(upstream: Upstream, ask: Callable[..., Asker]) -> None:
    """Retry-After as a date counts from now (RFC 9110 10.2.3)."""
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)
    upstream.next("/a", Play(status=503, headers={"Retry-After": then}))
    upstream.always("/a", Play(body=BODY))
    asker = ask()
    assert asker.get(f"{upstream.url}/a").whole() == BODY
    assert len(asker.waits) == 1
    assert 10 < asker.waits[0] <= 50


def test_a_wait_that_is_too_long_is_left_to_the_operator(
    upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """Nobody sleeps an hour; the error says when to come back."""
    upstream.always("/a", Play(status=429, headers={"Retry-After": "3600"}))
    asker = ask()
    with pytest.raises(
        SourceError, match=r"429 Too Many Requests\. It asked to come back in 60 minutes\.$"
    ):
        asker.get(f"{upstream.url}/a")
    assert asker.waits == []
    assert len(upstream.asked) == 1


# Time


def test_silence_is_given_up(upstream: Upstream, ask: Callable[..., Asker]) -> None:
    """An upstream that takes the request and says nothing is tried again when the time is up."""
    upstream.next("/a", Play(body=BODY, wait=1.5))
    upstream.always("/a", Play(body=BODY))
    asker = ask(read=0.3)
    assert asker.get(f"{upstream.url}/a").whole() == BODY
    assert asker.waits == [0.75]


def test_silence_that_stays_is_told(upstream: Upstream, ask: Callable[..., Asker]) -> None:
    """The error says that time was up, and how often."""
    upstream.always("/a", Play(body=BODY, wait=1.5))
    with pytest.raises(SourceError, match=r"no answer in time \(2 tries\)\.$"):
        ask(read=0.2, tries=2).get(f"{upstream.url}/a")


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_a_body_that_drips_is_given_up(
    headers: Mapping[str, str], upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """Bytes that keep coming, each in time, do not add up to more than the total."""
    noise = gzip.compress(os.urandom(3000)) if headers else b"x" * 3000
    upstream.always("/a", Play(body=noise, drip=0.02, headers=headers))  # a minute in all
    begun = time.monotonic()
    with pytest.raises(SourceError, match="no whole answer in 0.5 seconds"):
        ask(total=0.5, tries=1).get(f"{upstream.url}/a")
    assert time.monotonic() - begun < 15


def test_a_pause_in_the_body_is_bounded_by_the_total(
    upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """Waiting for a byte ends with the total, however long a silence is allowed."""
    upstream.always("/a", Play(body=BODY, wait=20))
    begun = time.monotonic()
    with pytest.raises(SourceError, match="no whole answer in"):
        ask(total=0.3, read=600, tries=1).get(f"{upstream.url}/a")
    assert time.monotonic() - begun < 15


def test_waiting_for_the_turn_is_not_waiting_for_the_answer(
    upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """The time of an answer begins when it is asked for."""

    class Queue:
        @contextmanager
        def turn(self, group: str, pause: float) -> Iterator[None]:
            time.sleep(0.8)
            yield

    upstream.always("/a", Play(body=BODY))
    asker = ask(Queue(), total=0.5, tries=1)
    manners = Manners(group="slow", pause=1)
    assert asker.get(f"{upstream.url}/a", manners=manners).whole() == BODY


# Lengths, and answers that break off


@pytest.mark.parametrize("cut", [0, 1, len(BODY) - 1])
def test_a_cut_answer_is_tried_again(
    cut: int, upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """Fewer bytes than the length that was told are no answer, even if they could be read."""
    upstream.next("/a", Play(body=BODY, cut=cut))
    upstream.always("/a", Play(body=BODY))
    asker = ask()
    assert asker.get(f"{upstream.url}/a").whole() == BODY
    assert asker.waits == [0.75]


def test_a_length_that_is_never_reached_is_told(
    upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """An upstream that always promises more than it sends is told as such."""
    upstream.always("/a", Play(body=BODY, length=len(BODY) + 1))
    with pytest.raises(SourceError, match=r"the answer broke off: .* \(2 tries\)\.$"):
        ask(tries=2).get(f"{upstream.url}/a")


def test_a_length_ends_the_answer(upstream: Upstream, ask: Callable[..., Asker]) -> None:
    """Bytes after it belong to nothing (RFC 9112 6.3), least of all to the next answer."""
    upstream.next("/a", Play(body=BODY + b"HTTP/1.1 200 OK\r\n\r\nforged", length=len(BODY)))
    upstream.always("/b", Play(body=b"the next"))
    asker = ask()
    assert asker.get(f"{upstream.url}/a").whole() == BODY
    assert asker.get(f"{upstream.url}/b").whole() == b"the next"
    assert asker.waits == []


@pytest.mark.parametrize(
    "greeting", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 two hundred\r\n\r\n", b"\x00\xff" * 50]
)
def test_what_does_not_speak_http_is_told(greeting: bytes, ask: Callable[..., Asker]) -> None:
    """Another protocol behind the port is an answer that broke off, not a crash."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        asker = ask(tries=1)

        def talk() -> None:
            line, _ = server.accept()
            with line:
                line.recv(4096)
                line.sendall(greeting)

        talking = Thread(target=talk)
        talking.start()
        with pytest.raises(SourceError, match="the answer broke off"):
            asker.get(f"http://127.0.0.1:{server.getsockname()[1]}/")
        talking.join(10)


# Size and packing


@pytest.mark.parametrize(("size", "fits"), [(MIB, True), (MIB + 1, False), (3 * MIB, False)])
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_large_answer_is_refused(
    is_packed: bool, size: int, fits: bool, upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """The limit is on the bytes once unpacked, to the byte; nobody asks twice for too much."""
    body = os.urandom(size)
    upstream.always("/a", packed(body) if is_packed else Play(body=body))
    asker = ask(largest=MIB)
    if fits:
        assert asker.get(f"{upstream.url}/a").whole() == body
    else:
        with pytest.raises(SourceError, match=r"larger than 1 MiB\.$"):
            asker.get(f"{upstream.url}/a")
    assert len(upstream.asked) == 1


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        (" GZIP ", gzip.compress),
        ("deflate", zlib.compress),
        ("identity", bytes),
        ("gzip", lambda body: gzip.compress(body[:5]) + gzip.compress(body[5:])),
        ("gzip", lambda body: gzip.compress(b"") * 5000 + gzip.compress(body)),
    ],
    ids=["gzip", "x-gzip", "capitals", "deflate", "identity", "two members", "many members"],
)
def test_a_packed_answer_is_unpacked(
    coding: str,
    pack: Callable[[bytes], bytes],
    upstream: Upstream,
    ask: Callable[..., Asker],
) -> None:
    """Whatever is made of gzip or zlib comes out as it went in, in several members too."""
    upstream.always("/a", Play(body=pack(BODY), headers={"Content-Encoding": coding}))
    assert ask().get(f"{upstream.url}/a").whole() == BODY


PACKED = gzip.compress(b"a" * 100 + BODY, mtime=0)


@pytest.mark.parametrize(
    "broken",
    [
        PACKED[:-1],
        PACKED[:-8],
        PACKED[:5],
        b"",
        b"not packed at all",
        PACKED[:12] + b"\xff" * 8 + PACKED[20:],
        PACKED[:-8] + b"\0" * 8,  # a wrong checksum
        PACKED + PACKED[:-1],
        PACKED + b"and more",
    ],
    ids=[
        "a byte short",
        "no checksum",
        "half a header",
        "empty",
        "not packed",
        "wrong in the middle",
        "wrong checksum",
        "a second member that is cut",
        "more than was packed",
    ],
)
def test_a_packed_answer_that_is_broken_is_tried_again(
    broken: bytes, upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """Half of what was packed is never taken for the whole."""
    upstream.next("/a", Play(body=broken, headers={"Content-Encoding": "gzip"}))
    upstream.always("/a", packed(BODY))
    asker = ask()
    assert asker.get(f"{upstream.url}/a").whole() == BODY
    assert asker.waits == [0.75]


@pytest.mark.parametrize(
    ("broken", "words"), [(PACKED[:-1], "is cut"), (b"not packed", "is broken")]
)
def test_a_packed_answer_that_stays_broken_is_told(
    broken: bytes, words: str, upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """The error says that the packing is at fault."""
    upstream.always("/a", Play(body=broken, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SourceError, match=rf"the packed answer {words} \(2 tries\)\.$"):
        ask(tries=2).get(f"{upstream.url}/a")


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "x" * 500])
def test_a_packing_that_was_not_asked_for_is_refused(
    coding: str, upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """Its name is told, in short."""
    upstream.always("/a", Play(body=BODY, headers={"Content-Encoding": coding}))
    with pytest.raises(SourceError, match=f"packed as '{coding[:20]}', unasked") as told:
        ask().get(f"{upstream.url}/a")
    assert len(str(told.value)) < 200


def _bomb() -> bytes:
    """200 MiB of zeros."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(200)) + packer.flush()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_bomb, r"larger than 1 MiB\.$"),
        (lambda: PACKED + bytes(60 * MIB), "is broken"),
        (lambda: gzip.compress(b"") + b"\x1f\x8b\x08\x08" + b"n" * (60 * MIB), "is cut"),
        (lambda: PACKED[:10] + b"\0\0\0\xff\xff" * (2 * MIB), "is cut"),
    ],
    ids=["zeros", "what follows the end", "a name without end", "blocks of nothing"],
)
def test_a_bomb_does_not_go_off(
    make: Callable[[], bytes], words: str, upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """However little or much is sent, no more is held than the limit and a few buffers."""
    upstream.always("/a", Play(body=make(), headers={"Content-Encoding": "gzip"}))
    asker = ask(largest=MIB, tries=1, total=120)
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match=words):
            asker.get(f"{upstream.url}/a")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 16 * MIB


def test_an_error_with_a_bomb_is_refused_too(upstream: Upstream, ask: Callable[..., Asker]) -> None:
    """The words of an error are bounded like an answer."""
    upstream.always("/a", Play(status=500, body=_bomb(), headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SourceError, match="larger than 1 MiB"):
        ask(largest=MIB).get(f"{upstream.url}/a")
    assert len(upstream.asked) == 1


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(status: int, upstream: Upstream, ask: Callable[..., Asker]) -> None:
    """The answer bears the address that was asked for, and the marks are sent along."""
    upstream.always("/a", to("b/c?d=e", status))
    upstream.always("/b/c", Play(body=BODY))
    answer = ask().get(f"{upstream.url}/a", '"v1"')
    assert answer.whole() == BODY
    assert answer.where == f"{upstream.url}/a"
    assert upstream.asked == ["/a", "/b/c?d=e"]
    assert upstream.headers[1]["if-none-match"] == '"v1"'


def test_a_redirect_without_a_place_is_told(upstream: Upstream, ask: Callable[..., Asker]) -> None:
    """It leads nowhere, and is not asked again."""
    upstream.always("/a", Play(status=302))
    with pytest.raises(SourceError, match=r"answered 302 Found\.$"):
        ask().get(f"{upstream.url}/a")
    assert len(upstream.asked) == 1


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("file:///etc/passwd", "leads to file:"),
        ("ftp://127.0.0.1/a", "leads to ftp:"),
        ("javascript:alert(1)", "no address that can be asked"),
        ("data:application/json,[]", "no address that can be asked"),
        ("gopher://127.0.0.1:6379/_INFO", "leads to gopher:"),
        ("unix:/run/docker.sock", "leads to unix:"),
        ("http://[::1", "Invalid port"),
        ("http://127.0.0.1:port/", "Invalid port"),
        ("http://127.0.0.1:-1/", "no address that can be asked"),
        ("http://127.0.0.1:65616/", "no address that can be asked"),
        ("http://0177.0.0.1/", "Invalid IPv4 address"),
        ("http://xn--a/", "no address that can be asked"),
        ("http://a..b/", "no address that can be asked"),
        (f"http://{'a' * 64}.test/", "no address that can be asked"),
        ("http://\u2488.test/".encode().decode("latin-1"), "Invalid IDNA hostname"),
    ],
)
@pytest.mark.parametrize("allow_private", [False, True])
def test_a_redirect_to_anything_else_is_refused(
    allow_private: bool, target: str, words: str, upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """No file is read and no other protocol spoken; the error names what was asked for."""
    upstream.always("/a", to(target))
    with pytest.raises(SourceError, match=words) as told:
        ask(allow_private=allow_private, tries=1).get(f"{upstream.url}/a")
    assert told.value.where == f"{upstream.url}/a"
    assert len(upstream.asked) == 1


PRIVATE = [
    "localhost",
    "LOCALHOST",
    "a.localhost",
    "127.0.0.1",
    "127.8.8.8",
    "127.1",
    "0x7f000001",
    "0x7f.1",
    "2130706433",
    "0.0.0.0",
    "0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fec0::1]",
    "[fd00::1]",
    "[ff02::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a00:1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a00:1]",
    "[2002:7f00:1::1]",
    "[2002:c0a8:101::]",
    "[2001:db8::1]",
]


@pytest.mark.parametrize("by_proxy", [False, True])
@pytest.mark.parametrize("host", PRIVATE)
def test_a_redirect_to_a_private_address_is_refused(
    host: str,
    by_proxy: bool,
    upstream: Upstream,
    other: Upstream,
    ask: Callable[..., Asker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However the address is written or wrapped, and whoever would connect, nobody does."""
    if by_proxy:
        monkeypatch.setenv("http_proxy", other.url)
        monkeypatch.setenv("no_proxy", f"127.0.0.1:{port_of(upstream)}")
    upstream.always("/a", to(f"http://{host}:{port_of(other)}/x"))
    asker = ask()
    with pytest.raises(SourceError, match=r"redirects to the private address .*allow_private"):
        asker.get(f"{upstream.url}/a")
    assert upstream.asked == ["/a"]
    assert other.asked == []
    assert asker.waits == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "0x7f000001"])
def test_a_private_address_may_be_allowed(
    host: str, upstream: Upstream, other: Upstream, ask: Callable[..., Asker]
) -> None:
    """A mirror at home is reached by whoever sets allow_private."""
    upstream.always("/a", to(f"http://{host}:{port_of(other)}/x"))
    assert ask(allow_private=True).get(f"{upstream.url}/a").whole() == b"theirs"
    assert other.asked == ["/x"]


@pytest.mark.parametrize("how", ["//127.0.0.1:{}/x", "\\\\127.0.0.1:{}/x", "HTTP://127.1:{}/x"])
def test_a_redirect_that_looks_like_a_path_is_no_way_around(
    how: str, upstream: Upstream, other: Upstream, ask: Callable[..., Asker]
) -> None:
    """It either stays where it was or is refused."""
    upstream.always("/a", to(how.format(port_of(other))))
    with pytest.raises(SourceError):
        ask().get(f"{upstream.url}/a")
    assert other.asked == []


@pytest.mark.parametrize("public_first", [False, True])
def test_a_name_with_one_private_address_is_refused(
    public_first: bool,
    names: dict[str, list[str]],
    upstream: Upstream,
    other: Upstream,
    ask: Callable[..., Asker],
) -> None:
    """Whichever of a name's addresses comes first."""
    found = [PUBLIC, "127.0.0.1"] if public_first else ["127.0.0.1", PUBLIC]
    names["mixed.test"] = found
    upstream.always("/a", to(f"http://mixed.test:{port_of(other)}/x"))
    with pytest.raises(SourceError, match=r"http://mixed\.test:\d+: .* address 127\.0\.0\.1;"):
        ask().get(f"{upstream.url}/a")
    assert other.asked == []


def test_a_name_that_only_some_can_spell_is_looked_up_as_it_is_connected_to(
    names: dict[str, list[str]], upstream: Upstream, other: Upstream, ask: Callable[..., Asker]
) -> None:
    """A name of IDNA 2008 that Python's older rules refuse is checked like any other."""
    names["xn--7cb7d.test"] = ["127.0.0.1"]
    upstream.always("/a", to(f"http://xn--7cb7d.test:{port_of(other)}/x"))
    with pytest.raises(SourceError, match=r"private address 127\.0\.0\.1"):
        ask().get(f"{upstream.url}/a")
    assert other.asked == []


def test_a_name_cannot_change_its_mind_after_it_was_checked(
    names: dict[str, list[str]], upstream: Upstream, other: Upstream, ask: Callable[..., Asker]
) -> None:
    """What is connected to is the address that was checked; the name goes into the Host header."""

    class Rebinding(list[str]):
        def __iter__(self) -> Iterator[str]:
            looked_up.append("again")
            return iter([PUBLIC] if len(looked_up) == 1 else ["127.0.0.1"])

    looked_up: list[str] = []
    names["rebound.test"] = Rebinding()
    upstream.always("/a", to(f"http://rebound.test:{port_of(other)}/x"))
    assert ask().get(f"{upstream.url}/a").whole() == b"theirs"
    assert names["connected"] == ["127.0.0.1", PUBLIC]
    assert looked_up == ["again"]
    assert other.headers[0]["host"] == f"rebound.test:{port_of(other)}"


def test_a_name_that_is_not_found_on_the_way_is_told(
    names: dict[str, list[str]], upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """The error names the host that the redirect led to."""
    upstream.always("/a", to("https://absent.test/x"))
    with pytest.raises(SourceError, match=r"^https://absent\.test: cannot be found: "):
        ask().get(f"{upstream.url}/a")


def test_every_step_of_a_redirect_is_checked(
    names: dict[str, list[str]], upstream: Upstream, other: Upstream, ask: Callable[..., Asker]
) -> None:
    """A public stranger may send us back to where we came from, and nowhere else at home."""
    names["stranger.test"] = [PUBLIC]
    upstream.always("/a", to(f"http://stranger.test:{port_of(other)}/b"))
    upstream.always("/c", Play(body=BODY))
    other.next("/b", to(f"{upstream.url}/c"), to(f"http://127.0.0.1:{port_of(other)}/x"))
    asker = ask()
    assert asker.get(f"{upstream.url}/a").whole() == BODY
    with pytest.raises(SourceError, match="private address"):
        asker.get(f"{upstream.url}/a")
    assert other.asked == ["/b", "/b"]


def test_redirects_in_a_circle_end(upstream: Upstream, ask: Callable[..., Asker]) -> None:
    """After some steps it is told, and not tried again."""
    upstream.always("/a", to("/b"))
    upstream.always("/b", to("/a"))
    asker = ask()
    with pytest.raises(SourceError, match=r"redirects in a circle\.$"):
        asker.get(f"{upstream.url}/a")
    assert len(upstream.asked) == MOST_REDIRECTS + 1
    assert asker.waits == []


def test_as_many_redirects_as_are_followed_lead_somewhere(
    upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """The limit itself is still a way."""
    for step in range(MOST_REDIRECTS):
        upstream.always(f"/{step}", to(f"/{step + 1}"))
    upstream.always(f"/{MOST_REDIRECTS}", Play(body=BODY))
    assert ask().get(f"{upstream.url}/0").whole() == BODY


# Logins


def test_a_login_is_sent_to_its_host_alone(
    names: dict[str, list[str]], upstream: Upstream, other: Upstream, ask: Callable[..., Asker]
) -> None:
    """Where a redirect leads elsewhere, the login stays behind."""
    names["stranger.test"] = [PUBLIC]
    upstream.always("/a", to("/b"))
    upstream.always("/b", to(f"//stranger.test:{port_of(other)}/x"))
    place = upstream.url.replace("://", "://ida:guess-me@")
    answer = ask().get(f"{place}/a")
    assert [one.get("authorization") for one in upstream.headers] == ["Basic aWRhOmd1ZXNzLW1l"] * 2
    assert "authorization" not in other.headers[0]
    assert answer.where == f"{upstream.url}/a"


@pytest.mark.parametrize("login", ["ida:guess-me", "guess-me", "ida:guess-me@more", ":guess-me"])
@pytest.mark.parametrize(
    "play",
    [
        Play(status=404),
        Play(status=500),
        Play(body=BODY, cut=1),
        Play(body=b"x" * 99),
        Play(body=BODY, headers={"Content-Encoding": "br"}),
        to("file:///"),
        to("http://[/"),
        to("/a"),
        to("http://10.0.0.1/"),
    ],
)
def test_a_login_is_shown_nowhere(
    play: Play, login: str, upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """No error holds what only the upstream should know."""
    upstream.always("/a", play)
    with pytest.raises(SourceError) as told:
        ask(tries=1, largest=50).get(f"{upstream.url.replace('://', f'://{login}@')}/a")
    shown = str(told.value) + told.value.where
    assert not any(secret in shown for secret in ("guess", "ida", "more", "@"))


@pytest.mark.parametrize("login", ["ida:gue/ss-me", "ida:guess#me", "ida:gu[ess"])
def test_a_login_that_breaks_its_address_is_shown_nowhere(
    login: str, upstream: Upstream, ask: Callable[..., Asker]
) -> None:
    """What cannot be read as an address may hold a login anywhere."""
    asker = ask(tries=1)
    with pytest.raises(SourceError) as told:
        asker.get(f"{upstream.url.replace('://', f'://{login}@')}/a")
    assert not any(secret in str(told.value) for secret in ("gue", "ss-", "#me", "da:"))


# Roads that are closed


def test_a_port_where_nobody_listens_is_told(ask: Callable[..., Asker]) -> None:
    """It may be a restart, so it is tried again."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # not listening
        asker = ask(tries=3)
        with pytest.raises(SourceError, match=r"no connection: .*refused \(3 tries\)\.$"):
            asker.get(f"http://127.0.0.1:{taken.getsockname()[1]}/")
        assert asker.waits == [0.75, 1.5]


def test_a_host_that_does_not_exist_is_told(ask: Callable[..., Asker]) -> None:
    """A misspelt name is an error of this source, after some tries."""
    with pytest.raises(SourceError, match=r"^http://upstream\.invalid/a: no connection: .*2 tries"):
        ask(tries=2, connect=5).get("http://upstream.invalid/a")


@pytest.mark.parametrize(
    "location", ["http://", "http://a..b/", "http://[::1/", "http://h:x/", "http://xn--a"]
)
def test_an_address_that_is_none_is_told(location: str, ask: Callable[..., Asker]) -> None:
    """What cannot be asked is not tried."""
    asker = ask()
    with pytest.raises(SourceError, match="no address that can be asked"):
        asker.get(location)
    assert asker.waits == []


# Proxies


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_proxy_of_the_environment_is_asked(
    scheme: str,
    variable: str,
    other: Upstream,
    ask: Callable[..., Asker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It gets the whole address (RFC 9112 3.2.2) of a host that only it can find."""
    monkeypatch.setenv(variable, scheme + other.url.removeprefix("http://"))
    assert ask().get("http://upstream.invalid/x?y=z").whole() == b"theirs"
    assert other.asked == ["http://upstream.invalid/x?y=z"]
    assert other.headers[0]["host"] == "upstream.invalid"


def test_a_proxy_for_https_is_asked_for_a_tunnel(
    ask: Callable[..., Asker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that grants none is told, with its words."""
    with Upstream() as proxy:  # it knows no CONNECT
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(SourceError, match="the connection failed: 501 .*CONNECT"):
            ask(tries=1).get("https://upstream.invalid/x")


@pytest.mark.parametrize(
    ("no_proxy", "asks_proxy"),
    [
        ("127.0.0.1", False),
        ("example.org, 127.0.0.1", False),
        ("*", False),
        ("127.0.0.1:{port}", False),
        ("127.0.0.1:1", True),
        ("example.org", True),
    ],
)
def test_a_host_may_be_exempt_from_the_proxy(
    no_proxy: str,
    asks_proxy: bool,
    upstream: Upstream,
    other: Upstream,
    ask: Callable[..., Asker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What no_proxy names, with its port or without, is asked directly."""
    monkeypatch.setenv("http_proxy", other.url)
    monkeypatch.setenv("no_proxy", no_proxy.format(port=port_of(upstream)))
    upstream.always("/x", Play(body=BODY))
    assert ask().get(f"{upstream.url}/x").whole() == (b"theirs" if asks_proxy else BODY)
    assert len(other.asked) == asks_proxy


def test_a_redirect_behind_a_proxy_is_left_to_it(
    upstream: Upstream,
    other: Upstream,
    ask: Callable[..., Asker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the proxy can look names up; it is asked by name."""
    monkeypatch.setenv("http_proxy", other.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    upstream.always("/a", to("http://mirror.invalid/x"))
    assert ask().get(f"{upstream.url}/a").whole() == b"theirs"
    assert other.asked == ["http://mirror.invalid/x"]


@pytest.mark.parametrize("no_proxy", ["{host}", "{host}:{port}", ".test", "*"])
def test_an_exempt_host_is_checked_like_any(
    no_proxy: str,
    names: dict[str, list[str]],
    upstream: Upstream,
    other: Upstream,
    ask: Callable[..., Asker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever goes past the proxy goes to a public address, the one that was checked."""
    names |= {"at-home.test": ["127.0.0.1"], "stranger.test": [PUBLIC]}
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # whom nobody should ask
    for host, private in (("at-home.test", True), ("stranger.test", False)):
        exempt = no_proxy.format(host=host, port=port_of(other))
        monkeypatch.setenv("no_proxy", f"127.0.0.1:{port_of(upstream)},{exempt}")
        if no_proxy == "*":
            monkeypatch.setenv("no_proxy", "*")
        upstream.next("/a", to(f"http://{host}:{port_of(other)}/x"))
        if private:
            with pytest.raises(SourceError, match="private address"):
                ask().get(f"{upstream.url}/a")
            assert other.asked == []
        else:
            assert ask().get(f"{upstream.url}/a").whole() == b"theirs"


@pytest.mark.parametrize("no_proxy", ["127.0.0.1,*", "127.0.0.1,http://at-home.test"])
def test_readings_of_no_proxy_do_not_open_a_door(
    no_proxy: str,
    names: dict[str, list[str]],
    upstream: Upstream,
    other: Upstream,
    ask: Callable[..., Asker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is checked as the proxy's is asked of the proxy, however others might read it."""
    names["at-home.test"] = ["127.0.0.1"]
    with Upstream() as proxy:
        proxy.always("/x", Play(body=b"by proxy"))
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", no_proxy)
        upstream.always("/a", to(f"http://at-home.test:{port_of(other)}/x"))
        assert ask().get(f"{upstream.url}/a").whole() == b"by proxy"
    assert other.asked == []


@pytest.mark.parametrize("proxy", ["ftp://ida:guess-me@127.0.0.1:9", "http://127.0.0.1:nine"])
def test_a_proxy_that_cannot_be_used_is_told(
    proxy: str, ask: Callable[..., Asker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the environment's mistake, and no try is made without it."""
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(SourceError, match="proxy that the environment names") as told:
        ask().get("http://upstream.invalid/x")
    assert "guess-me" not in str(told.value)


# TLS


@contextmanager
def _tls(names: list[str], authority: trustme.CA) -> Iterator[tuple[Upstream, list[str | None]]]:
    """An upstream behind TLS, and the names that it was asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    told: list[str | None] = []
    context.sni_callback = lambda _line, name, _context: told.append(name)
    upstream = Upstream()
    upstream._server.socket = context.wrap_socket(upstream._server.socket, server_side=True)
    upstream.always("/x", Play(body=b"theirs"))
    with upstream:
        yield upstream, told


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """Whom the environment says to trust."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


def test_a_certificate_nobody_vouches_for_is_refused(ask: Callable[..., Asker]) -> None:
    """A server that signed for itself gets no request, and the error says why."""
    with _tls(["127.0.0.1"], trustme.CA()) as (upstream, _):
        place = f"https://127.0.0.1:{port_of(upstream)}/x"
        with pytest.raises(SourceError, match="no connection: .*certificate verify failed"):
            ask(tries=1).get(place)
        assert upstream.asked == []


def test_an_authority_of_the_environment_is_trusted(
    authority: trustme.CA, ask: Callable[..., Asker]
) -> None:
    """SSL_CERT_FILE adds those of a house, but not for another name."""
    with _tls(["127.0.0.1"], authority) as (upstream, _):
        asker = ask(tries=1)
        assert asker.get(f"https://127.0.0.1:{port_of(upstream)}/x").whole() == b"theirs"
        with pytest.raises(SourceError, match="certificate verify failed: .*localhost"):
            asker.get(f"https://localhost:{port_of(upstream)}/x")
    assert len(upstream.asked) == 1


def test_a_redirect_is_checked_against_the_certificate_of_its_name(
    authority: trustme.CA,
    names: dict[str, list[str]],
    upstream: Upstream,
    ask: Callable[..., Asker],
) -> None:
    """The address that was connected to has to prove the name, each name anew."""
    names |= {"first.test": [PUBLIC], "second.test": [PUBLIC]}
    with _tls(["first.test"], authority) as (other, told):
        asker = ask(tries=1)
        upstream.next("/a", to(f"https://first.test:{port_of(other)}/x"))
        assert asker.get(f"{upstream.url}/a").whole() == b"theirs"
        upstream.next("/a", to(f"https://second.test:{port_of(other)}/x"))
        with pytest.raises(SourceError, match="certificate verify failed: .*second.test"):
            asker.get(f"{upstream.url}/a")
    assert told == ["first.test", "second.test"]
    assert len(other.asked) == 1


# Turns


class Noted:
    """Turns that come at once and are noted."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, float]] = []
        self.held = 0

    @contextmanager
    def turn(self, group: str, pause: float) -> Iterator[None]:
        self.taken.append((group, pause))
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1


@pytest.mark.parametrize(
    ("host", "manners", "taken"),
    [
        ("export.arxiv.org", None, ("arxiv", 3)),
        ("arxiv.org", None, ("arxiv", 3)),
        ("RSS.arXiv.org", None, ("arxiv", 3)),
        ("export.arxiv.org.", None, ("arxiv", 3)),
        ("export.arxiv.org:80", None, ("arxiv", 3)),
        ("ida@export.arxiv.org", None, ("arxiv", 3)),
        ("export.arxiv.org", Manners(group="arxiv", pause=5), ("arxiv", 5)),
        ("export.arxiv.org", Manners(group="mine", pause=0), ("arxiv", 3)),
        ("mirror.invalid", Manners(group="arxiv", pause=0.5), ("arxiv", 0.5)),
        ("notarxiv.org", Manners(group="mine", pause=1), ("mine", 1)),
        ("notarxiv.org", None, None),
        ("arxiv.org.evil.invalid", None, None),
        ("arxiv-org.invalid", None, None),
    ],
)
def test_arxiv_is_asked_in_turn_by_whoever_asks(
    host: str,
    manners: Manners | None,
    taken: tuple[str, float] | None,
    other: Upstream,
    ask: Callable[..., Asker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its hosts share one turn of three seconds or more; other hosts are asked as a source says."""
    monkeypatch.setenv("http_proxy", other.url)  # nothing leaves this machine
    turns = Noted()
    ask(turns).get(f"http://{host}/x", manners=manners)
    assert turns.taken == ([taken] if taken else [])
    assert len(other.asked) == 1


def test_every_request_is_a_turn_of_its_own(
    other: Upstream, ask: Callable[..., Asker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tries and redirects take new ones, never two at once, and hold one while they ask."""
    monkeypatch.setenv("http_proxy", other.url)
    turns = Noted()
    held: list[int] = []

    def answering(_path: str, _query: Query) -> Play:
        held.append(turns.held)
        return [Play(status=503), to("http://arxiv.org/x"), Play(body=BODY)][len(held) - 1]

    other.always("/a", answering)
    other.always("/x", answering)
    assert ask(turns).get("http://export.arxiv.org/a").whole() == BODY
    assert turns.taken == [("arxiv", 3)] * 3
    assert held == [1, 1, 1]
    assert turns.held == 0


def test_a_stranger_who_leads_to_arxiv_waits_for_its_turn(
    other: Upstream, ask: Callable[..., Asker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the host that is asked that counts."""
    monkeypatch.setenv("http_proxy", other.url)
    turns = Noted()
    other.always("/a", to("http://export.arxiv.org/x"))
    ask(turns).get("http://stranger.invalid/a", manners=Manners(group="theirs", pause=1))
    assert turns.taken == [("theirs", 1), ("arxiv", 3)]


def test_an_answer_whose_head_drips_is_given_up(ask: Callable[..., Asker]) -> None:
    """A header that never ends is not waited for longer than for a whole answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            with suppress(OSError):
                line, _ = server.accept()
                with line:
                    line.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
                    for _ in range(600):
                        line.sendall(b"x")
                        time.sleep(0.05)

        Thread(target=drip, daemon=True).start()
        begun = time.monotonic()
        with pytest.raises(SourceError, match="no whole answer in 0.5 seconds"):
            ask(total=0.5, tries=1).get(f"http://127.0.0.1:{server.getsockname()[1]}/")
        assert time.monotonic() - begun < 15
