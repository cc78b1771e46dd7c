"""The sender's DNS: all its checks, in the order they are told.

Nothing is asked where mail stays on this machine, nor of a domain that no DNS knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from newsletter.doctor import dkim_records, dmarc, hosts, spf
from newsletter.doctor.answers import Answer, Ask, Kind, Reply, is_reserved
from newsletter.doctor.findings import Finding, State, skipped, warning

CHECK = "dns"


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Whose DNS is looked at, as the settings have it."""

    address: str  # the From
    reply_to: str
    bounces: str  # the envelope sender
    signs_as: str = ""  # the d= of signatures
    records: Mapping[str, str] = field(default_factory=dict)  # of our DKIM keys, by their names
    relays: tuple[str, ...] = ()  # the mail servers that mail is handed to; none: it stays here
    host: str | None = None  # that mail leaves to the world from, where the operator told


def check(sender: Sender, ask: Ask, *, anyway: bool = False) -> Iterator[Finding]:
    """How the sender's DNS is; `anyway` also where mail stays on this machine."""
    if not sender.relays and not anyway:
        yield skipped(
            CHECK,
            "Mail stays on this machine, so the sender's DNS is not asked.",
            "`newsletter doctor --dns` asks it all the same.",
        )
        return
    heard = _Heard(ask)
    found = list(_all(sender, heard))
    if heard.why and not heard.anything:  # then each check would tell the same
        yield warning(
            CHECK,
            f"The DNS could not be asked: {heard.why}. Nothing is known of the sender's records.",
            "Try again when the DNS answers, or set doctor.nameservers to servers that do.",
        )
        found = [one for one in found if one.state is State.SKIPPED]
    yield from found


class _Heard:
    """Asks, and remembers whether any question was answered."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.anything = False
        self.why = ""  # the first question had no answer

    def __call__(self, name: str, kind: Kind) -> Answer:
        answer = self._ask(name, kind)
        if answer.reply is Reply.UNKNOWN:
            self.why = self.why or answer.why or "no answer"
        else:
            self.anything = True
        return answer


def _all(sender: Sender, ask: Ask) -> Iterator[Finding]:
    domain, envelope = _domain(sender.address), _domain(sender.bounces)
    signer = sender.signs_as.lower()
    if not is_reserved(envelope):
        yield from spf.check(envelope, ask)
    if not is_reserved(signer):
        yield from dkim_records.check(sender.records, ask)
    if not is_reserved(domain):
        yield from dmarc.check(domain, envelope, signer or None, ask)
    mailboxes = _mailboxes(sender)
    for name, whose in mailboxes.items():
        yield from [_reserved(name, whose)] if is_reserved(name) else hosts.mx(name, whose, ask)
    if is_reserved(signer) and signer not in mailboxes:
        yield _reserved(signer, "dkim.domain")
    if sender.host is not None and is_reserved(sender.host):
        yield _reserved(sender.host, "doctor.host")
    elif sender.host is not None or sender.relays:
        yield from hosts.ptr(sender.host, sender.relays, ask)


def _mailboxes(sender: Sender) -> dict[str, str]:
    """The domains that mail may come back to, with the settings that name them."""
    named: dict[str, list[str]] = {}
    for setting, address in (
        ("sender.address", sender.address),
        ("sender.reply_to", sender.reply_to),
        ("sender.bounces", sender.bounces),
    ):
        named.setdefault(_domain(address), []).append(setting)
    return {domain: ", ".join(settings) for domain, settings in named.items()}


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _reserved(domain: str, whose: str) -> Finding:
    return skipped(
        CHECK,
        f"{domain} ({whose}) is a name for examples and tests (RFC 2606, RFC 6761): the DNS is not "
        "asked.",
        f"Set {whose.split(',')[0]} to a domain of your own.",
    )
