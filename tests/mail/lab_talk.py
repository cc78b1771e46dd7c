"""Runs inside the mail lab: has mails carried and judged there, and writes down what came of it.

`python -m tests.mail.lab_talk FOLDER`, with FOLDER/NAME.eml and FOLDER/envelopes.json. Answers in
FOLDER/lab.json, and in FOLDER/arrived with the mails as they lie in the mailbox. The lab's DNS
knows the sender and its keys. Nothing is judged here.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from pathlib import Path
from typing import Any

import dkim

from newsletter.transports import Envelope
from tests.contract.postfix_talk import letters, road
from tests.mail.lab_dns import SENDER_HOST, SENDER_IP
from tests.mail.tools import spamassassin

RSPAMD = ("127.0.0.1", 11333)
RSPAMD_PATIENCE = 90  # seconds until it answers; it takes about ten
WITHOUT = ("asn", "fuzzy_check", "neural", "phishing", "rbl", "surbl")  # ask who is not there


@contextmanager
def rspamd() -> Iterator[bool]:
    """An rspamd that starts up, with folders of its own; False where none is installed."""
    if shutil.which("rspamd") is None:
        yield False
        return
    place = Path(os.environ["LAB"]) / "rspamd"
    for name in ("local.d", "db", "run", "log"):
        (place / name).mkdir(parents=True)
    for module in WITHOUT:
        (place / "local.d" / f"{module}.conf").write_text("enabled = false;\n")
    (place / "local.d" / "options.inc").write_text('dns { nameserver = ["127.0.0.1:53"]; }\n')
    subprocess.run(["chown", "-R", "_rspamd", place], check=True)
    folders = {"LOCAL_CONFDIR": "", "DBDIR": "/db", "RUNDIR": "/run", "LOGDIR": "/log"}
    options = [f"--var={name}={place}{below}" for name, below in folders.items()]
    user = ("-u", "_rspamd", "-g", "_rspamd", "--insecure", "--no-fork")
    process = subprocess.Popen(
        ["rspamd", *user, "-c", "/etc/rspamd/rspamd.conf", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield True
    finally:
        process.terminate()
        process.wait(30)


def by_rspamd(mails: dict[str, bytes], envelopes: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The symbols that rspamd finds each mail to have, with their scores."""
    ends_at = time.monotonic() + RSPAMD_PATIENCE
    while time.monotonic() < ends_at:
        with suppress(OSError), socket.create_connection(RSPAMD, timeout=1):
            break
        time.sleep(0.1)
    told = {}
    for name, content in mails.items():
        sender, recipient, _ = envelopes[name]
        from_where = ("--ip", SENDER_IP, "--helo", SENDER_HOST, "--hostname", SENDER_HOST)
        whose = ("--from", sender, "--rcpt", recipient)
        done = subprocess.run(
            ["rspamc", "-h", ":".join(map(str, RSPAMD)), *from_where, *whose, "-j", "symbols"],
            input=content,
            capture_output=True,
            timeout=60,
            check=True,
        )
        symbols = json.loads(done.stdout)["symbols"]
        told[name] = {symbol: one["score"] for symbol, one in symbols.items()}
    return told


def by_spamassassin(
    folder: Path, mails: dict[str, bytes], envelopes: dict[str, Any]
) -> dict[str, dict[str, float]]:
    """The same by SpamAssassin, who is told where a mail came from by its topmost headers."""
    received = folder / "received"
    received.mkdir()
    for name, content in mails.items():
        sender, recipient, _ = envelopes[name]
        top = (
            f"Return-Path: <{sender}>\r\n"
            f"Received: from {SENDER_HOST} ({SENDER_HOST} [{SENDER_IP}])\r\n"
            f" by mx.example.net (Postfix) with ESMTPS id 4Xn0Z00000z1\r\n"
            f" for <{recipient}>; {formatdate()}\r\n"
        )
        (received / f"{name}.eml").write_bytes(top.encode() + content)
    asks = ("dns_server 127.0.0.1", "dns_available yes", "skip_rbl_checks 1")
    return spamassassin([received / f"{name}.eml" for name in mails], *(f"--cf={a}" for a in asks))


def carried(mails: dict[str, bytes], envelopes: dict[str, Any]) -> dict[str, bytes]:
    """Each mail as it lies in the mailbox, sent by our own transport."""
    transport = road()
    for name, content in mails.items():
        sender, recipient, message_id = envelopes[name]
        to = Envelope(sender=sender, recipient=recipient, message_id=message_id)
        transport.send(to, content)
    transport.close()
    arrived = {}
    for name in mails:
        (letter,) = letters("any", 1, envelopes[name][1])
        arrived[name] = letter.encode()
    return arrived


def verdicts(content: bytes) -> dict[str, Any]:
    """What OpenDKIM and dkimpy, asking the DNS, say of a mail and of each of its signatures."""
    said: dict[str, Any] = {"opendkim": None, "dkimpy": []}
    if shutil.which("opendkim-testmsg"):
        done = subprocess.run(
            ["opendkim-testmsg", "-C"], input=content, capture_output=True, timeout=60, check=False
        )
        said["opendkim"] = [done.returncode, (done.stdout + done.stderr).decode()]
    for at in range(content.partition(b"\r\n\r\n")[0].count(b"DKIM-Signature:")):
        try:
            said["dkimpy"].append(dkim.DKIM(content).verify(idx=at))
        except dkim.DKIMException as error:
            said["dkimpy"].append(str(error))
    return said


def main(folder: Path) -> None:
    """Everything once; some fifteen seconds, most of which rspamd takes to start."""
    envelopes = json.loads((folder / "envelopes.json").read_text(encoding="utf-8"))
    mails = {name: (folder / f"{name}.eml").read_bytes() for name in envelopes}
    told: dict[str, Any] = {"spamassassin": None, "rspamd": None}
    with rspamd() as there:
        arrived = carried(mails, envelopes)
        signed = {name: letter.replace(b"\n", b"\r\n") for name, letter in arrived.items()}
        first = next(iter(signed.values()))
        signed["changed"] = first[:-2] + b".\r\n"
        told["signatures"] = {name: verdicts(content) for name, content in signed.items()}
        if shutil.which("spamassassin"):
            told["spamassassin"] = by_spamassassin(folder, mails, envelopes)
        if there:
            told["rspamd"] = by_rspamd(mails, envelopes)
    (folder / "arrived").mkdir()
    for name, letter in arrived.items():
        (folder / "arrived" / f"{name}.eml").write_bytes(letter)
    (folder / "lab.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
