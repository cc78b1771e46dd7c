"""The resolver against a real DNS server on loopback that answers, lies, fails or says nothing."""

from __future__ import annotations

from time import monotonic

import pytest

from newsletter.doctor import spf
from newsletter.doctor.answers import Answer, Kind, Reply
from newsletter.doctor.findings import State
from newsletter.doctor.resolver import Resolver
from tests.dns_server import NONSENSE, OTHERS, SERVFAIL, SILENT, DnsServer, txt

HOME = "paperlab.io"
ZONE = {
    (HOME, "TXT"): [txt("v=spf1 mx -all"), txt("x" * 600)],
    (HOME, "MX"): ["20 b.paperlab.io.", "10 a.paperlab.io."],
    (HOME, "A"): ["192.0.2.1"],
    (HOME, "AAAA"): ["2001:db8::1"],
    ("1.2.0.192.in-addr.arpa", "PTR"): ["out.paperlab.io."],
    ("null.io", "MX"): ["0 ."],
    ("huge.io", "TXT"): [txt("v=spf1 " + "ip4:192.0.2.1 " * 3000 + "-all")],
    ("loud.io", "TXT"): [r'"\000\027[2J\255"'],
}


def resolver(server: DnsServer, seconds: float = 5) -> Resolver:
    return Resolver(["127.0.0.1"], server.port, seconds)


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        (HOME, Kind.TXT, {"v=spf1 mx -all", "x" * 600}),
        (HOME, Kind.MX, {"20 b.paperlab.io", "10 a.paperlab.io"}),
        (HOME, Kind.A, {"192.0.2.1"}),
        (HOME, Kind.AAAA, {"2001:db8::1"}),
        ("1.2.0.192.in-addr.arpa", Kind.PTR, {"out.paperlab.io"}),
        ("null.io", Kind.MX, {"0 "}),
        ("loud.io", Kind.TXT, {"\x00\x1b[2J\\xff"}),
    ],
)
def test_every_type_is_told_as_text(name: str, kind: Kind, values: set[str]) -> None:
    """Strings joined, names without their last dot, octets that are no ASCII spelled out."""
    with DnsServer(ZONE) as server:
        answer = resolver(server)(name, kind)
    assert (answer.reply, set(answer.values)) == (Reply.FOUND, values)


def test_nothing_and_no_name_are_told_apart() -> None:
    """NOERROR without records, NXDOMAIN, and names that cannot be are all empty, not unknown."""
    with DnsServer(ZONE) as server:
        ask = resolver(server)
        assert ask("null.io", Kind.A).reply is Reply.NOTHING
        assert ask("gone.io", Kind.A).reply is Reply.NO_NAME
        for name in ("x" * 64 + ".io", "a..io", "x." * 130 + "io", "-.%{i}"):
            assert ask(name, Kind.A).reply is Reply.NO_NAME


def test_an_answer_too_long_for_a_packet_comes_over_tcp() -> None:
    """Truncated over UDP, whole over TCP (RFC 7766), and judged in no time."""
    begun = monotonic()
    with DnsServer(ZONE) as server:
        found = list(spf.check("huge.io", resolver(server)))
        assert server.by_tcp == 1
    assert [one.state for one in found] == [State.OK]
    assert monotonic() - begun < 2


def test_a_question_is_asked_once() -> None:
    """Whatever its case or last dot."""
    with DnsServer(ZONE) as server:
        ask = resolver(server)
        answers = {ask(name, Kind.A) for name in (HOME, HOME.upper(), f"{HOME}.")}
        assert len(answers) == 1
        assert server.asked == {(HOME, "A"): 1}


@pytest.mark.parametrize("behaviour", [SERVFAIL, NONSENSE, OTHERS, SILENT])
def test_what_cannot_be_asked_is_unknown(behaviour: str) -> None:
    """A server that fails, lies or is silent says nothing of the record, and raises nothing."""
    begun = monotonic()
    with DnsServer(ZONE, {HOME: behaviour}) as server:
        ask = resolver(server)
        assert ask("null.io", Kind.MX).reply is Reply.FOUND
        answer = ask(HOME, Kind.TXT)
        assert ask("gone.io", Kind.A).reply is Reply.NO_NAME
    assert answer.reply is Reply.UNKNOWN
    assert answer.why
    assert monotonic() - begun < 4


def test_a_server_that_is_away_is_waited_for_once() -> None:
    """If the first question has no answer, no other is asked: two seconds, not a minute."""
    begun = monotonic()
    with DnsServer(ZONE, {"*": SILENT}) as server:
        ask = resolver(server)
        answers = [ask(f"{number}.io", Kind.A) for number in range(50)]
        assert len(server.asked) == 1
    assert {one.reply for one in answers} == {Reply.UNKNOWN}
    assert monotonic() - begun < 4


def test_all_questions_together_are_bounded() -> None:
    """However many names are slow, the time for all of them ends."""
    slow = {f"{number}.io": SILENT for number in range(50)}
    begun = monotonic()
    with DnsServer(ZONE, slow) as server:
        ask = resolver(server, 1)
        assert ask(HOME, Kind.A).reply is Reply.FOUND
        answers = [ask(name, Kind.A) for name in slow]
    assert {one.reply for one in answers} == {Reply.UNKNOWN}
    assert "doctor.seconds" in answers[-1].why
    assert monotonic() - begun < 3


def test_no_server_at_all_is_unknown() -> None:
    """A closed port is no traceback."""
    with DnsServer(ZONE) as server:
        port = server.port
    answer: Answer = Resolver(["127.0.0.1"], port)(HOME, Kind.A)
    assert answer.reply is Reply.UNKNOWN
