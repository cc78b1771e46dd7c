"""What the checks of this folder share: the mails, made once, and one run of the mail lab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from newsletter.cli.preview import take_apart
from newsletter.message import Message
from tests.contract.test_postfix import LAB, TOOLS
from tests.mail.lab_dns import settings
from tests.mail.mails import KINDS, READERS, office
from tests.mail.tools import HERE, PATIENCE, ROOT, need


@dataclass(frozen=True, kw_only=True)
class Mails:
    """The mails by name, each as NAME.eml and its HTML part as NAME.html in a folder.

    `broken` lies there too: no mail of ours, but one in which every check has to find something.
    """

    folder: Path
    built: Mapping[str, Message]
    records: Mapping[str, str]  # TXT records of the keys that signed them


@pytest.fixture(scope="session")
def mails(tmp_path_factory: pytest.TempPathFactory) -> Mails:
    """One mail of each kind, made as on any morning."""
    folder = tmp_path_factory.mktemp("mails")
    with office(tmp_path_factory.mktemp("office")) as one:
        built = {name: make(one) for name, make in KINDS.items()}
        records = one.records
    contents = {name: message.content for name, message in built.items()}
    contents["broken"] = (HERE / "broken.eml").read_bytes().replace(b"\n", b"\r\n")
    for name, content in contents.items():
        (folder / f"{name}.eml").write_bytes(content)
        (folder / f"{name}.html").write_text(take_apart(content).html, encoding="utf-8")
    return Mails(folder=folder, built=built, records=records)


@pytest.fixture(scope="session")
def lab(mails: Mails) -> dict[str, Any]:
    """What became of the mails in the mail lab."""
    if not LAB:
        pytest.skip("NEWSLETTER_MAILLAB does not name the mail lab's folder.")
    for tool in TOOLS:
        need(tool)
    if os.geteuid() != 0:
        pytest.skip("The mail lab needs root.")
    folder = mails.folder
    envelopes = {
        name: [one.sender, one.recipient, one.message_id] for name, one in mails.built.items()
    }
    envelopes["broken"] = ["nobody@nowhere.example.com", f"broken@{READERS}", "broken"]
    (folder / "envelopes.json").write_text(json.dumps(envelopes), encoding="utf-8")
    dns = folder / "dns.conf"
    dns.write_text(settings(mails.records), encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if "NEWSLETTER" not in name}
    done = subprocess.run(
        [f"{LAB}/lab", sys.executable, "-m", "tests.mail.lab_talk", str(folder)],
        cwd=ROOT,
        env=clean | {"PYTHONPATH": str(ROOT), "LAB_DNS": str(dns)},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads((folder / "lab.json").read_text(encoding="utf-8")))
