"""The doctor's checks of the sender's DNS, asked of a table instead of a server."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from newsletter.doctor import dkim_records, dmarc, hosts, sender, spf
from newsletter.doctor.answers import Answer, Kind, Reply, same_organisation
from newsletter.doctor.findings import Finding, State
from newsletter.doctor.sender import Sender

HOME = "paperlab.io"
KEY = "v=DKIM1; k=rsa; p=" + "QUJD" * 20
NAME = f"papers1._domainkey.{HOME}"

Table = Mapping[str, list[str]]  # records by "TYPE name"; "?" is a question without an answer


class Dns:
    """Answers from a table; names that are in it under another type are there without records."""

    def __init__(self, table: Table) -> None:
        self.asked: list[str] = []
        self._table = table
        self._names = {key.partition(" ")[2] for key in table}

    def __call__(self, name: str, kind: Kind) -> Answer:
        self.asked.append(f"{kind} {name}")
        values = self._table.get(f"{kind} {name.lower()}", [])
        if values == ["?"]:
            return Answer(reply=Reply.UNKNOWN, why="no server answered in time")
        if values:
            return Answer(reply=Reply.FOUND, values=tuple(values))
        return Answer(reply=Reply.NOTHING if name.lower() in self._names else Reply.NO_NAME)


def one(found: object) -> Finding:
    (finding,) = found  # type: ignore[misc]
    return finding


SPF: list[tuple[Table, State, str]] = [
    ({"TXT paperlab.io": ["v=spf1 ip4:192.0.2.1 ip6:2001:db8::/32 -all"]}, State.OK, "0 of 10"),
    ({"TXT paperlab.io": ["x=1", "V=SPF1 ~ALL"]}, State.OK, "~all"),
    ({"TXT paperlab.io": ["v=spf1"]}, State.WARNING, "no all"),
    ({"TXT paperlab.io": ["v=spf10 -all"]}, State.ERROR, "no SPF record"),
    ({}, State.ERROR, "no SPF record"),
    ({"TXT paperlab.io": ["v=spf1 -all", "v=spf1 ~all"]}, State.ERROR, "2 SPF records"),
    ({"TXT paperlab.io": ["v=spf1 +all"]}, State.ERROR, "anybody"),
    ({"TXT paperlab.io": ["v=spf1 all"]}, State.ERROR, "anybody"),
    ({"TXT paperlab.io": ["v=spf1 ?all"]}, State.WARNING, "forbids nobody"),
    ({"TXT paperlab.io": ["v=spf1 ip4:192.0.2.1 a:b.example mxx -all"]}, State.ERROR, "mxx"),
    ({"TXT paperlab.io": ["v=spf1 include -all"]}, State.ERROR, "without a domain"),
    ({"TXT paperlab.io": ["v=spf1 ptr -all"]}, State.WARNING, "ptr"),
    ({"TXT paperlab.io": ["v=spf1 exp=why.b.io exists:%{i}.b.io -all"]}, State.OK, "1 of 10"),
    ({"TXT paperlab.io": ["?"]}, State.WARNING, "could not be asked"),
    (
        {
            "TXT paperlab.io": ["v=spf1 a/24 mx//64 include:relay.io -all"],
            "A paperlab.io": ["192.0.2.1"],
            "MX paperlab.io": ["10 mx.paperlab.io"],
            "TXT relay.io": ["v=spf1 include:more.relay.io ?all"],
            "TXT more.relay.io": ["v=spf1 ip4:192.0.2.9 -all"],
        },
        State.OK,
        "4 of 10",
    ),
    (
        {"TXT paperlab.io": ["v=spf1 redirect=relay.io"], "TXT relay.io": ["v=spf1 mx -all"]}
        | {"MX relay.io": ["10 mx.relay.io"]},
        State.OK,
        "2 of 10 lookups, ending in -all",
    ),
    ({"TXT paperlab.io": ["v=spf1 redirect=gone.io"]}, State.ERROR, "redirects to gone.io"),
    ({"TXT paperlab.io": ["v=spf1 include:gone.io -all"]}, State.ERROR, "includes gone.io"),
    (
        {"TXT paperlab.io": ["v=spf1 include:relay.io -all"], "TXT relay.io": ["?"]},
        State.WARNING,
        "relay.io, which the SPF record names, could not",
    ),
    (
        {
            "TXT paperlab.io": ["v=spf1 include:b.io -all"],
            "TXT b.io": ["v=spf1 include:PaperLab.io -all"],
        },
        State.ERROR,
        "never ends",
    ),
    (
        {"TXT paperlab.io": ["v=spf1 " + "a " * 11 + "-all"], "A paperlab.io": ["192.0.2.1"]},
        State.ERROR,
        "more than 10 lookups",
    ),
    ({"TXT paperlab.io": ["v=spf1 a:b.io a:c.io a:d.io -all"]}, State.ERROR, "more than 2 names"),
    ({"TXT paperlab.io": ["v=spf1 -all " + "nonsense " * 9000]}, State.OK, "0 of 10"),
    ({"TXT paperlab.io": ["v=spf1 \x1b[2J" + "x" * 9000]}, State.ERROR, "?[2Jxxx"),
]


@pytest.mark.parametrize(("table", "state", "told"), SPF)
def test_an_spf_record_is_judged_as_receivers_do(table: Table, state: State, told: str) -> None:
    """One record, known terms, an end, no more lookups than RFC 7208 4.6.4 allows."""
    found = one(spf.check(HOME, Dns(table)))
    assert (found.state, told in found.what) == (state, True), found
    assert len(found.what) < 300
    assert bool(found.do) == (state is not State.OK)


def test_a_record_that_includes_without_end_costs_few_questions() -> None:
    """A chain made on the fly stops at the eleventh lookup."""

    def chain(name: str, kind: Kind) -> Answer:
        asked.append(name)
        values = (f"v=spf1 include:x{len(asked)}.io include:y{len(asked)}.io -all",)
        return Answer(reply=Reply.FOUND, values=values)

    asked: list[str] = []
    assert one(spf.check(HOME, chain)).state is State.ERROR
    assert len(asked) == 11


DKIM = [
    ([KEY], State.OK, "tells the key"),
    (["k=rsa; p=" + "QUJD QUJD" * 10], State.OK, "tells the key"),
    (["p=" + "QUJD" * 15], State.OK, "tells the key"),  # bare, without what stands before
    ([], State.ERROR, "no TXT record"),
    ([KEY, KEY + " "], State.ERROR, "2 TXT records"),
    (["v=DKIM1; k=rsa; p="], State.ERROR, "revoked"),
    (["v=DKIM1; k=rsa; p=" + "QUJE" * 20], State.ERROR, "another key"),
    (["v=DKIM1; k=rsa; p=QUJD"], State.ERROR, "another key"),
    (["v=DKIM1; k=rsa; p=é"], State.ERROR, "another key"),
    ([KEY.replace("rsa", "ed25519")], State.ERROR, "another key"),
    ([KEY + "; h=sha1"], State.ERROR, "h="),
    ([KEY + "; s=tlsrpt"], State.ERROR, "s="),
    ([KEY + "; t=y:s"], State.WARNING, "t=y"),
    (["hello"], State.ERROR, "no DKIM key"),
    ([KEY + "; p=QUJD"], State.ERROR, "no DKIM key"),
    (["v=DKIM2; p=QUJD"], State.ERROR, "no DKIM key"),
    (["x" * 60_000], State.ERROR, "no DKIM key"),
    (["?"], State.WARNING, "could not be asked"),
]


@pytest.mark.parametrize(("values", "state", "told"), DKIM)
def test_a_dkim_record_is_held_against_the_key(values: list[str], state: State, told: str) -> None:
    """What does not tell our key as RFC 6376 3.6.1 has it breaks every signature."""
    found = one(dkim_records.check({NAME: KEY}, Dns({f"TXT {NAME}": values})))
    assert (found.state, told in found.what) == (state, True), found
    assert len(found.what) < 300


def test_who_does_not_sign_is_not_asked() -> None:
    """Without a key there is nothing to compare, and it is said who may sign."""
    dns = Dns({})
    found = one(dkim_records.check({}, dns))
    assert (found.state, dns.asked) == (State.SKIPPED, [])
    assert "relay" in found.what


def _dmarc(record: str) -> Table:
    return {"TXT _dmarc.paperlab.io": [record]}


DMARC: list[tuple[str, str, str | None, Table, State, str]] = [
    (HOME, HOME, HOME, _dmarc("v=DMARC1; p=none"), State.OK, "SPF and DKIM"),
    (HOME, "b.paperlab.io", None, _dmarc("v=DMARC1; p=reject"), State.OK, "by SPF."),
    (HOME, "b.paperlab.io", HOME, _dmarc("v=DMARC1;p=reject;aspf=s"), State.OK, "by DKIM."),
    (HOME, "relay.io", None, _dmarc("v=DMARC1; p=none"), State.WARNING, "nothing is signed here"),
    (HOME, "relay.io", "relay.io", _dmarc("v=DMARC1; p=none"), State.ERROR, "relay.io's"),
    (
        HOME,
        "b.paperlab.io",
        "c.paperlab.io",
        _dmarc("v=DMARC1; p=none; aspf=s; adkim=s"),
        State.ERROR,
        "Nothing is aligned",
    ),
    (HOME, HOME, None, {}, State.ERROR, "no DMARC record"),
    (HOME, HOME, None, _dmarc("v=spf1 -all"), State.ERROR, "no DMARC record"),
    (HOME, HOME, None, _dmarc("v=DMARC1; p=maybe"), State.ERROR, "no policy"),
    (HOME, HOME, None, _dmarc("v=DMARC1;" + "x" * 9000), State.ERROR, "no policy"),
    (HOME, HOME, None, _dmarc("?"), State.WARNING, "could not be asked"),
    ("a.b.paperlab.io", HOME, None, _dmarc("v=DMARC1; p=none; sp=reject"), State.OK, "p=reject"),
]


@pytest.mark.parametrize(("domain", "envelope", "signer", "table", "state", "told"), DMARC)
def test_a_dmarc_record_is_found_and_held_against_the_mail(
    domain: str, envelope: str, signer: str | None, table: Table, state: State, told: str
) -> None:
    """The policy of the domain or of one above it, and whether SPF or DKIM speaks for the From."""
    found = one(dmarc.check(domain, envelope, signer, Dns(table)))
    assert (found.state, told in found.what) == (state, True), found
    assert len(found.what) < 300


def test_the_walk_for_a_policy_is_bounded() -> None:
    """Of a name of a hundred labels eight places are asked, and never the topmost (RFC 9989)."""
    dns = Dns({})
    assert one(dmarc.check("x." * 100 + HOME, HOME, None, dns)).state is State.ERROR
    assert len(dns.asked) == 1 + 6
    assert dns.asked[-1] == f"TXT _dmarc.{HOME}"


def test_two_policies_are_none() -> None:
    """RFC 7489 6.6.3."""
    table = {f"TXT _dmarc.{HOME}": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}
    assert "2 DMARC" in one(dmarc.check(HOME, HOME, None, Dns(table))).what


MX: list[tuple[Table, State, str]] = [
    ({"MX paperlab.io": ["20 b.io", "10 a.io"], "A a.io": ["192.0.2.1"]}, State.OK, "at a.io"),
    ({"MX paperlab.io": ["10 a.io"], "AAAA a.io": ["2001:db8::1"]}, State.OK, "at a.io"),
    ({"MX paperlab.io": ["10 a.io"]}, State.ERROR, "no address"),
    ({"MX paperlab.io": ["0 "]}, State.ERROR, "takes no mail (RFC 7505"),
    ({"A paperlab.io": ["192.0.2.1"]}, State.WARNING, "no MX"),
    ({}, State.ERROR, "no MX, no address"),
    ({"MX paperlab.io": ["?"]}, State.WARNING, "could not be asked"),
    ({"A paperlab.io": ["?"]}, State.WARNING, "could not be asked"),
    ({"MX paperlab.io": ["1 a.io"], "A a.io": ["?"]}, State.WARNING, "could not be asked"),
]


@pytest.mark.parametrize(("table", "state", "told"), MX)
def test_answers_have_somewhere_to_come_back_to(table: Table, state: State, told: str) -> None:
    """An MX whose host has an address (RFC 5321 5.1)."""
    found = one(hosts.mx(HOME, "sender.reply_to", Dns(table)))
    assert (found.state, told in found.what) == (state, True), found


BACK = "PTR 1.2.0.192.in-addr.arpa"
PTR: list[tuple[Table, State, str]] = [
    ({"A out.io": ["192.0.2.1"], BACK: ["OUT.io."]}, State.OK, "RFC 1912"),
    ({"A out.io": ["192.0.2.1"]}, State.ERROR, "no PTR"),
    ({"A out.io": ["192.0.2.1"], BACK: ["dyn.isp.io"]}, State.ERROR, "does not lead back"),
    (
        {"A out.io": ["192.0.2.1"], BACK: ["dyn.isp.io"], "A dyn.isp.io": ["192.0.2.1"]},
        State.WARNING,
        "not by the name",
    ),
    ({"A out.io": ["192.0.2.1"], BACK: ["?"]}, State.WARNING, "could not be asked"),
    ({}, State.ERROR, "no address"),
    ({"A out.io": ["?"]}, State.WARNING, "could not be asked"),
]


@pytest.mark.parametrize(("table", "state", "told"), PTR)
def test_the_address_mail_leaves_from_leads_back(table: Table, state: State, told: str) -> None:
    """Forward-confirmed reverse DNS, which Gmail and Yahoo ask for."""
    found = one(hosts.ptr("out.io", (), Dns(table)))
    assert (found.state, told in found.what) == (state, True), found


def test_a_relay_answers_for_its_own_name() -> None:
    """Whose host is not told, mail is handed to a relay: nothing is asked, and it is said why."""
    dns = Dns({})
    found = one(hosts.ptr(None, ("smtp.relay.io",), dns))
    assert (found.state, dns.asked) == (State.SKIPPED, [])
    assert "smtp.relay.io" in found.what


def _sender(domain: str, *relays: str) -> Sender:
    return Sender(
        address=f"daily@{domain}",
        reply_to=f"answers@{domain}",
        bounces=f"b@{domain}",
        relays=relays,
    )


def test_where_mail_stays_the_dns_is_not_asked() -> None:
    """A maildir needs no DNS, unless somebody wants to know."""
    dns = Dns({})
    found = one(sender.check(_sender(HOME), dns))
    assert (found.state, dns.asked) == (State.SKIPPED, [])
    assert "stays on this machine" in found.what
    assert any(one.state is State.ERROR for one in sender.check(_sender(HOME), dns, anyway=True))


@pytest.mark.parametrize("domain", ["example.org", "lab.example", "a.test", "b.invalid"])
def test_names_for_examples_are_not_asked_about(domain: str) -> None:
    """The DNS knows none of them; one sentence says so."""
    dns = Dns({})
    found = list(sender.check(_sender(domain, "relay.io"), dns))
    assert dns.asked == []
    assert {one.state for one in found} == {State.SKIPPED}
    assert sum("RFC 2606" in one.what for one in found) == 1


def test_a_sender_in_order_has_nothing_to_do() -> None:
    """Every check is told once, in order, and a domain's mailboxes together."""
    table = {
        f"TXT {HOME}": ["v=spf1 mx -all"],
        f"MX {HOME}": [f"10 mx.{HOME}"],
        f"A mx.{HOME}": ["192.0.2.1"],
        f"TXT {NAME}": [KEY],
        f"TXT _dmarc.{HOME}": ["v=DMARC1; p=reject"],
    }
    told = Sender(**vars(_sender(HOME, "relay.io")) | {"signs_as": HOME, "records": {NAME: KEY}})
    found = list(sender.check(told, Dns(table)))
    assert [(one.check, one.state) for one in found] == [
        ("spf", State.OK),
        ("dkim", State.OK),
        ("dmarc", State.OK),
        ("mx", State.OK),
        ("ptr", State.SKIPPED),
    ]
    assert "sender.address, sender.reply_to, sender.bounces" in found[3].what


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("a.b.io", "b.io", True), ("b.io", "B.IO", True), ("a.io", "b.io", False)],
)
def test_domains_of_one_organisation_align(one: str, other: str, same: bool) -> None:
    """By their last two labels, as `config check` has it."""
    assert same_organisation(one, other) is same
