"""SpamAssassin: no mail has a point against it, neither by itself nor as it comes over the wire."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mail.conftest import Mails
from tests.mail.mails import KINDS
from tests.mail.tools import need, spamassassin

MOST = 0.0  # points; five make spam

Scores = dict[str, dict[str, float]]  # by mail and rule


@pytest.fixture(scope="module")
def alone(mails: Mails) -> Scores:
    """What is said without asking the DNS."""
    need("spamassassin")
    return spamassassin([mails.folder / f"{name}.eml" for name in (*KINDS, "broken")], "-L")


@pytest.fixture(scope="module")
def in_the_lab(lab: dict[str, Any]) -> Scores:
    """What is said with a DNS, of a mail that comes from our server."""
    if lab["spamassassin"] is None:
        need("spamassassin")
    return dict(lab["spamassassin"])


@pytest.mark.parametrize("name", KINDS)
def test_a_mail_is_no_spam(alone: Scores, name: str) -> None:
    """By its words and its form alone."""
    assert sum(alone[name].values()) <= MOST, alone[name]


@pytest.mark.parametrize("name", KINDS)
def test_a_mail_from_our_server_is_no_spam(in_the_lab: Scores, name: str) -> None:
    """With its sender looked up: the signature holds, and is of the domain in From."""
    rules = in_the_lab[name]
    assert sum(rules.values()) <= MOST, rules
    assert {"DKIM_VALID", "DKIM_VALID_AU"} <= set(rules)


def test_spam_is_noticed(alone: Scores, in_the_lab: Scores) -> None:
    """The broken mail is spam to it."""
    assert sum(alone["broken"].values()) > 5
    assert sum(in_the_lab["broken"].values()) > 5
