"""What comes back, read: which report it is, about whom, and by what it can be joined."""

from __future__ import annotations

import time
from base64 import encodebytes
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.bounces import LONGEST_ADDRESS, Named, Report, ReportKind, read
from newsletter.mime import LARGEST, MOST_NAMES
from newsletter.server_words import LONGEST_WORDS
from tests.returned.make import CONFIRM, MESSAGE_ID, NAMES, TOKEN, UNSUBSCRIBE, mail

K = ReportKind
TABLE = {
    "away": (K.AUTO_REPLY, "", False, "subject: Autosvar: på ferie"),
    "confirm": (K.CONFIRM, "", False, ""),
    "complaint": (K.COMPLAINT, "", False, "abuse, told by ProviderFBL/1.0"),
    "exchange": (K.BOUNCE, "5.1.10", True, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient"),
    "exchange-full": (K.BOUNCE, "5.2.2", True, "554 5.2.2 mailbox full; STOREDRV.Deliver"),
    "exim": (K.BOUNCE, "5.2.1", True, "550 5.2.1 This mailbox is switched off"),  # not its 5.0.0
    "exim-old": (K.BOUNCE, "", True, "asa@example.test SMTP error from remote mail server after"),
    "global": (K.BOUNCE, "5.1.1", True, "550 5.1.1 ukjent mottaker «åse»"),
    "gmail": (K.BOUNCE, "5.1.1", True, "550-5.1.1 The mailbox that you tried to write to is not"),
    "letter": (K.OTHER, "", False, "subject: Re: A paper, and 9 more"),
    "not-spam": (K.OTHER, "", False, "feedback of another kind: not-spam"),
    "postfix-delayed": (K.DELAY, "4.4.1", False, "connect to in.example.test[192.0.2.7]:25: Conn"),
    "postfix-expired": (K.BOUNCE, "4.4.1", False, "connect to in.example.test[192.0.2.7]:25: Con"),
    "postfix-no-domain": (K.BOUNCE, "5.4.4", True, "Host or domain name not found. Name service"),
    "postfix-no-user": (K.BOUNCE, "5.1.1", True, "550 5.1.1 <asa@example.test>: Recipient addr"),
    "qmail": (K.BOUNCE, "5.1.1", True, "Sorry, no mailbox here by that name. 5.1.1"),
    "relayed": (K.OTHER, "", False, "a delivery report that tells relayed"),
    "unsubscribe": (K.LEAVE, "", False, ""),
}
REPORTS = [name for name, row in TABLE.items() if row[0] in (K.BOUNCE, K.DELAY, K.COMPLAINT)]


def test_every_shape_stands_in_the_table() -> None:
    """No mail of tests/returned/ is left unread."""
    assert sorted(TABLE) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_what_it_says(name: str) -> None:
    """The table of shapes: kind, code, whether it is for good, and the server's words."""
    report = read(mail(name))
    kind, code, permanent, words = TABLE[name]
    assert (report.kind, report.code, report.permanent) == (kind, code, permanent)
    assert report.words.startswith(words)


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_a_report_carries_what_joins_it(name: str, ends: bytes) -> None:
    """The token of the envelope and the Message-ID of what was returned, each by itself enough."""
    report = read(mail(name).replace(b"\n", ends))
    assert report.tokens[0] == TOKEN
    assert report.named == (Named(issue=MESSAGE_ID[:10], key="A" * 22),)
    without = read(mail(name, bounces="bounces@example.org"))
    assert (without.tokens, without.named) == ((), report.named)
    foreign = read(mail(name, message_id="1@mail.example.test"))
    assert foreign.named == ()


@pytest.mark.parametrize(
    "name", ["away", "letter", "relayed", "not-spam", "unsubscribe", "confirm"]
)
def test_what_changes_nothing_joins_nothing(name: str) -> None:
    """Whatever a letter or a machine's answer quotes, it is about no delivery."""
    report = read(mail(name))
    assert (report.tokens, report.named) == ((), ())


def test_a_spam_report_is_joined_by_the_way_out_it_returns() -> None:
    """Providers mask addresses; the List-Unsubscribe of the mail they attach they leave."""
    assert read(mail("complaint")).leave == UNSUBSCRIBE
    headers = mail("complaint").replace(b"message/rfc822", b"text/rfc822-headers")
    assert read(headers).leave == UNSUBSCRIBE


@pytest.mark.parametrize(
    ("subject", "leaves"),
    [
        (f"unsubscribe {UNSUBSCRIBE}", True),
        (f"Unsubscribe  {UNSUBSCRIBE} ", True),
        (f"[EXTERNAL] unsubscribe {UNSUBSCRIBE}", True),
        (f"unsubscribe\n {UNSUBSCRIBE}", True),
        (f"=?utf-8?q?unsubscribe_{UNSUBSCRIBE}?=", True),
        (f"Re: unsubscribe {UNSUBSCRIBE}", False),
        (f"Undelivered: unsubscribe {UNSUBSCRIBE}", False),
        ("unsubscribe", False),
        ("unsubscribe me please", False),
        ("=?nonsense?q?unsubscribe?=", False),
    ],
)
def test_a_wish_to_leave_is_the_mail_we_prepared(subject: str, leaves: bool) -> None:
    """The subject of our mailto link, even sent by a machine; nothing that merely quotes it."""
    content = f"From: a@example.org\nAuto-Submitted: auto-generated\nSubject: {subject}\n\n"
    report = read(content.encode())
    assert (report.kind is K.LEAVE) == leaves
    assert report.leave == (UNSUBSCRIBE if leaves else "")


@pytest.mark.parametrize(
    ("subject", "says_yes"),
    [
        (f"confirm {CONFIRM}", True),
        (f"Confirm  {CONFIRM} ", True),
        (f"Re: confirm {CONFIRM}", True),
        (f"AW: confirm {CONFIRM}", True),
        (f"[EXTERNAL] Re: Please confirm: Trending papers confirm {CONFIRM}", True),
        (f"=?utf-8?q?confirm_{CONFIRM}?=", True),
        (f"confirm\n {CONFIRM}", True),
        (f"do not confirm {CONFIRM}", False),
        (f"confirm {CONFIRM} not", False),
        (f"confirm {UNSUBSCRIBE}", False),
        (f"unsubscribe {CONFIRM}", False),
        ("Re: Please confirm: Trending papers", False),
        ("re: " + "confirm " * 5000, False),
    ],
)
def test_a_yes_is_the_mail_we_prepared_or_an_answer(subject: str, says_yes: bool) -> None:
    """The subject of a confirmation's mailto link, whatever mail programs put before it."""
    report = read(f"From: a@example.org\nSubject: {subject}\n\n".encode())
    assert (report.kind is K.CONFIRM) == says_yes
    assert report.confirm == (CONFIRM if says_yes else "")


@pytest.mark.parametrize("said", ["Auto-Submitted: auto-replied", "X-Autoreply: yes"])
def test_a_machine_says_no_yes(said: str) -> None:
    """Somebody who is away has not agreed."""
    content = f"From: a@example.org\n{said}\nSubject: Re: confirm {CONFIRM}\n\n"
    assert read(content.encode()).kind is K.AUTO_REPLY


def status(fields: str) -> Report:
    """A delivery report with these fields of one recipient."""
    return read(
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        b"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; a.test\n\n"
        + fields.encode()
        + b"\n--b--\n"
    )


@pytest.mark.parametrize(
    ("fields", "kind", "code", "permanent"),
    [
        ("Action: failed\nStatus: 5.1.1 (no such user)\n", K.BOUNCE, "5.1.1", True),
        ("Action: FAILED (for good)\nStatus: 5.7.1\n", K.BOUNCE, "5.7.1", True),
        ("Action: failed\nStatus: 4.4.7\n", K.BOUNCE, "4.4.7", False),
        (
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1 x\n",
            K.BOUNCE,
            "5.1.1",
            1,
        ),
        (
            "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 450 4.1.1 x\n",
            K.BOUNCE,
            "5.0.0",
            1,
        ),
        (
            "Action: failed\nStatus: 5.2.1\nDiagnostic-Code: smtp; 550 5.1.1 x\n",
            K.BOUNCE,
            "5.2.1",
            1,
        ),
        ("Action: failed\nDiagnostic-Code: smtp; 550 no\n", K.BOUNCE, "", True),
        ("Action: failed\nDiagnostic-Code: smtp; 450 no\n", K.BOUNCE, "", False),
        ("Action: failed\nDiagnostic-Code: smtp; from 5.1.1.1\n", K.BOUNCE, "", False),
        ("Action: failed\n", K.BOUNCE, "", False),
        ("Status: 5.1.1\n", K.BOUNCE, "5.1.1", True),
        ("Status: 4.1.1\n", K.OTHER, "", False),
        ("Action: delayed\nStatus: 5.1.1\n", K.DELAY, "5.1.1", False),
        ("Action: relayed\nStatus: 2.1.5\n", K.OTHER, "", False),
        ("Action: sideways\n", K.OTHER, "", False),
        # Several behind one address: it is as well as the one that is best off.
        ("Action: delivered\n\nAction: failed\nStatus: 5.1.1\n", K.OTHER, "", False),
        ("Action: failed\nStatus: 5.1.1\n\nAction: expanded\n", K.OTHER, "", False),
        ("Action: failed\nStatus: 5.1.1\n\nAction: relayed\n", K.OTHER, "", False),
        (
            "Action: failed\nStatus: 5.1.1\n\nAction: delayed\nStatus: 4.2.2\n",
            K.DELAY,
            "4.2.2",
            False,
        ),
        (
            "Action: failed\nStatus: 5.1.1\n\nAction: failed\nStatus: 4.4.7\n",
            K.BOUNCE,
            "4.4.7",
            False,
        ),
        ("Action: failed\nDiagnostic-Code: smtp; x:587 timed out\n", K.BOUNCE, "", False),
        ("Action: failed\nDiagnostic-Code: smtp; after 500 seconds\n", K.BOUNCE, "", False),
        ("Action: failed\nDiagnostic-Code: x; a[1.2.3.4] said: 550 no\n", K.BOUNCE, "", True),
        ("Action: failed\nDiagnostic-Code: smtp; 550\n", K.BOUNCE, "", True),
        ("", K.OTHER, "", False),
    ],
)
def test_the_fields_of_a_recipient_decide(fields: str, kind: K, code: str, permanent: bool) -> None:
    """RFC 3464: the action first, then the status; the answer's code where the status is vague."""
    report = status(fields)
    assert (report.kind, report.code, report.permanent) == (kind, code, bool(permanent))


def test_a_report_in_base64_is_read() -> None:
    """RFC 2046 5.2.4 forbids to encode it; gateways do."""
    fields = b"Reporting-MTA: dns; a\n\nAction: failed\nStatus: 5.1.1\n"
    content = (
        b"Content-Type: multipart/report; boundary=b\n\n--b\n"
        b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n"
        + encodebytes(fields)
        + b"\n--b--\n"
    )
    report = read(content)
    assert (report.kind, report.code, report.permanent) == (K.BOUNCE, "5.1.1", True)


@pytest.mark.parametrize(
    ("told", "came"),
    [
        ("from a by b; Thu, 12 Mar 2026 09:00:00 +0100", datetime(2026, 3, 12, 8, tzinfo=UTC)),
        (
            "from a by b;\n\tThu, 12 Mar 2026 08:00:00 -0000 (UTC)",
            datetime(2026, 3, 12, 8, tzinfo=UTC),
        ),
        ("from a by b; soon", None),
        ("from a by b; Thu, 12 Mar 2026 99:99:99 +0000", None),
        ("from a by b; Thu, 31 Dec 9999 23:59:59 -1200", None),
        ("Thu, 12 Mar 99999999 09:00:00 +9999999999", None),
        ("", None),
    ],
)
def test_the_last_server_tells_when_a_wish_came(told: str, came: datetime | None) -> None:
    """The uppermost Received is our own server's; what is written below it anybody can write."""
    below = b"Received: from c by d; Fri, 1 Jan 2027 00:00:00 +0000\n"
    for name, kind in (("unsubscribe", K.LEAVE), ("confirm", K.CONFIRM)):
        report = read(f"Received: {told}\n".encode() + below + mail(name))
        assert (report.kind, report.came) == (kind, came)


def test_a_receipt_is_a_machines_answer() -> None:
    """RFC 8098: that somebody opened a mail, or deleted it unread, is nothing for a person."""
    content = (
        b"Subject: Read\nContent-Type: multipart/report; boundary=b\n\n--b\n"
        b"Content-Type: message/disposition-notification\n\nDisposition: displayed\n\n--b--\n"
    )
    assert read(content).kind is K.AUTO_REPLY


HOSTILE = {
    "nothing": b"",
    "zeros": b"\0" * LARGEST,
    "a megabyte of headers": b"To: +x@\n" * 130_000,
    "mails in mails": b"Content-Type: message/rfc822\n\n" * 40_000,
    "with bare returns": b"Content-Type: message/rfc822\r\r" * 40_000,
    "parts in parts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(29)
    )
    + b"--x\n" * 60_000,
    "many parts": b"Content-Type: multipart/digest; boundary=b\n\n" + b"--b\n\n\n" * 150_000,
    "many parameters": b"Content-Type: multipart/mixed; " + b"a*0*=1; " * 100_000,
    "folded parameters": b"Content-Type: multipart/mixed\n " + b";\n " * 80_000 + b"\n\n",
    "quotes": b'Content-Type: multipart/mixed; a="' + b'\\";' * 300_000,
    "no end of a boundary": b"Content-Type: multipart/report; boundary=\n\n--\n",
    "many fields": b"Content-Type: message/delivery-status\n\n" + b"Action: x\n\n" * 90_000,
    "an unknown charset": b"Content-Type: text/plain; charset=klingon\n\nHi. This is the \xff",
    "an unknown encoding": b"Content-Transfer-Encoding: rot13\nX-Failed-Recipients: \xff\n\n\xff",
    "many of qmail": b"\n\nHi. This is the \n" + b"<a>:\n" * 50_000,
    "encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 18_000,
    "ids": b"In-Reply-To: " + b"<2026-01-01." * 20_000,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_nonsense_is_read_in_a_moment(what: str) -> None:
    """Huge, deep or senseless: a report comes out, bounded, and soon."""
    began = time.monotonic()
    bounded(read(HOSTILE[what]))
    assert time.monotonic() - began < 5  # measured: 0.5 s; what it guards against took minutes


def bounded(report: Report) -> None:
    assert len(report.words) <= LONGEST_WORDS
    assert report.words.isprintable()
    assert len(report.recipient) <= LONGEST_ADDRESS
    assert report.recipient.isprintable()
    assert len(report.tokens) <= MOST_NAMES
    assert len(report.named) <= MOST_NAMES
    assert len(report.code) <= 16  # the column's length


PIECES = [
    *(mail(name) for name in NAMES),
    b"Content-Type: multipart/report; boundary=b\n\n--b\n",
    b"Content-Type: message/delivery-status\n\n",
    b"Action: failed\nStatus: 5.1.1\n\n",
    b"Subject: =?utf-16?b?//4=?=\n",
    b"\n--b--\n",
]


@given(st.lists(st.binary(max_size=60) | st.sampled_from(PIECES), max_size=6), st.data())
def test_no_bytes_break_it(pieces: list[bytes], data: st.DataObject) -> None:
    """Whatever stands beside or inside whatever: a bounded report, and the same one again."""
    content = b"".join(pieces)
    cut = data.draw(st.integers(0, len(content)))
    for some in (content, content[:cut], content[cut:]):
        bounded(read(some))
        assert read(some) == read(some)


@given(st.sampled_from(NAMES), st.integers(0, 3000), st.binary(min_size=1, max_size=4))
def test_a_damaged_report_is_read_or_not(name: str, at: int, noise: bytes) -> None:
    """A few bytes wrong anywhere never turn a letter into a bounce, nor break the reading."""
    whole = mail(name)
    report = read(whole[:at] + noise + whole[at + len(noise) :])
    bounded(report)
    if name == "letter":
        assert report.kind not in (K.BOUNCE, K.COMPLAINT, K.LEAVE)
