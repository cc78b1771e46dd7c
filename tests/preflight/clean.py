"""A clean mail, built by the product itself, and ways to spoil it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes

from newsletter.preflight.findings import Finding
from newsletter.preflight.house import House, hosts_of
from newsletter.preflight.mail import Mail
from newsletter.quoted import encode
from tests.golden.test_golden import NOW, TERMS

COMPOSED = NOW
LATER = NOW + timedelta(hours=1)
READER = "asa@example.org"


def house_of(content: bytes) -> House:
    """A house that the mail's own links belong to."""
    mail = opened(content)
    masthead = TERMS.masthead
    return House(
        address=masthead.from_address,
        reply_to=masthead.reply_to,
        list_id=masthead.list_id,
        domain=masthead.domain,
        postal_address=TERMS.imprint,
        paper_hosts=hosts_of(one.get("href") for one in mail.page.all("a")),
        goes_out=True,
    )


def opened(content: bytes) -> Mail:
    return Mail(content=content, recipient=READER, reader=READER)


def with_header(content: bytes, name: str, value: str | None) -> bytes:
    """The mail with one header field put in place of its own, added, or taken away."""
    pattern = re.compile(rb"^%s:[^\r]*\r\n(?:[ \t][^\r]*\r\n)*" % name.encode(), re.M | re.I)
    line = b"" if value is None else f"{name}: {value}\r\n".encode()
    head, empty, body = content.partition(b"\r\n\r\n")
    changed, number = pattern.subn(lambda _: line, head + b"\r\n", count=1)
    if not number and line:
        changed = head + b"\r\n" + line
    return changed + empty.removeprefix(b"\r\n") + body


def with_part(content: bytes, kind: str, change: Callable[[str], str]) -> bytes:
    """The mail with the text of a part changed, and encoded anew."""
    parsed = message_from_bytes(content)
    part = next(one for one in parsed.walk() if one.get_content_type() == kind)
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    before = payload.decode()
    after = change(before.replace("\r\n", "\n"))
    assert after != before, "nothing was changed"
    encoded = str(part.get_payload()).encode()
    assert encoded in content
    return content.replace(encoded, encode(after).removesuffix(b"=\r\n"))


def with_html(content: bytes, change: Callable[[str], str]) -> bytes:
    return with_part(content, "text/html", change)


def with_element(content: bytes, html: str) -> bytes:
    """The mail with something more at the end of its page."""
    return with_html(content, lambda page: page.replace("</body>", f"{html}</body>"))


def checks_of(found: Iterable[Finding]) -> set[tuple[str, str]]:
    """Level and name of each finding."""
    return {(one.level.value, one.check) for one in found}


def stranger(house: House) -> House:
    """The same house, whose papers name no host."""
    return replace(house, paper_hosts=frozenset())
