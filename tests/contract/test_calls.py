"""How webhooks are called: where to, for how long, and what of the answer is believed."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from newsletter import calls
from newsletter.calls import LONGEST_BODY, Caller
from newsletter.webhooks import LONGEST_ANSWER, Answered
from tests.receiver import Receiver, Reply

PUBLIC = "93.184.215.14"  # no packet goes there
AUTHORITY = trustme.CA()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A table of names in place of the machine's; who is not in it cannot be found."""
    table: dict[str, list[str]] = {}

    def found(host: Any, port: Any, *rest: Any, **flags: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name[0].isdigit():  # as httpx asks for an address that was checked
            return look_up(name, port, *rest, **flags)
        if name not in table:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in table[name]]

    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", found)
    return table


def post(url: str, *, private: bool = True, seconds: float = 5) -> Answered:
    return Caller("test/1", allow_private=private, seconds=seconds).post(url, {"x": "1"}, b"{}")


def secure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> ssl.SSLContext:
    """A server's side for a name, by an authority that is trusted from now on."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("url", "private", "words"),
    [
        ("https://hooks.example.org/a?b=c", False, None),
        (f"https://{PUBLIC}/", False, None),
        ("https://127.0.0.1:8080/", True, None),
        ("https://10.0.0.1/", True, None),
        ("http://127.0.0.1:8080/", True, None),
        ("http://localhost/", True, None),
        ("http://[::1]/", True, None),
        ("", True, "must be an https address"),
        ("hooks.example.org", True, "must be an https address"),
        ("ftp://hooks.example.org", True, "must be an https address"),
        ("https://asa:word@hooks.example.org", True, "without a login"),
        ("https://hooks.example.org/#part", True, "or a fragment"),
        ("https:///path", True, "must be an https address"),
        ("https://hooks.example.org:0/", True, "must be an https address"),
        ("https://hooks.example.org:99999/", True, "must be an https address"),
        ("http://hooks.example.org/", True, "must begin with https://"),
        ("http://10.0.0.1/", True, "must begin with https://"),
        ("http://127.0.0.1/", False, "webhooks.allow_private = true would allow it"),
        ("https://127.0.0.1/", False, "private address 127.0.0.1; webhooks.allow_private"),
        ("https://localhost/", False, "private address 127.0.0.1"),
        ("https://a.localhost./", False, "private address 127.0.0.1"),
        ("https://10.0.0.1/", False, "private address 10.0.0.1"),
        ("https://169.254.169.254/latest", False, "private address 169.254.169.254"),
        ("https://[::1]/", False, "private address ::1"),
        ("https://[::ffff:10.0.0.1]/", False, "private address"),
        ("https://[fd00::1]/", False, "private address fd00::1"),
    ],
)
def test_where_a_webhook_can_be(url: str, private: bool, words: str | None) -> None:
    """At https, and at no private address unless the settings say so."""
    told = calls.problem(url, allow_private=private)
    assert told is None if words is None else words in str(told)
    if told is not None:
        assert post(url, private=private) == Answered(status=None, words=told)


@pytest.mark.parametrize("addresses", [["10.0.0.1"], [PUBLIC, "127.0.0.1"], ["169.254.169.254"]])
def test_a_name_that_leads_to_a_private_address_is_not_asked(
    receiver: Receiver, names: dict[str, list[str]], addresses: list[str]
) -> None:
    """Whatever else it leads to; one that leads nowhere is told too."""
    names["hooks.example.org"] = addresses
    answered = post(f"https://hooks.example.org:{receiver.port}/", private=False)
    assert answered.status is None
    assert "private address" in answered.words
    assert "cannot be found: Name or service not known" in post("https://no.example.org/").words
    assert receiver.posts == []


def test_a_number_written_otherwise_is_no_way_in(receiver: Receiver) -> None:
    """What the system reads as an address is judged as one."""
    for host in ("2130706433", "0x7f.1", "127.1", "0177.0.0.1"):
        answered = post(f"https://{host}:{receiver.port}/", private=False)
        assert answered.status is None
    assert receiver.posts == []


def test_a_post_arrives_as_it_was_made(receiver: Receiver) -> None:
    """With its headers and body, to the host that was named, asking for nothing packed."""
    assert post(f"http://localhost:{receiver.port}/a?b=c") == Answered(
        status=204, words="204 No Content"
    )
    (came,) = receiver.posts
    assert (came.path, came.body, came.headers["x"]) == ("/a?b=c", b"{}", "1")
    assert came.headers["host"] == f"localhost:{receiver.port}"
    assert came.headers["user-agent"] == "test/1"
    assert came.headers["accept-encoding"] == "identity"


def test_an_answer_is_told_in_one_line(receiver: Receiver) -> None:
    """What a receiver says stays short, and commands no terminal; pages are not shown."""
    page = {"Content-Type": "text/html"}
    for reply, words in (
        (Reply(status=400, body=b"no\x1b[2J such\nfield"), "400 Bad Request: no[2J such field"),
        (Reply(status=500, body=b"<p>Oops", headers=page), "500 Internal Server Error"),
        (Reply(status=799, body=b"\xff"), "799: \N{REPLACEMENT CHARACTER}"),
    ):
        receiver.script = [reply]
        assert post(receiver.url).words == words
    receiver.script = [Reply(status=400, body=b"long " * 10**6)]
    assert len(post(receiver.url).words) <= LONGEST_ANSWER


def test_of_an_endless_answer_little_is_read(receiver: Receiver) -> None:
    """A status is an answer: what follows it is not waited for."""
    claimed = {"Content-Length": "99999999"}
    for length in (LONGEST_BODY, 3):
        receiver.script = [Reply(status=200, body=b"x" * length, headers=claimed)]
        assert post(receiver.url).is_taken


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    """Wherever it leads; the answer says so."""
    for status in (301, 302, 307, 308):
        receiver.script = [Reply(status=status, headers={"Location": receiver.url + "/there"})]
        answered = post(receiver.url)
        assert answered.status == status
        assert "redirects are not followed" in answered.words
    assert {one.path for one in receiver.posts} == {"/in"}


@pytest.mark.parametrize("reply", [Reply(wait=1.5), Reply(drip=0.1)], ids=["silent", "dripping"])
def test_who_is_slow_is_not_waited_for(receiver: Receiver, reply: Reply) -> None:
    """Silence, and a header that drips a byte at a time: the whole has its limit."""
    receiver.script = [reply]
    started = time.monotonic()
    answered = post(receiver.url, seconds=0.5)
    assert answered.status is None
    assert answered.words.startswith("no answer in")
    assert time.monotonic() - started < 1.4


def test_who_does_not_listen_is_told(receiver: Receiver) -> None:
    """Also where another address of the same name does: that one is tried next."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        answered = post(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert answered.status is None
    assert answered.words.startswith("no connection")


def test_another_address_is_tried_where_one_cannot_be_connected_to(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In order, with the certificate of the name that was asked for."""
    tls = secure(monkeypatch, tmp_path, "hooks.example.org")
    with Receiver(tls) as made:
        names["hooks.example.org"] = ["127.0.0.2", "127.0.0.1"]
        assert post(f"https://hooks.example.org:{made.port}/in").is_taken
        (came,) = made.posts
    assert came.headers["host"] == f"hooks.example.org:{made.port}"


def test_a_certificate_has_to_be_the_names(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another name's is refused, and so is one that nobody vouches for."""
    with Receiver(secure(monkeypatch, tmp_path, "hooks.example.org")) as made:
        names["other.example.org"] = names["hooks.example.org"] = ["127.0.0.1"]
        answered = post(f"https://other.example.org:{made.port}/in")
        assert answered.status is None
        assert "certificate" in answered.words
        monkeypatch.delenv("SSL_CERT_FILE")
        assert "certificate" in post(f"https://hooks.example.org:{made.port}/in").words
        assert made.posts == []


def test_no_proxy_is_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment names is for others: here addresses are checked."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert post(receiver.url).is_taken
