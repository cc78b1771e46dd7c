"""Returned mail at the command line, from the maildir to the reader who gets nothing more."""

from __future__ import annotations

import json
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.commands import PAGE, newsletter, prepare, refused
from tests.contract.test_mailboxes import maildir
from tests.returned.make import mail

READER = "asa@example.org"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder from which one reader was sent an issue."""
    return prepare(
        tmp_path, ("subscribe", READER), ("collect", str(PAGE)), ("compose",), ("send", "--now")
    )


def message_id(place: Path) -> str:
    (sent,) = (place / "mail" / "new").iterdir()
    return str(message_from_bytes(sent.read_bytes())["Message-ID"]).strip("<>")


def test_a_bounce_silences_and_an_operator_lifts(place: Path) -> None:
    """The maildir's bounce is joined and told; a forged one is counted; again changes nothing."""
    joined = mail("postfix-no-user", bounces="daily@example.org", message_id=message_id(place))
    maildir(place / "bounces", [joined, mail("gmail"), mail("letter")])
    done = newsletter(place, "bounces", "process", "--maildir", "bounces")
    assert done.returncode == 0, done.stderr
    assert READER in done.stdout
    assert "No such mailbox or domain" in " ".join(done.stdout.split())
    assert "3 messages read: 1 bounced, 1 unauthenticated, 1 other." in done.stdout
    assert len(list((place / "bounces" / "new").iterdir())) == 1  # the letter
    shown = json.loads(newsletter(place, "subscribers", "show", READER, "--json").stdout)
    assert shown["suppression"]["kind"] == "hard"
    assert [one["code"] for one in shown["returned"]] == ["5.1.1"]
    assert "No such mailbox" in newsletter(place, "subscribers", "show", READER).stdout
    told = newsletter(place, "subscribers", "suppressions", "--json").stdout
    assert [one["address_key"] for one in json.loads(told)] == [READER]
    assert "is suppressed" in newsletter(place, "subscribe", READER).stdout
    (place / "again.eml").write_bytes(joined)
    again = newsletter(place, "bounces", "process", "--file", "again.eml", "--json")
    assert json.loads(again.stdout)["counts"]["known"] == 1
    lifted = newsletter(place, "subscribers", "unsuppress", READER)
    assert "gets mail again" in lifted.stdout
    assert json.loads(newsletter(place, "subscribers", "suppressions", "--json").stdout) == []
    assert "lifted" in newsletter(place, "subscribers", "suppressions", "--all").stdout
    refused(newsletter(place, "subscribers", "unsuppress", READER), 2, "not suppressed")


def test_a_broken_file_is_told_after_the_rest_was_taken(place: Path) -> None:
    """What can be read is recorded; the exit code says that it was not all."""
    joined = mail("postfix-no-user", bounces="daily@example.org", message_id=message_id(place))
    maildir(place / "bounces", [joined])
    for name in ("1.a.b", "2.a.b"):
        (place / "bounces" / "new" / name).mkdir()
    done = newsletter(place, "bounces", "process", "--maildir", "bounces")
    assert "1 message read: 1 bounced." in done.stdout
    refused(done, 6, "1.a.b cannot be read", "So it is with 1 other.")


def test_an_address_is_suppressed_by_hand(place: Path) -> None:
    """Whether a subscriber has it or not, in whatever case it is typed."""
    words = ("--reason", "by phone")
    assert newsletter(place, "subscribers", "suppress", "Asa@Example.org", *words).returncode == 0
    other = newsletter(place, "subscribers", "suppress", "nobody@example.org")
    assert "It is no subscriber's." in other.stdout
    again = newsletter(place, "subscribers", "suppress", READER)
    assert again.stdout == f"{READER} is suppressed already: by phone\n"
    shown = newsletter(place, "subscribers", "show", READER).stdout
    assert "manual, by phone" in shown
    assert newsletter(place, "status").returncode == 0


def test_the_envelope_carries_a_token_where_it_is_wished(tmp_path: Path) -> None:
    """sender.verp counts from the issue composed next; its address fits 64 octets."""
    long = {"SENDER__VERP": "true", "SENDER__BOUNCES": f"{'b' * 25}@example.org"}
    assert newsletter(tmp_path, "config", "show", **long).returncode == 0
    longer = long | {"SENDER__BOUNCES": f"{'b' * 26}@example.org"}
    refused(newsletter(tmp_path, "config", "show", **longer), 3, "25 characters at most")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "Name one of"),
        (("--maildir", ".", "--file", "x"), 2, "Name one of"),
        (("--maildir", "nowhere"), 2, "no maildir"),
        (("--file", "nowhere.eml"), 2, "No such file"),
        (("--file", "."), 2, "--maildir"),
        (("--file", ""), 2, "Name one of"),
        (("--file", "secret", "--user", "ida"), 2, "go with --imap"),
        (("--imap", "127.0.0.1"), 2, "--user and --password-file"),
        (("--imap", "127.0.0.1", "--user", "ida", "--password-file", "nowhere"), 3, "nowhere"),
        (
            ("--imap", "127.0.0.1", "--port", "1", "--user", "ida", "--password-file", "secret"),
            6,
            "127.0.0.1:1 cannot be reached over TLS: Connection refused.",
        ),
    ],
)
def test_a_wrong_request_is_told_in_one_line(
    tmp_path: Path, words: tuple[str, ...], code: int, told: str
) -> None:
    """What cannot be read is refused in words, with its exit code."""
    (tmp_path / "secret").write_text("hunter2\n", encoding="utf-8")
    refused(newsletter(tmp_path, "bounces", "process", *words), code, told)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("suppress", "nobody"), "not an e-mail address"),
        (("suppress", "a@example.org", "--reason", "a\nb"), "one line"),
        (("suppress", "a@example.org", "--reason", "a" * 301), "300 at most"),
        (("unsuppress", "a@example.org"), "not suppressed"),
    ],
)
def test_a_wrong_address_is_told(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    """As everywhere."""
    refused(newsletter(tmp_path, "subscribers", *words), 2, told)


def test_a_confirmation_is_answered_by_mail(tmp_path: Path) -> None:
    """Without pages: the mail says what to write, and writing it confirms and welcomes."""
    assert newsletter(tmp_path, "subscribe", READER, "--confirm").returncode == 0
    assert newsletter(tmp_path, "send").returncode == 0
    (sent,) = (tmp_path / "mail" / "new").iterdir()
    body = message_from_bytes(sent.read_bytes(), policy=policy.default).get_body(("plain",))
    assert body is not None
    text = " ".join(body.get_content().split())
    assert "mailto:daily@example.org?subject=confirm%20" in text
    told = text.partition("write to daily@example.org with nothing but this as the subject: ")[2]
    subject = " ".join(told.split()[:2])
    assert subject.startswith("confirm ")
    answer = f"From: {READER}\nTo: daily@example.org\nSubject: Re: {subject}\n\n"
    maildir(tmp_path / "answers", [answer.encode()])
    done = newsletter(tmp_path, "bounces", "process", "--maildir", "answers")
    assert done.returncode == 0, done.stderr
    assert "1 message read: 1 confirmed." in done.stdout
    assert READER in done.stdout
    shown = json.loads(newsletter(tmp_path, "subscribers", "show", READER, "--json").stdout)
    assert shown["state"] == "confirmed"
    (tmp_path / "again.eml").write_bytes(answer.encode())
    again = newsletter(tmp_path, "bounces", "process", "--file", "again.eml", "--json")
    assert json.loads(again.stdout)["counts"]["known"] == 1
    assert "had confirmed already" in newsletter(tmp_path, "confirm", subject).stdout
    kinds = json.loads(newsletter(tmp_path, "letters", "list", "--json").stdout)
    assert [one["kind"] for one in kinds] == ["welcome", "confirmation"]
