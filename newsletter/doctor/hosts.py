"""Hosts: whether mail can come back to the sender's addresses, and whose name it leaves under."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from newsletter.doctor.answers import Ask, Kind, Reply, shown, unasked
from newsletter.doctor.findings import Finding, error, ok, skipped, warning

MX, PTR = "mx", "ptr"
MOST_ADDRESSES = 4  # of one host that are looked up backwards: it is bounded, not a census


def mx(domain: str, whose: str, ask: Ask) -> Iterator[Finding]:
    """Whether a domain takes mail; `whose` says what it is to us, such as "sender.reply_to"."""
    do = f"Publish an MX record, or set {whose.split(',')[0]} to a mailbox that takes mail."
    answer = ask(domain, Kind.MX)
    if answer.reply is Reply.UNKNOWN:
        yield unasked(MX, f"The MX of {domain} ({whose})", answer)
        return
    by_preference = sorted(answer.values, key=lambda value: int(value.partition(" ")[0]))
    hosts = [value.partition(" ")[2] for value in by_preference]
    if hosts == [""]:
        yield error(MX, f"{domain} ({whose}) says that it takes no mail (RFC 7505 3).", do)
        return
    if not hosts:
        # RFC 5321 5.1: without an MX the domain's own address is asked.
        found = [ask(domain, kind) for kind in (Kind.A, Kind.AAAA)]
        unknown = next((one for one in found if one.reply is Reply.UNKNOWN), None)
        if any(one.values for one in found):
            yield warning(
                MX,
                f"{domain} ({whose}) has no MX record; its own address is used (RFC 5321 5.1).",
                "Publish an MX record, so that it is meant.",
            )
        elif unknown is not None:
            yield unasked(MX, f"The address of {domain} ({whose})", unknown)
        else:
            yield error(MX, f"{domain} ({whose}) takes no mail: no MX, no address.", do)
        return
    for host in hosts[:MOST_ADDRESSES]:
        found = [ask(host, kind) for kind in (Kind.A, Kind.AAAA)]
        if any(one.values for one in found):
            yield ok(MX, f"{domain} ({whose}) takes mail at {shown(host)}.")
            return
        unknown = next((one for one in found if one.reply is Reply.UNKNOWN), None)
        if unknown is not None:
            yield unasked(MX, f"{shown(host)}, the MX of {domain} ({whose}),", unknown)
            return
    yield error(MX, f"The MX of {domain} ({whose}) is {shown(hosts[0])}, which has no address.", do)


def ptr(host: str | None, relays: tuple[str, ...], ask: Ask) -> Iterator[Finding]:
    """Whether the addresses of the host that mail leaves from lead back to it (RFC 1912 2.1)."""
    if host is None:
        yield skipped(
            PTR,
            f"Mail is handed to {' and '.join(relays)}; whoever runs it answers for the name and "
            "the address that mail leaves from.",
            "If that is you, set doctor.host to the name it leaves under.",
        )
        return
    found = [ask(host, kind) for kind in (Kind.A, Kind.AAAA)]
    unknown = next((one for one in found if one.reply is Reply.UNKNOWN), None)
    addresses = [value for one in found for value in one.values][:MOST_ADDRESSES]
    if not addresses:
        if unknown is not None:
            yield unasked(PTR, f"The address of {host}", unknown)
        else:
            yield error(
                PTR,
                f"{host} (doctor.host) has no address.",
                "Publish one, or correct doctor.host.",
            )
        return
    for address in addresses:
        yield _back(host, address, ask)


def _back(host: str, address: str, ask: Ask) -> Finding:
    do = f"Have whoever gave you {address} set its PTR record to {host}."
    answer = ask(ipaddress.ip_address(address).reverse_pointer, Kind.PTR)
    if answer.reply is Reply.UNKNOWN:
        return unasked(PTR, f"The PTR record of {address}", answer)
    if not answer.values:
        return error(
            PTR, f"{address}, of {host}, has no PTR record; Gmail and Yahoo refuse mail then.", do
        )
    names = [one.lower().rstrip(".") for one in answer.values[:MOST_ADDRESSES]]
    if host.lower() in names:
        return ok(PTR, f"{address} is called {host}, and {host} has that address (RFC 1912 2.1).")
    kind = Kind.AAAA if ":" in address else Kind.A
    for name in names:
        if address in ask(name, kind).values:
            return warning(
                PTR,
                f"{address}, of {host}, is called {shown(name)}, which leads back to it; but not "
                "by the name you gave.",
                do,
            )
    return error(
        PTR,
        f"{address}, of {host}, is called {shown(names[0])}, which does not lead back to it "
        "(RFC 1912 2.1).",
        do,
    )
