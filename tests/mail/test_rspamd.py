"""rspamd: no mail that comes from our server has a point against it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mail.mails import KINDS
from tests.mail.tools import need

MOST = 0.0  # points; fifteen have a mail rejected

Scores = dict[str, dict[str, float]]  # by mail and symbol


@pytest.fixture(scope="module")
def scores(lab: dict[str, Any]) -> Scores:
    """What is said in the lab."""
    if lab["rspamd"] is None:
        need("rspamd")
    return dict(lab["rspamd"])


@pytest.mark.parametrize("name", KINDS)
def test_a_mail_is_no_spam(scores: Scores, name: str) -> None:
    """Its signatures, SPF and DMARC hold, and nothing outweighs them."""
    symbols = scores[name]
    assert sum(symbols.values()) <= MOST, {key: value for key, value in symbols.items() if value}
    assert {"R_DKIM_ALLOW", "R_SPF_ALLOW", "DMARC_POLICY_ALLOW"} <= set(symbols)


def test_spam_is_noticed(scores: Scores) -> None:
    """The broken mail is suspicious to it."""
    assert sum(scores["broken"].values()) > 5
