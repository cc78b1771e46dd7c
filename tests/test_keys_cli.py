"""Keys and webhooks, by the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from subscribers.tokens import Purpose, Signer
from tests.commands import PAGE, ROOT, newsletter, prepare, refused
from tests.receiver import Receiver, Reply

LONG = "a key of more than sixteen letters"
PRIVATE = {"WEBHOOKS__ALLOW_PRIVATE": "true"}


def done(place: Path, *words: str, **settings: str) -> str:
    ran = newsletter(place, *words, **settings)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def told(place: Path, *words: str) -> Any:
    return json.loads(done(place, *words, "--json"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a reader who asked for mail by mail."""
    return prepare(tmp_path, ("subscribe", "asa@example.org"))


def today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def test_a_key_is_made_listed_and_revoked(tmp_path: Path) -> None:
    """Printed once, as the first line; the list never shows it, and it is nowhere on the disk."""
    said = done(tmp_path, "keys", "create", "dashboard", "--scope", "status", "--scope", "read")
    key = said.splitlines()[0]
    assert re.fullmatch(r"tp_[A-Za-z0-9_-]{43}", key)
    assert "key 1, dashboard, for read, status" in said
    (row,) = told(tmp_path, "keys", "list")
    assert (row["id"], row["name"], row["scopes"]) == (1, "dashboard", ["read", "status"])
    assert (row["used_at"], row["revoked_at"]) == (None, None)
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or key.encode() not in file.read_bytes()
    assert "dashboard" in done(tmp_path, "keys", "list")
    assert "revoked" in done(tmp_path, "keys", "revoke", "1")
    assert told(tmp_path, "keys", "list")[0]["revoked_at"] > today()
    refused(newsletter(tmp_path, "keys", "revoke", "1"), 2, "revoked already")
    refused(newsletter(tmp_path, "keys", "revoke", "9"), 2, "no key number 9")
    refused(newsletter(tmp_path, "keys", "create", " ", "--scope", "read"), 2, "name")
    refused(newsletter(tmp_path, "keys", "create", "x" * 65, "--scope", "read"), 2, "name")
    assert newsletter(tmp_path, "keys", "create", "x").returncode == 2
    assert newsletter(tmp_path, "keys", "create", "x", "--scope", "all").returncode == 2


def test_links_of_before_a_rotation_work_to_their_date(place: Path) -> None:
    """And not a day longer: an older key that has ended is as none."""
    file = place / "secret.key"
    done(place, "webhooks", "add", "https://hooks.example.org/")  # makes the first key
    old = file.read_text().strip()
    token = Signer(old.encode()).sign(Purpose.UNSUBSCRIBE, 1)
    until = f"{datetime.now(UTC) + timedelta(days=60):%Y-%m-%d}"
    assert f"up to {until}" in done(place, "keys", "rotate")
    new, older = file.read_text().splitlines()
    assert older == f"{old} until {until}"
    assert new != old
    assert file.stat().st_mode & 0o777 == 0o600
    ended = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    file.write_text(f"{new}\n{old} until {ended}\n")
    refused(newsletter(place, "unsubscribe", token), 2, "not valid")
    file.write_text(f"{new}\n{old} until {until}\n")
    done(place, "unsubscribe", token)
    assert "1 older key in the file still counts" in done(place, "keys", "rotate")
    done(place, "keys", "rotate", "--keep-days", "0")
    assert [line.split()[1] for line in file.read_text().splitlines()[1:]] == ["until", "until"]
    assert len(file.read_text().splitlines()) == 3


def test_what_is_wrong_in_the_file_is_told(place: Path) -> None:
    """By its line, to whatever command needs a key."""
    file = place / "secret.key"
    for text, words in (
        ("short\n", "must have at least 32 characters. Restore it"),
        ("", "is empty. Restore it"),
        (f"{LONG}\n{LONG}\n", "line 2: an older key is written as KEY until YYYY-MM-DD"),
        (f"{LONG} until {today()}\n", "line 1: this is an older key"),
    ):
        file.write_text(text)
        for words_of_it in (("keys", "rotate"), ("webhooks", "add", "https://a.example.org/")):
            refused(newsletter(place, *words_of_it), 3, words, "secret.key")
        assert file.read_text() == text


def test_a_configured_file_is_rotated_and_a_setting_is_not(place: Path) -> None:
    """What stands in the settings or the environment is the operator's to write."""
    refused(
        newsletter(place, "keys", "rotate", SECRET=LONG),
        2,
        "(NEWSLETTER_SECRET)",
        "set `secret_file`",
    )
    (place / "key").write_text(f"{LONG}\n", encoding="utf-8")
    assert str(place / "key") in done(place, "keys", "rotate", SECRET_FILE="key")
    assert f"{LONG} until " in (place / "key").read_text()
    (place / "key").write_text("short\n", encoding="utf-8")
    refused(
        newsletter(place, "keys", "rotate", SECRET_FILE="key"),
        3,
        "secret_file: the key in",
        "16 characters",
    )


def test_no_rotation_while_an_issue_is_on_its_way(place: Path) -> None:
    """Its mails are signed with the key of today; --force signs them anew."""
    prepare(place, ("subscribe", "asa@example.org"), ("collect", str(PAGE)), ("compose",))
    refused(newsletter(place, "keys", "rotate"), 2, "1 delivery is queued", "--force")
    done(place, "keys", "rotate", "--force")
    done(place, "send", "--now")
    done(place, "keys", "rotate")


def test_a_delivery_of_before_a_rotation_is_found_in_the_relays_log(place: Path) -> None:
    """By the Message-ID it went out with; those it may have are listed."""
    prepare(place, ("subscribe", "asa@example.org"), ("collect", str(PAGE)), ("compose",))
    done(place, "send", "--now")
    (day,) = [row["issue"] for row in told(place, "issues", "list")]
    message_id = told(place, "deliveries", "show", "1")["message_id"].strip("<>")
    with closing(sqlite3.connect(place / "newsletter.db")) as database, database:
        database.execute("UPDATE deliveries SET state = 'unknown'")  # as a lost answer leaves it
    done(place, "keys", "rotate")
    assert message_id in told(place, "deliveries", "show", "1")["or_message_id"]
    assert message_id[:20] in done(place, "issues", "reconcile", day)
    log = place / "mail.log"
    log.write_text(
        f"postfix/cleanup[1]: ABCDEF1234: message-id=<{message_id}>\n"
        "postfix/smtp[1]: ABCDEF1234: to=<asa@example.org>, status=sent (250 ok)\n"
    )
    assert "1 settled, 0 still unknown" in done(
        place, "issues", "reconcile", day, "--log", log.name
    )
    assert told(place, "issues", "show", day)["deliveries"][0]["state"] == "sent"


def test_a_webhook_is_added_tried_told_and_removed(place: Path) -> None:
    """Its secret comes from the key: it can be asked for again, and a rotation changes it."""
    with Receiver() as receiver:
        refused(newsletter(place, "webhooks", "add", receiver.url), 2, "webhooks.allow_private")
        refused(newsletter(place, "webhooks", "add", "http://a.example.org"), 2, "https://")
        said = done(place, "webhooks", "add", receiver.url, "-e", "unsubscribed", **PRIVATE)
        secret = said.splitlines()[0]
        assert secret.startswith("whsec_")
        assert done(place, "webhooks", "secret", "1").strip() == secret
        assert "took it: 204" in done(place, "webhooks", "test", "1", **PRIVATE)
        assert done(place, "webhooks", "send", **PRIVATE) == "Nothing is due.\n"
        done(place, "unsubscribe", "asa@example.org")
        assert "Webhook 1: 1 event sent." in done(place, "webhooks", "send", **PRIVATE)
        assert [one.told["type"] for one in receiver.posts] == ["test", "unsubscribed"]
        (row,) = told(place, "webhooks", "list")
        assert (row["url"], row["kinds"], row["lost"]) == (receiver.url, ["unsubscribed"], 0)
        receiver.script = [Reply(status=500), Reply(status=500)]
        refused(newsletter(place, "webhooks", "test", "1", **PRIVATE), 1, "500 Internal")
        done(place, "subscribe", "asa@example.org")
        done(place, "unsubscribe", "asa@example.org")
        assert "Failed 1 time, again" in done(place, "webhooks", "send", **PRIVATE)
        assert "failed 1 time" in " ".join(done(place, "webhooks", "list").split())
    done(place, "keys", "rotate")
    assert done(place, "webhooks", "secret", "1").strip() != secret
    done(place, "webhooks", "remove", "1")
    assert told(place, "webhooks", "list") == []
    assert told(place, "webhooks", "list", "--all")[0]["answer"] == "An operator removed it."
    refused(newsletter(place, "webhooks", "remove", "1"), 2, "was removed on")
    refused(newsletter(place, "webhooks", "test", "7"), 2, "no webhook number 7")


def test_a_send_that_is_killed_sends_its_event_again(place: Path) -> None:
    """A real process, ended between the answer and its record."""
    with Receiver() as receiver:
        done(place, "webhooks", "add", receiver.url, **PRIVATE)
        done(place, "unsubscribe", "asa@example.org")
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        allowed = {"NEWSLETTER_WEBHOOKS__ALLOW_PRIVATE": "true", "PYTHONPATH": path}
        words = [sys.executable, "-m", "newsletter", "webhooks", "send"]
        dying = subprocess.Popen(words, cwd=place, env={**os.environ, **allowed})
        receiver.script = [Reply(then=dying.kill, wait=0.2)]
        assert dying.wait(60) == -signal.SIGKILL
        assert "Nothing is due" in done(place, "webhooks", "send", **PRIVATE)  # it is held still
        with closing(sqlite3.connect(place / "newsletter.db")) as database, database:
            database.execute("UPDATE webhooks SET next_at = created_at")  # the lease has ended
        assert "1 event sent" in done(place, "webhooks", "send", **PRIVATE)
    first, second = receiver.posts
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


def test_a_secret_in_a_webhooks_address_is_not_shown(place: Path) -> None:
    """Lists are pasted into chats."""
    done(place, "webhooks", "add", "https://hooks.example.org/?token=hush")
    assert "hush" not in done(place, "webhooks", "list") + done(place, "webhooks", "list", "--json")
