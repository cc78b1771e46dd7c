"""Runs inside the mail lab: talks to its Postfix, and writes down what came of it.

`python -m tests.contract.postfix_talk FOLDER`; the story is FOLDER/story.json, and
`test_postfix.py` reads it. Nothing is judged here.
"""

from __future__ import annotations

import json
import os
import smtplib
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trustme

from newsletter.app import App
from newsletter.config import load
from newsletter.pipeline import Edition
from newsletter.store import issues, ledger
from newsletter.transports import Envelope, Refused, TransportUnavailable, relay_log
from newsletter.transports.smtp import SmtpTransport
from newsletter.transports.smtp_options import SmtpOptions
from tests.commands import PAGE, newsletter

HOST = "localhost"
PORT, TLS_PORT = (int(os.environ[name].rpartition(":")[2]) for name in ("LAB_SMTP", "LAB_SMTPS"))
CA = os.environ["LAB_CA"]
LOG = Path(os.environ["LAB_LOG"])
BOXES = Path(os.environ["LAB_MAILDIR"])
POSTFIX = Path(os.environ["LAB"]) / "postfix"
PATIENCE = 30  # seconds for Postfix to deliver or to return a mail; it takes less than one
READERS = ("asa@example.net", "nosuch@example.net", "å@any.example.net")
SENDER = "b@bounces.papers.example.org"
SETTINGS = f"""\
[sender]
address = "daily@papers.example.org"
bounces = "{SENDER}"
verp = true
postal_address = "The lab"

[delivery]
transport = "smtp"

[transports.smtp]
host = "{HOST}"
port = {PORT}
ca_file = "{CA}"
"""
TOO_BIG = b"Subject: big\r\n\r\n" + (b"x" * 76 + b"\r\n") * 132_000  # Postfix takes 10,240,000
LOOPED = b"Received: from a by b; Thu, 12 Mar 2026 08:00:00 +0000\r\n" * 60
DIALOGUES: dict[str, tuple[str, bytes]] = {  # name: recipient, message
    "plain": ("plain@any.example.net", b"Subject: plain\r\n\r\nthe end\r\n"),
    "dots": ("dots@any.example.net", b"Subject: dots\r\n\r\n.\r\n..\r\n.end\r\nFrom here\r\n"),
    "8-bit": ("bits@any.example.net", "Subject: 8\r\n\r\nsøte drømmer\r\n".encode()),
    "long lines": ("long@any.example.net", b"Subject: long\r\n\r\n" + b"y" * 900 + b"\r\n"),
    "no such syntax": ("asa@[1.2.3", b"Subject: no\r\n\r\nno\r\n"),
    "a loop": ("loop@any.example.net", LOOPED + b"Subject: loop\r\n\r\nround\r\n"),
    "too big": ("big@any.example.net", TOO_BIG),
}


def road(**options: Any) -> SmtpTransport:
    values = {"host": HOST, "port": PORT, "ca_file": Path(CA), "timeout": 20} | options
    return SmtpTransport(SmtpOptions(**values))


def envelope(recipient: str, message_id: str = "1@papers.example.org") -> Envelope:
    return Envelope(sender=SENDER, recipient=recipient, message_id=message_id)


def ends(act: Callable[[], Any]) -> list[Any]:
    """How sending ends: taken, refused with code and words, or closed with words."""
    try:
        reply = act()
        return ["taken", reply.code, reply.text]
    except Refused as error:
        return ["refused", error.reply.code, error.reply.text]
    except TransportUnavailable as error:
        return ["closed", error.in_doubt, str(error)]


def by_smtplib(recipient: str, message: bytes) -> list[Any]:
    """The same message by the standard library's own `sendmail`."""
    with smtplib.SMTP(HOST, PORT, timeout=20) as session:
        session.starttls(context=ssl.create_default_context(cafile=CA))
        try:
            session.sendmail(SENDER, [recipient], message)
        except smtplib.SMTPRecipientsRefused as error:
            ((code, words),) = error.recipients.values()
            return ["refused", code, words.decode()]
        except smtplib.SMTPResponseException as error:
            words = error.smtp_error
            return ["refused", error.smtp_code, str(words, "utf-8", "replace")]
        return ["taken", 250, ""]


def letters(box: str, number: int, recipient: str = "") -> list[str]:
    """The mail in a maildir, or one recipient's there: once so much came, or patience ended."""
    mark = f"\nDelivered-To: {recipient}\n" if recipient else ""
    ends_at = time.monotonic() + PATIENCE
    while True:
        all_of_it = [path.read_bytes().decode() for path in (BOXES / box / "new").iterdir()]
        found = [one for one in all_of_it if mark in one]
        if len(found) >= number or time.monotonic() > ends_at:
            return found
        time.sleep(0.05)


def logged(act: Callable[[], Any]) -> tuple[Any, str]:
    """What an act that connects returns, and what Postfix's log tells when each line is closed."""
    before = LOG.stat().st_size
    result = act()
    ends_at = time.monotonic() + PATIENCE
    while time.monotonic() < ends_at:
        told = LOG.read_bytes()[before:].decode()
        if 1 <= told.count(" connect from") <= told.count(" disconnect from"):
            break
        time.sleep(0.05)
    return result, told


def several(**options: Any) -> tuple[list[list[Any]], str]:
    """Five messages by one transport."""

    def act() -> list[list[Any]]:
        one = road(**options)
        to = envelope("several@any.example.net")
        done = [ends(lambda: one.send(to, DIALOGUES["plain"][1])) for _ in range(5)]
        one.close()
        return done

    return logged(act)


def command_line(place: Path) -> dict[str, Any]:
    """The whole belt by its commands, to readers of whom one is not there."""
    (place / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    commands = [("subscribe", reader) for reader in READERS]
    commands += [("collect", str(PAGE)), ("compose",), ("send", "--now")]
    said = []
    for words in commands:
        done = newsletter(place, *words)
        said.append([" ".join(words), done.returncode, done.stdout + done.stderr])
    app = App(load(place / "newsletter.toml", {}))
    try:
        with app.database.read() as connection:
            issue = issues.latest(connection)
            assert issue is not None
            edition = Edition(issue, app.signer, app.mail_signer)
            entries = ledger.entries(connection, issue.id)
            states = {one.address: str(one.state) for one in entries}
            mails = {one.address: edition.message(one) for one in entries}
    finally:
        app.close()
    asa, utf8 = letters("asa", 1), letters("any", 1, READERS[2])
    returned = letters("bounces", 1)
    ids = {mail.message_id: address for address, mail in mails.items()}
    verdicts = relay_log.read(LOG, ids)
    processed = newsletter(
        place, "bounces", "process", "--maildir", str(BOXES / "bounces"), "--json"
    )
    shown = newsletter(place, "subscribers", "show", "nosuch@example.net", "--json")
    return {
        "said": said,
        "states": states,
        "built": {address: mail.content.decode() for address, mail in mails.items()},
        "senders": {address: mail.sender for address, mail in mails.items()},
        "arrived": {READERS[0]: asa, READERS[2]: utf8},
        "returned": returned,
        "log": {ids[one]: [said.taken, said.words] for one, said in verdicts.items()},
        "processed": [processed.returncode, processed.stdout, processed.stderr],
        "shown": [shown.returncode, shown.stdout, shown.stderr],
    }


def restarted() -> list[list[Any]]:
    """A message, Postfix started anew, and a message by the same transport."""
    one = road()
    to = envelope("restart@any.example.net")
    first = ends(lambda: one.send(to, DIALOGUES["plain"][1]))
    for word in ("abort", "start"):
        subprocess.run(["postfix", "-c", POSTFIX, word], check=False, capture_output=True)
    second = ends(lambda: one.send(to, DIALOGUES["plain"][1]))
    one.close()
    return [first, second]


def dialogues() -> dict[str, Any]:
    """Each dialogue by us and by smtplib: how it ended, and what arrived."""
    told: dict[str, Any] = {}
    for name, (recipient, message) in DIALOGUES.items():
        one = road()
        ours = ends(lambda one=one, to=recipient, m=message: one.send(envelope(to), m))
        one.close()
        told[name] = {"ours": ours, "theirs": by_smtplib(recipient, message)}
    for name, (recipient, _) in DIALOGUES.items():
        taken = [told[name][whose][0] for whose in ("ours", "theirs")].count("taken")
        told[name]["arrived"] = letters("any", taken, recipient)
    return told


def main(folder: Path) -> None:
    """Everything once; a few seconds."""
    other = folder / "other.pem"
    other.write_bytes(trustme.CA().cert_pem.bytes())
    plain = DIALOGUES["plain"][1]
    place = folder / "place"
    place.mkdir()
    story: dict[str, Any] = {"command line": command_line(place)}
    story["one connection"] = several()
    story["renewed"] = several(renew_after=2)
    story["tls"] = several(security="tls", port=TLS_PORT)
    for name, options in {
        "wrong authority": {"ca_file": other},
        "wrong name": {"host": "papers.example.org"},
    }.items():
        story[name] = logged(
            lambda options=options: ends(
                lambda: road(**options).send(envelope("secret@any.example.net"), plain)
            )
        )
    story["dialogues"] = dialogues()
    story["restarted"] = restarted()
    (folder / "story.json").write_text(json.dumps(story), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
