"""OpenDKIM and dkimpy: a mail's signatures hold in the mailbox, with keys from a real DNS."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mail.mails import KINDS
from tests.mail.tools import need


@pytest.fixture(scope="module")
def verdicts(lab: dict[str, Any]) -> dict[str, Any]:
    """What both said of each mail that arrived."""
    return dict(lab["signatures"])


@pytest.mark.parametrize("name", KINDS)
def test_opendkim_verifies_a_mail(verdicts: dict[str, Any], name: str) -> None:
    """As Postfix and Sendmail have it verified."""
    need("opendkim-testmsg")
    assert verdicts[name]["opendkim"] == [0, ""]


@pytest.mark.parametrize("name", KINDS)
def test_dkimpy_verifies_every_signature(verdicts: dict[str, Any], name: str) -> None:
    """The RSA one and the Ed25519 one."""
    assert verdicts[name]["dkimpy"] == [True, True]


def test_a_changed_mail_is_noticed(verdicts: dict[str, Any]) -> None:
    """One letter of its body is enough."""
    need("opendkim-testmsg")
    assert verdicts["changed"]["opendkim"][0] != 0
    assert True not in verdicts["changed"]["dkimpy"]
    assert len(verdicts["changed"]["dkimpy"]) == 2
