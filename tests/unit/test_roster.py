"""CSV of subscribers in and out: what is read, what is refused, and in which words."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import UTC, date, datetime, time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from subscribers import addresses, roster
from subscribers.errors import AddressError, RosterError
from subscribers.model import Consent, Preferences, State, Subscriber
from subscribers.roster import LONGEST_LINE, Reader, masked, written
from subscribers.roster_columns import OURS, PRESETS, layout
from subscribers.roster_entries import Entry, Judge, Refusal, Terms, row_of

NOW = datetime(2026, 3, 31, 8, tzinfo=UTC)
KNOWN = {"alignment", "robotics", "survey"}
TERMS = Terms(consent="sign-up form", now=NOW, topic=lambda name: name if name in KNOWN else None)

MAILCHIMP = "Email Address,First Name,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,TAGS"
BUTTONDOWN = "email,creation_date,tags,subscriber_type"
SUBSTACK = "email,active_subscription,expiry,email_disabled,created_at"
LISTMONK = "uuid,email,name,attributes,status,created_at,updated_at"


def read(text: str | bytes, terms: Terms = TERMS, **how: object) -> list[Entry | Refusal]:
    """The rows of a file, each judged."""
    raw = text if isinstance(text, bytes) else text.encode()
    reader = Reader(io.BytesIO(raw))
    found = layout(reader.header, how.get("kind"), how.get("mapped", {}))  # type: ignore[arg-type]
    judge = Judge(found, terms)
    return [judge(row) for row in reader]


def one(text: str, terms: Terms = TERMS, **how: object) -> Entry:
    (found,) = read(text, terms, **how)
    assert isinstance(found, Entry), found
    return found


def why(text: str, terms: Terms = TERMS, **how: object) -> str:
    (found,) = read(text, terms, **how)
    assert isinstance(found, Refusal), found
    return found.reason


ANY = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@given(st.lists(st.lists(ANY, max_size=8)))
@example([["=1+1", "+1", "-1", "@a", "\ta", "\ra", "'a", "''", "'=", "a\nb", 'a"b', "a,b;c"]])
def test_what_is_written_is_read_again(rows: list[list[str]]) -> None:
    """Whatever the fields hold, and no field begins as a formula does."""
    rows = [row for row in rows if len(row) > 1]
    raw = written([["a", "b"], *rows])
    assert [row.fields for row in Reader(io.BytesIO(raw))] == rows
    for field in (field for row in rows for field in row):
        assert roster._guarded(field)[:1] not in set("=+-@\t\r")


@given(st.text(max_size=70), st.sampled_from(["example.org", "EXAMPLE.org", "bücher.test", "b"]))
@example("a" * 64, "example.org")
@example("a" * 65, "example.org")
@example("a", ".".join(["b" * 60] * 4) + ".test")
@example("a" * 64, ".".join(["b" * 60] * 3) + ".test")
@example("=a", "example.org")
@example("a..b", "example.org")
def test_a_quick_answer_is_the_slow_one(local: str, domain: str) -> None:
    """An address is taken and spelt as `addresses.normalise` does it."""
    typed = f"{local}@{domain}".strip()
    judge = Judge(layout(["email"], None, {}), TERMS)
    try:
        expected = addresses.normalise(typed)
    except AddressError:
        expected = None
    found = judge(roster.Record(2, [typed]))
    assert (found.address if isinstance(found, Entry) else None) == expected


@given(
    st.builds(
        Preferences,
        follows=st.frozensets(st.sampled_from(["alignment", "robotics"])),
        mutes=st.frozensets(st.just("survey")),
        at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
        zone=st.sampled_from(["UTC", "Europe/Oslo"]),
        days=st.frozensets(st.integers(0, 6), min_size=1),
        length=st.integers(1, 50),
        language=st.sampled_from(["", "de"]),
        paused_until=st.none() | st.dates(date(2026, 1, 1)),
    ),
    st.datetimes(max_value=datetime(2026, 3, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_an_exported_subscriber_is_imported_alike(wants: Preferences, at: datetime) -> None:
    """Address, preferences and consent come back as they were."""
    reader = Subscriber(
        id=1,
        address="+asa@example.org",
        state=State.CONFIRMED,
        preferences=wants,
        consent=Consent(at=at, form="=form"),
    )
    (found,) = read(written([OURS, row_of(reader)]))
    assert isinstance(found, Entry), found
    assert found.address == reader.address
    assert found.wishes.preferences == wants
    assert found.consent == reader.consent


@pytest.mark.parametrize(
    ("text", "kind", "at"),
    [
        (
            f"{MAILCHIMP}\na@example.org,A,2,2020-01-02 03:04:05,2020-01-03 03:04:05,",
            "mailchimp",
            3,
        ),
        (f"{MAILCHIMP}\na@example.org,A,2,2020-01-03 03:04:05,,", "mailchimp", 3),
        (f"{BUTTONDOWN}\na@example.org,2020-01-03T03:04:05.5Z,,regular", "buttondown", 3),
        (f"{SUBSTACK}\na@example.org,false,,false,2020-01-03T03:04:05.123Z", "substack", 3),
        (
            f'{LISTMONK}\nu,a@example.org,A,"{{""a"": ""b,c""}}",enabled,'
            "2020-01-03 03:04:05.5+00,2020-01-04 00:00:00+00",
            "listmonk",
            3,
        ),
        ("E-Mail;Name\na@example.org;A", "csv", None),
        ("email\tname\r\na@example.org\tA", "csv", None),
        ("\ufeffaddress\na@example.org", "csv", None),
        ("address,confirmed_at\na@example.org,2020-01-03", "csv", 3),
    ],
)
def test_exports_are_known_by_their_header(text: str, kind: str, at: int | None) -> None:
    """The service, the separator, and the instant at which the reader agreed."""
    header = Reader(io.BytesIO(text.encode())).header
    assert layout(header, None, {}).preset.name == kind
    entry = one(text)
    assert entry.address == "a@example.org"
    assert entry.consent.form == "sign-up form"
    assert entry.consent.at.date() == (date(2020, 1, at) if at else NOW.date())
    assert one(text, kind=kind) == entry


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{MAILCHIMP},UNSUB_TIME\na@example.org,A,2,,,,2021-01-01 00:00:00", "unsubscribed there"),
        (f"{MAILCHIMP},CLEAN_TIME\na@example.org,A,2,,,,2021-01-01 00:00:00", "cleaned there"),
        (f"{BUTTONDOWN}\na@example.org,2020-01-01,,unsubscribed", "unsubscribed there"),
        (f"{BUTTONDOWN}\na@example.org,2020-01-01,,spammy", "spammy there"),
        (f"{BUTTONDOWN}\na@example.org,2020-01-01,,unactivated", "not confirmed there"),
        (f"{BUTTONDOWN}\na@example.org,2020-01-01,,", "not told whether it has left"),
        (f"{SUBSTACK}\na@example.org,true,,true,2020-01-01", "disabled there"),
        (f"{LISTMONK}\nu,a@example.org,A,{{}},blocklisted,2020-01-01,", "blocklisted there"),
        (f"{LISTMONK}\nu,a@example.org,A,{{}},disabled,2020-01-01,", "disabled there"),
        ("email,status\na@example.org,unsubscribed", "unsubscribed there"),
        ("email,unsubscribed_at\na@example.org,2021-01-01", "unsubscribed there"),
        ("email,state\na@example.org,pending", "not confirmed there; --confirm asks"),
        ("email\nnobody", "no e-mail address"),
        ("email,name\n,A", "no address"),
        ("email,name\na@example.org", "1 fields where the header has 2"),
        ("email,topics\na@example.org,nothing", "no topic 'nothing'"),
        ("email,topics,mutes\na@example.org,survey,survey", "followed or muted, not both"),
        ("email,at\na@example.org,25:00", "'25:00' is not a time of day"),
        ("email,zone\na@example.org,Mars", "'Mars' is not a time zone"),
        ("email,days\na@example.org,never", "names no days"),
        ("email,length\na@example.org,ten", "'ten' is no number of papers"),
        ("email,length\na@example.org,9999", "1 to 50 papers"),
        ("email,paused_until\na@example.org,soon", "'soon' is no day"),
        ("email,consent_at\na@example.org,03/04/21", "'03/04/21' is no instant"),
        ("email,consent_at\na@example.org,2027-01-01", "still to come"),
        (f"email,zone\na@example.org,{'x' * 60_000}", "…"),
        (f"email,consent_form\na@example.org,{'x' * 65}", "consent_form is not one line"),
    ],
)
def test_a_row_that_is_refused_says_why(text: str, reason: str) -> None:
    """Who left there is not subscribed, and what cannot be meant is told."""
    assert reason in why(text)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (b"", 1, "is empty"),
        (b"\xff\xfee\0m\0", 1, "is UTF-16"),
        (b"PK\x03\x04\0\0", 1, "NUL byte"),
        (b"email\na@example.org\n\xe9@example.org\n", 3, "byte 1 is not UTF-8"),
        (b"email\n" + b"a" * (LONGEST_LINE + 1), 2, "more than 65,536 bytes"),
        (b"a" * (LONGEST_LINE + 1), 1, "more than 65,536 bytes"),
        (b'email,name\na@example.org,"b\nc\n', 2, "never closed"),
        (b'email,name\na@example.org,"b' + b"\n" * 500, 2, "more than 200 lines"),
        (b'email,name\na@example.org,"b' + b"\n".join([b"c" * 60_000] * 9), 2, "too long"),
        (b'email,name\na@example.org,"b"c\n', 2, "no CSV"),
        (b"email\ra@example.org\rb@example.org", 1, "line end in the middle"),
        (b"name\nAsa", 1, "no column of addresses"),
        (b"asa@example.org\nbo@example.org", 1, "the first line holds an address"),
        (b"email,email\na@example.org,b@example.org", 1, "stands there twice"),
        (b",".join([b"a"] * 501), 1, "more than 500 columns"),
    ],
)
def test_what_is_no_file_of_subscribers_is_told_with_its_line(
    text: bytes, line: int, words: str
) -> None:
    """Whatever the bytes are, the error is one sentence."""
    with pytest.raises(RosterError) as told:
        read(text)
    assert told.value.line == line
    assert words in str(told.value)
    assert "\n" not in str(told.value)


@given(st.binary(max_size=300))
def test_no_bytes_are_too_strange(text: bytes) -> None:
    """Rows, or one sentence."""
    with suppress(RosterError):
        read(b"email,topics\n" + text)


def test_an_export_that_does_not_tell_who_left_is_no_export() -> None:
    """A service that has a column for it is asked for that column."""
    with pytest.raises(RosterError, match="cannot be told who has left listmonk"):
        read("uuid,email\nu,a@example.org", kind="listmonk")
    with pytest.raises(RosterError, match="no export of mailchimp: no column 'email address'"):
        read("email\na@example.org", kind="mailchimp")


def test_columns_are_mapped_by_name() -> None:
    """A mapped column goes before those that are known, and has to be there."""
    text = "Kontakt,Themen,email\na@example.org,alignment|robotics,b@example.org"
    entry = one(text, mapped={"address": "kontakt", "topics": "Themen"})
    assert entry.address == "a@example.org"
    assert entry.wishes.preferences.follows == {"alignment", "robotics"}
    with pytest.raises(RosterError, match="no column 'Thema' for topics. There are: Kontakt"):
        read(text, mapped={"topics": "Thema"})
    gone = "email,gone\na@example.org,2020-01-01"
    assert why(gone, mapped={"unsubscribed_at": "gone"}) == "unsubscribed there"


def test_another_services_tags_follow_the_topics_they_name() -> None:
    """Other tags are passed over, where a `topics` column of ours is taken at its word."""
    entry = one(f'{MAILCHIMP}\na@example.org,A,2,,,"""alignment"",""Customer"""')
    assert entry.wishes.preferences.follows == {"alignment"}
    assert entry.wishes.passed_over == ("Customer",)


def test_a_row_goes_before_what_is_said_of_all() -> None:
    """An empty field says nothing."""
    terms = Terms(consent="form", now=NOW, wishes={"at": "07:00", "days": "weekdays"})
    wants = one("email,at,days\na@example.org,9:30,", terms).wishes.preferences
    assert (wants.at, wants.days) == (time(9, 30), frozenset(range(5)))


def test_owners_are_asked_where_that_is_wanted() -> None:
    """Those who had not confirmed there too."""
    terms = Terms(consent="form", now=NOW, ask=True)
    assert one("email\na@example.org", terms).state is State.PENDING
    assert one("email,state\na@example.org,pending", terms).state is State.PENDING


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    """A row that goes over several lines is told by its first; blank lines count."""
    rows = read('email,name\na@example.org,"b\nc"\n\n\nnobody,d\n')
    assert [row.line for row in rows] == [2, 6]


def test_addresses_are_masked() -> None:
    """One letter and the domain are enough to find a row again."""
    assert masked("asa@example.org") == "a***@example.org"
    assert masked("nobody\x1b") == "n***"
    assert masked("") == "***"


def test_every_preset_reads_an_address() -> None:
    """And the columns that say who has left."""
    for preset in PRESETS.values():
        assert preset.columns["address"]
        assert preset.good or preset.left
