"""SPF: whether the envelope sender's domain says, in a way receivers take, who may send for it.

RFC 7208. Whether the sending address is among those it names is not evaluated: which address mail
leaves from is the relay's to know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from newsletter.doctor.answers import Answer, Ask, Kind, Reply, shown, unasked
from newsletter.doctor.findings import Finding, error, ok, warning

CHECK = "spf"
MOST_LOOKUPS = 10  # RFC 7208 4.6.4: terms that ask the DNS, those of included records with them
MOST_VOID = 2  # RFC 7208 4.6.4: questions with empty answers
_VERSION = re.compile(r"v=spf1(?: |\Z)", re.IGNORECASE)  # RFC 7208 4.5
# RFC 7208 12: qualifier, mechanism, and what stands behind it.
_MECHANISM = re.compile(r"([+?~-]?)([a-z0-9]+)(?::([^/]+|[^/]*\{[^}]*\}.*?))?(/.*)?", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9._-]*)=(.*)", re.IGNORECASE)
_IP = re.compile(r"[+?~-]?ip[46]:[0-9a-f.:]+(?:/\d{1,3})?", re.IGNORECASE)
_LOOKING = ("include", "a", "mx", "ptr", "exists")
_DO = "Publish one TXT record such as v=spf1 include:RELAY -all; your relay tells what to include."


class _Wrong(Exception):
    """Receivers take the record for broken: a PermError (RFC 7208 2.6.7)."""


class _Unknown(Exception):
    """A record could not be asked."""

    def __init__(self, name: str, answer: Answer) -> None:
        super().__init__(name)
        self.name = name
        self.answer = answer


@dataclass
class _Walk:
    """The lookups of one evaluation."""

    ask: Ask
    lookups: int = 0
    void: int = 0
    uses_ptr: bool = False
    path: list[str] = field(default_factory=list)  # of records within records

    def looked(self) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise _Wrong(f"takes more than {MOST_LOOKUPS} lookups (RFC 7208 4.6.4)")

    def asked(self, name: str, *kinds: Kind) -> Answer:
        """The first answer with something in it, of the types asked for."""
        answer = self.ask(name, kinds[0])
        for kind in kinds[1:]:
            if answer.is_void:
                answer = self.ask(name, kind)
        if answer.reply is Reply.UNKNOWN:
            raise _Unknown(name, answer)
        if answer.is_void:
            self.void += 1
            if self.void > MOST_VOID:
                raise _Wrong(f"asks for more than {MOST_VOID} names that are empty (4.6.4)")
        return answer


def check(domain: str, ask: Ask) -> Iterator[Finding]:
    """How the SPF record of a domain is."""
    answer = ask(domain, Kind.TXT)
    if answer.reply is Reply.UNKNOWN:
        yield unasked(CHECK, f"The SPF record of {domain}", answer)
        return
    records = _records(answer)
    if not records:
        yield error(CHECK, f"{domain} has no SPF record (RFC 7208).", _DO)
        return
    if len(records) > 1:
        yield error(
            CHECK,
            f"{domain} has {len(records)} SPF records, which receivers take for none (RFC 7208 "
            "4.5).",
            "Join them into one.",
        )
        return
    walk = _Walk(ask)
    try:
        end = _walk(domain, records[0], walk)
    except _Wrong as wrong:
        yield error(CHECK, f"The SPF record of {domain} {wrong}.", "Mend it; receivers refuse it.")
        return
    except _Unknown as unknown:
        yield unasked(CHECK, f"{unknown.name}, which the SPF record names,", unknown.answer)
        return
    yield from _judged(domain, end, walk)


def _judged(domain: str, end: str, walk: _Walk) -> Iterator[Finding]:
    do = "End it with -all or ~all."
    if end == "+all":
        yield error(CHECK, f"The SPF record of {domain} lets anybody send (+all).", do)
    elif end in ("?all", ""):
        told = "ends with ?all" if end else "has no all at its end"
        yield warning(CHECK, f"The SPF record of {domain} {told}, and so forbids nobody.", do)
    elif walk.uses_ptr:
        yield warning(
            CHECK,
            f"The SPF record of {domain} uses ptr, which not every receiver follows (RFC 7208 "
            "5.5).",
            "Name addresses by ip4, ip6, a, mx or include.",
        )
    else:
        yield ok(
            CHECK,
            f"{domain} has one SPF record, with {walk.lookups} of {MOST_LOOKUPS} lookups, "
            f"ending in {end}.",
        )


def _records(answer: Answer) -> list[str]:
    return [one for one in answer.values if _VERSION.match(one)]


def _walk(domain: str, record: str, walk: _Walk) -> str:
    """Follows a record and all within it; what it ends with, "" for nothing."""
    if domain.lower() in walk.path:
        raise _Wrong(f"comes back to {shown(domain)} and never ends")
    walk.path.append(domain.lower())
    end, redirect = "", ""
    for term in record.split(" ")[1:]:
        if not term or end:
            continue  # RFC 7208 5.1: what stands behind all is not looked at
        modifier = _MODIFIER.fullmatch(term)
        if modifier:
            redirect = modifier[2] if modifier[1].lower() == "redirect" else redirect
            continue
        if _IP.fullmatch(term):
            continue
        end = _mechanism(domain, term, walk)
    if not end and redirect:
        walk.looked()
        end = _within(redirect, walk, "redirects to")
    walk.path.pop()
    return end


def _mechanism(domain: str, term: str, walk: _Walk) -> str:
    """Follows one mechanism; what the record ends with, where it is all."""
    found = _MECHANISM.fullmatch(term)
    name = found[2].lower() if found else ""
    if found is None or name not in (*_LOOKING, "all"):
        raise _Wrong(f"has a term that SPF does not know: {shown(term)}")
    if name == "all":
        return (found[1] or "+") + "all"
    walk.looked()
    target = found[3] or ""
    if name in ("include", "exists") and not target:
        raise _Wrong(f"has {name} without a domain")
    target = target or domain
    walk.uses_ptr |= name == "ptr"
    if "%" in target or name == "ptr":
        return ""  # RFC 7208 7: depends on the mail; it is counted all the same
    if name == "include":
        _within(target, walk, "includes")
    elif name == "mx":
        walk.asked(target, Kind.MX)
    else:
        walk.asked(target, *((Kind.A,) if name == "exists" else (Kind.A, Kind.AAAA)))
    return ""


def _within(target: str, walk: _Walk, word: str) -> str:
    if "%" in target:
        return "?all"
    records = _records(walk.asked(target, Kind.TXT))
    if len(records) != 1:  # RFC 7208 5.2 and 6.1: either breaks the record that names it
        number = "several SPF records" if records else "no SPF record"
        raise _Wrong(f"{word} {shown(target)}, which has {number}")
    return _walk(target, records[0], walk)
