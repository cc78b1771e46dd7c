"""A real Postfix: it takes every mail, and puts it into the mailbox as it was built."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contract.test_postfix import PREPENDED
from tests.mail.conftest import Mails
from tests.mail.mails import KINDS


@pytest.mark.parametrize("name", KINDS)
def test_a_mail_arrives_byte_for_byte(lab: dict[str, Any], mails: Mails, name: str) -> None:
    """Below the headers that Postfix puts on top not a byte is another, line ends aside."""
    built = mails.built[name]
    arrived = (mails.folder / "arrived" / f"{name}.eml").read_bytes()
    content = built.content.replace(b"\r\n", b"\n")
    assert arrived.endswith(content)
    on_top = arrived.removesuffix(content).decode()
    assert set(re.findall(r"^([\w-]+):", on_top, re.MULTILINE)) == PREPENDED
    assert f"Return-Path: <{built.sender}>" in on_top
    assert "(Postfix) with ESMTPS id" in on_top
