"""What a real Postfix makes of our mail, from STARTTLS to the mailbox and back.

The mail lab is no part of this repository; NEWSLETTER_MAILLAB names the folder its script `lab`
lies in. It needs root, Linux and Debian's postfix, dnsmasq-base, openssl and iproute2. It runs
once, with `postfix_talk.py` inside; each test looks at a part of what that wrote down.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAB = os.environ.get("NEWSLETTER_MAILLAB", "")
TOOLS = ("unshare", "dnsmasq", "postfix", "openssl", "ip")
ASA, NOBODY, UTF8 = "asa@example.net", "nosuch@example.net", "å@any.example.net"
PREPENDED = {"Return-Path", "X-Original-To", "Delivered-To", "Received"}  # by Postfix
DIALOGUES = ("plain", "dots", "8-bit", "long lines", "no such syntax", "a loop", "too big")


@pytest.fixture(scope="module")
def story() -> Iterator[dict[str, Any]]:
    """What happened in the lab."""
    if not LAB:
        pytest.skip("NEWSLETTER_MAILLAB does not name the mail lab's folder.")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"The mail lab needs root and {', '.join(missing or TOOLS)}.")
    folder = Path(tempfile.mkdtemp(prefix="papers-postfix-"))
    clean = {name: value for name, value in os.environ.items() if "NEWSLETTER" not in name}
    try:
        done = subprocess.run(
            [f"{LAB}/lab", sys.executable, "-m", "tests.contract.postfix_talk", str(folder)],
            cwd=ROOT,
            env=clean | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        yield json.loads((folder / "story.json").read_text(encoding="utf-8"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def belt(story: dict[str, Any]) -> dict[str, Any]:
    """What the command line did, from the first reader to the returned mail."""
    return dict(story["command line"])


def test_an_issue_is_sent_by_the_command_line(belt: dict[str, Any]) -> None:
    """Subscribe, collect, compose and send: every command ends well and every digest is sent."""
    assert [one for one in belt["said"] if one[1] != 0] == []
    assert belt["states"] == dict.fromkeys((ASA, NOBODY, UTF8), "sent")


@pytest.mark.parametrize("reader", [ASA, UTF8])
def test_a_digest_arrives_byte_for_byte(belt: dict[str, Any], reader: str) -> None:
    """The mailbox holds what was built, once, below the headers that Postfix puts on top."""
    (arrived,) = belt["arrived"][reader]
    built = belt["built"][reader].replace("\r\n", "\n")
    assert arrived.endswith(built)
    on_top = arrived.removesuffix(built)
    assert set(re.findall(r"^([\w-]+):", on_top, re.MULTILINE)) == PREPENDED
    assert f"Return-Path: <{belt['senders'][reader]}>" in on_top


@pytest.mark.parametrize(("reader", "how"), [(ASA, "ESMTPS"), (UTF8, "UTF8SMTPS")])
def test_a_digest_travels_encrypted(belt: dict[str, Any], reader: str, how: str) -> None:
    """Postfix's own Received header tells of TLS, and of SMTPUTF8 where the address needs it."""
    (arrived,) = belt["arrived"][reader]
    assert f"(Postfix) with {how} id" in arrived


def test_a_bounce_comes_back_and_finds_its_delivery(belt: dict[str, Any]) -> None:
    """The reader who is not there is told by Postfix, joined by VERP, and gets no more mail."""
    (returned,) = belt["returned"]
    assert f"Delivered-To: {belt['senders'][NOBODY]}" in returned
    code, printed, errors = belt["processed"]
    assert (code, errors) == (0, "")
    (joined,) = json.loads(printed)["messages"]
    assert (joined["what"], joined["address"], joined["code"]) == ("bounced", NOBODY, "5.1.1")
    shown = json.loads(belt["shown"][1])
    assert shown["suppression"]["kind"] == "hard"


def test_the_log_tells_what_became_of_each(belt: dict[str, Any]) -> None:
    """Postfix's real log is read as `issues reconcile` does where an answer was lost."""
    taken = {address: verdict[0] for address, verdict in belt["log"].items()}
    assert taken == {ASA: True, NOBODY: False, UTF8: True}


@pytest.mark.parametrize(
    ("name", "carried"),
    [
        ("one connection", ["ehlo=2 starttls=1 mail=5 rcpt=5 data=5 quit=1"]),
        (
            "renewed",
            [
                *["ehlo=2 starttls=1 mail=2 rcpt=2 data=2 quit=1"] * 2,
                "ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1",
            ],
        ),
        ("tls", ["ehlo=1 mail=5 rcpt=5 data=5 quit=1"]),
    ],
)
def test_messages_share_connections(story: dict[str, Any], name: str, carried: list[str]) -> None:
    """Five messages: on one connection, two a connection, and with TLS from the first byte."""
    answers, log = story[name]
    assert [(how, code) for how, code, _ in answers] == [("taken", 250)] * 5
    assert re.findall(r"disconnect from \S+ (.*) commands=\d+$", log, re.MULTILINE) == carried
    assert "improper command pipelining" not in log


@pytest.mark.parametrize(
    ("name", "words"),
    [("wrong authority", "certificate that is not trusted"), ("wrong name", "of another name")],
)
def test_nothing_leaves_for_a_server_that_is_not_trusted(
    story: dict[str, Any], name: str, words: str
) -> None:
    """A certificate that does not hold ends it, before Postfix hears of any mail."""
    (how, in_doubt, told), log = story[name]
    assert (how, in_doubt) == ("closed", False)
    assert words in told
    assert "ehlo=1 starttls=0/1 commands=1/2" in log
    assert "mail=" not in log


@pytest.mark.parametrize("name", DIALOGUES)
def test_a_dialogue_ends_as_it_does_with_smtplib(story: dict[str, Any], name: str) -> None:
    """The same message by the standard library ends by the same code, and arrives the same."""
    one = story["dialogues"][name]
    assert one["ours"][:2] == one["theirs"][:2]
    if one["ours"][0] == "taken":
        first, second = (mail.partition("\nFrom: ")[2] for mail in one["arrived"])
        assert first == second != ""  # from Postfix's From on, which it adds last
    else:
        assert one["ours"][2].split()[0] == one["theirs"][2].split()[0]  # RFC 3463
        assert one["arrived"] == []


def test_all_dialogues_are_compared(story: dict[str, Any]) -> None:
    """None is talked of that is not looked at."""
    assert set(story["dialogues"]) == set(DIALOGUES)


def test_a_message_that_is_too_big_is_refused_in_words(story: dict[str, Any]) -> None:
    """Postfix's own maximum is told, and the message does not travel first."""
    how, code, words = story["dialogues"]["too big"]["ours"]
    assert (how, code) == ("refused", 552)
    assert words == "5.3.4 localhost:2525 takes no message over 10240000 bytes"


def test_a_restart_between_two_messages_is_no_failure(story: dict[str, Any]) -> None:
    """A connection that died with Postfix is made anew."""
    assert [how for how, *_ in story["restarted"]] == ["taken", "taken"]
