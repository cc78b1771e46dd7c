"""Asks the DNS. The one file that knows dnspython, and the clock of its questions.

Each question is bounded, and so are all of them together: a server that is away costs seconds, not
minutes, and is told once. Answers are kept for as long as the resolver is.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from newsletter.doctor.answers import Answer, Kind, Reply

ONE = 2.0  # seconds for one question at most, over all servers and tries
SILENCE = "no server answered in time"
MOST_QUESTIONS = 200  # an honest sender takes about twenty


class Resolver:
    """Asks the servers named, or the system's."""

    def __init__(
        self, nameservers: Sequence[str] = (), port: int = 53, seconds: float = 5.0
    ) -> None:
        self._nameservers = nameservers
        self._port = port
        self._left = seconds  # that all questions may still take together
        self._kept: dict[tuple[str, Kind], Answer] = {}
        self._resolver: dns.resolver.Resolver | None = None
        self._heard = False  # whether any server has answered anything
        self._away = False  # whether the first question had no answer: then no more are asked

    def __call__(self, name: str, kind: Kind) -> Answer:
        """The answer to one question."""
        key = (name.lower().rstrip("."), kind)
        if key not in self._kept:
            self._kept[key] = self._ask(*key)
        return self._kept[key]

    def _ask(self, name: str, kind: Kind) -> Answer:
        if self._away:
            return _unknown(SILENCE)
        if self._left <= 0 or len(self._kept) >= MOST_QUESTIONS:
            return _unknown("the time for questions to the DNS is over (doctor.seconds)")
        begun = monotonic()
        try:
            asked = dns.name.from_text(name + ".")
            answer = self._ready().resolve(
                asked,
                dns.rdatatype.from_text(kind),
                search=False,
                lifetime=min(ONE, self._left),
                raise_on_no_answer=False,
            )
        except dns.resolver.NXDOMAIN:
            self._heard = True
            return Answer(reply=Reply.NO_NAME)
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel):
            return Answer(reply=Reply.NO_NAME)  # a name that cannot be
        except dns.exception.Timeout:
            self._away = not self._heard
            return _unknown(SILENCE)
        except dns.resolver.NoNameservers:
            self._heard = True
            return _unknown("the servers answer with an error")
        except (dns.exception.DNSException, OSError, ValueError) as error:
            return _unknown(f"{type(error).__name__}")
        finally:
            self._left -= monotonic() - begun
        self._heard = True
        values = tuple(_told(kind, one) for one in answer.rrset or ())
        return Answer(reply=Reply.FOUND if values else Reply.NOTHING, values=values)

    def _ready(self) -> dns.resolver.Resolver:
        """Raises DNSException where the system has no settings for the DNS."""
        if self._resolver is None:
            self._resolver = dns.resolver.Resolver(configure=not self._nameservers)
            if self._nameservers:
                self._resolver.nameservers = list(self._nameservers)
                self._resolver.port = self._port
            self._resolver.timeout = ONE / 2  # so that a lost packet is asked again
        return self._resolver


def _told(kind: Kind, record: object) -> str:
    match kind:
        case Kind.TXT:  # RFC 7208 3.3, RFC 6376 3.6.2.2: strings are joined without spaces
            return b"".join(getattr(record, "strings", ())).decode("ascii", "backslashreplace")
        case Kind.MX:
            name = str(getattr(record, "exchange", "")).rstrip(".")
            return f"{getattr(record, 'preference', 0)} {name}"
    return str(record).rstrip(".")


def _unknown(why: str) -> Answer:
    return Answer(reply=Reply.UNKNOWN, why=why)
