"""Header, structure and size: each seeded defect is found, and a clean mail has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.preflight import checks, headers, list_headers, people, sender, size, structure
from newsletter.preflight.findings import Level, merged
from newsletter.preflight.house import House
from newsletter.preflight.mail import Mail
from tests.preflight.clean import (
    COMPOSED,
    LATER,
    READER,
    checks_of,
    opened,
    with_element,
    with_header,
    with_part,
)

Change = Callable[[bytes], bytes]


def set_to(name: str, value: str | None) -> Change:
    return lambda content: with_header(content, name, value)


def twice(name: str, value: str) -> Change:
    return lambda content: f"{name}: {value}\r\n".encode() + content


def head_of(mail: Mail, house: House) -> set[tuple[str, str]]:
    return checks_of(
        [
            *headers.check(mail, house, COMPOSED, LATER),
            *people.check(mail, house),
            *list_headers.check(mail, house),
        ]
    )


def test_a_clean_mail_has_no_finding(clean: bytes, house: House) -> None:
    """What the product builds today passes every check there is, but for a web address."""
    found = merged(checks.of_mails([opened(clean)], house, {}, COMPOSED, LATER))
    assert [one for one in found if one.check != "one-click"] == []


HTTPS = "<https://papers.example.org/u/1.x>, <mailto:daily@example.org?subject=unsubscribe>"


@pytest.mark.parametrize(
    ("change", "level", "check"),
    [
        (set_to("From", None), "fatal", "once"),
        (twice("From", "mallory@example.net"), "fatal", "once"),
        (twice("Subject", "again"), "fatal", "once"),
        (twice("Bcc", "b@example.org"), "fatal", "once"),
        (set_to("Message-ID", None), "fatal", "once"),
        (set_to("From", "Papers <daily@example.net>"), "fatal", "from"),
        (set_to("From", "daily@example.org, b@example.org"), "fatal", "from"),
        (set_to("From", "Papers ✅ <daily@example.org>"), "error", "from-name"),
        (
            set_to("From", "=?utf-8?q?=F0=9F=A7=AA_Papers?= <daily@example.org>"),
            "error",
            "from-name",
        ),
        (set_to("From", '"asa@example.org" <daily@example.org>'), "error", "from-name"),
        (set_to("To", "bo@example.org"), "fatal", "to"),
        (set_to("To", "a@=?utf-8?q?b=C3=BCcher?=.example"), "fatal", "to"),
        (set_to("Reply-To", "other@example.org"), "fatal", "reply-to"),
        (set_to("Date", "yesterday"), "fatal", "date"),
        (set_to("Date", "Thu, 12 Mar 2020 07:00:00 +0000"), "error", "date"),
        (set_to("Message-ID", "<x@elsewhere.example>"), "fatal", "message-id"),
        (set_to("Message-ID", "x@example.org"), "fatal", "message-id"),
        (set_to("Auto-Submitted", "no"), "fatal", "auto-submitted"),
        (set_to("MIME-Version", "2.0"), "fatal", "mime"),
        (set_to("Subject", "a\x07b"), "fatal", "control-characters"),
        (set_to("Subject", "=?utf-8?q?a=E2=80=A8b?="), "fatal", "control-characters"),
        (set_to("Subject", "=?utf-8?q?a=0D=0ABcc=3A_x?="), "fatal", "control-characters"),
        (set_to("Subject", "raw é"), "fatal", "ascii"),
        (set_to("Subject", f"=?utf-8?q?{'x' * 300}?="), "error", "encoded-word"),
        (lambda content: b"no field here\r\n" + content, "fatal", "header"),
        (set_to("List-Unsubscribe", "=?utf-8?q?=3Chttps=3A//x=3E?="), "fatal", "list-encoded"),
        (set_to("List-Unsubscribe", "https://papers.example.org/u"), "fatal", "list-uris"),
        (set_to("List-Unsubscribe", "<http://papers.example.org/u>"), "fatal", "list-unsubscribe"),
        (
            set_to(
                "List-Unsubscribe", "<https://papers.example.org/a>, <https://papers.example.org/b>"
            ),
            "fatal",
            "list-unsubscribe",
        ),
        (set_to("List-Unsubscribe", "<https://evil.example/u>"), "fatal", "list-unsubscribe"),
        (set_to("List-Unsubscribe", "<mailto:b@example.net>"), "fatal", "list-unsubscribe"),
        (set_to("List-Unsubscribe", "<mailto:daily@exa\r\n mple.org>"), "fatal", "list-uris"),
        (set_to("List-Unsubscribe", HTTPS), "error", "one-click"),
        (set_to("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"), "fatal", "one-click"),
        (set_to("List-Id", "daily.example.org"), "fatal", "list-id"),
        (set_to("List-Id", "Papers <other.example.org>"), "fatal", "list-id"),
        (set_to("Feedback-ID", "a:b:c"), "error", "feedback-id"),
        (set_to("Feedback-ID", "a:a:c:papers"), "error", "feedback-id"),
        (set_to("Feedback-ID", f"{READER}:b:c:papers"), "error", "feedback-id"),
    ],
)
def test_a_header_that_is_wrong_is_found(
    clean: bytes, house: House, change: Change, level: str, check: str
) -> None:
    """Each line of the checklist has a mail that breaks it."""
    house = replace(house, web_hosts=frozenset({"papers.example.org"}))
    assert (level, check) in head_of(opened(change(clean)), house)


@pytest.mark.parametrize("line_end", ["\r\n ", ""])
def test_one_click_with_all_it_needs_is_right(clean: bytes, house: House, line_end: str) -> None:
    """An https address of ours, the Post field to the letter, folded between addresses or not."""
    value = HTTPS.replace(", ", f",{line_end or ' '}")
    content = with_header(clean, "List-Unsubscribe", value)
    content = with_header(content, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
    content = with_header(content, "Feedback-ID", "2026-03-12:digest::papers")
    ours = replace(house, web_hosts=frozenset({"papers.example.org"}))
    assert head_of(opened(content), ours) == set()
    wrong = with_header(content, "List-Unsubscribe-Post", "List-Unsubscribe=one-click")
    assert head_of(opened(wrong), ours) == {("fatal", "one-click")}


def test_a_provider_lets_nobody_send_as_it(clean: bytes, house: House) -> None:
    """From at a mailbox provider is refused though it is the address that was set."""
    content = with_header(clean, "From", "Papers <daily@gmail.com>")
    found = people.check(opened(content), replace(house, address="daily@gmail.com"))
    assert checks_of(found) == {("error", "from")}


def test_an_address_beyond_ascii_may_stand_where_it_has_to(clean: bytes, house: House) -> None:
    """Its mail needs SMTPUTF8, and only there."""
    content = with_header(clean, "To", "åsa@example.org")
    assert head_of(replace(opened(content), recipient="åsa@example.org"), house) == set()


def test_two_readers_never_have_one_message_id(clean: bytes) -> None:
    """The same name twice is found between mails; the same mail twice is no other."""
    one, other = opened(clean), replace(opened(clean), recipient="bo@example.org")
    assert checks_of(headers.across([one, other])) == {("fatal", "message-id")}
    assert list(headers.across([one, opened(clean)])) == []


def test_the_sender_of_feedback_is_always_the_same(clean: bytes) -> None:
    """Two last parts of Feedback-ID in one issue are found."""
    mails = [opened(with_header(clean, "Feedback-ID", f"a:b:c:{name}")) for name in ("one", "two")]
    assert checks_of(list_headers.across(mails)) == {("error", "feedback-id")}


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (
            lambda content: content.replace(b"\r\n\r\n", b"\r\n\r\n" + b"x" * 999 + b"\r\n", 1),
            "line-length",
        ),
        (lambda content: content.replace(b"\r\n\r\n", b"\r\n\r\na\nb\r\n", 1), "line-ends"),
        (lambda content: content.replace(b"\r\n\r\n", b"\r\n\r\na\rb\r\n", 1), "line-ends"),
        (lambda content: content + b"x", "line-ends"),
        (lambda content: content.replace(b"\r\n\r\n", b"\r\n\r\n\xc3\xa9\r\n", 1), "octets"),
        (lambda content: content.replace(b"text/plain", b"text/calendar"), "parts"),
        (lambda content: content.replace(b"multipart/alternative", b"multipart/mixed"), "parts"),
        (lambda content: content.replace(b"charset=utf-8", b"charset=us-ascii", 1), "encoding"),
        (lambda content: content.replace(b"quoted-printable", b"8bit", 1), "encoding"),
        (lambda content: content.replace(b"\r\n--=_", b"\r\n=FF=\r\n--=_", 2), "encoding"),
        (lambda content: with_part(content, "text/plain", lambda _: " \n"), "parts"),
    ],
)
def test_lines_and_parts_that_are_wrong_are_found(clean: bytes, change: Change, check: str) -> None:
    """All of them are fatal: a server between may refuse or mangle such a mail."""
    found = checks_of(structure.check(opened(change(clean))))
    assert ("fatal", check) in found


@pytest.mark.parametrize(
    ("octets", "levels"), [(60_000, []), (95_000, [Level.WARNING]), (110_000, [Level.ERROR])]
)
def test_gmail_hides_the_end_of_large_mails(clean: bytes, octets: int, levels: list[Level]) -> None:
    """There is a limit to come near to, and one to stay under."""
    grown = opened(with_element(clean, "<p>" + "word " * ((octets - 32_000) // 5) + "</p>"))
    assert [one.level for one in size.check(grown)] == levels


def test_settings_of_the_sender_are_judged(clean: bytes, house: House) -> None:
    """An address nobody reads, a domain that is none, no postal address; the last is forgiven at
    home.
    """
    good = replace(house, address="daily@papers.dev", reply_to="daily@papers.dev")
    assert list(sender.check(good)) == []
    assert checks_of(sender.check(replace(good, reply_to="no-reply@papers.dev"))) == {
        ("warning", "reply-to")
    }
    assert checks_of(sender.check(house)) == {("warning", "sender-domain")}
    nowhere = replace(good, postal_address=" ")
    assert checks_of(sender.check(nowhere)) == {("error", "postal-address")}
    at_home = replace(nowhere, goes_out=False)
    assert checks_of(sender.check(at_home)) == {("warning", "postal-address")}
    assert list(sender.imprint(opened(clean), house)) == []
    moved = replace(house, postal_address="2 Other Road")
    assert checks_of(sender.imprint(opened(clean), moved)) == {("error", "postal-address")}
    assert checks_of(sender.one_click(opened(clean), house)) <= {("warning", "one-click")}


NAMES = st.sampled_from([*headers.ONCE, *headers.AT_MOST_ONCE])


@given(name=NAMES, value=st.text("abc", min_size=1), upper=st.booleans())
def test_a_field_added_twice_is_always_found(
    clean: bytes, house: House, name: str, value: str, upper: bool
) -> None:
    """Whatever its name's case and its value."""
    line = f"{name.upper() if upper else name}: {value}\r\n".encode()
    assert ("fatal", "once") in head_of(opened(line + line + clean), house)


@settings(deadline=None)
@given(content=st.binary(max_size=400), at=st.integers(0, 3000), whole=st.booleans())
def test_no_check_fails_on_any_bytes(
    clean: bytes, house: House, content: bytes, at: int, whole: bool
) -> None:
    """Whatever stands in a mail is judged, and what is no mail never passes."""
    spoiled = content if whole else clean[:at] + content + clean[at:]
    mail = opened(spoiled)
    found = list(checks.of_mails([mail], house, {}, COMPOSED, LATER + timedelta(days=1)))
    assert not whole or any(one.level is Level.FATAL for one in found)
