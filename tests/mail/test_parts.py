"""Both parts of a mail link to the same, and neither grows until a client clips it.

No tool is needed. rspamd's URI_COUNT_ODD and Gmail's limit of 102 kB are what this is about.
"""

from __future__ import annotations

import re
from collections import Counter
from html import unescape

import pytest

from newsletter.cli.preview import take_apart
from tests.mail.conftest import Mails
from tests.mail.mails import KINDS

LARGEST = 90_000  # bytes of HTML; Gmail clips somewhere above 102,000


@pytest.mark.parametrize("name", KINDS)
def test_both_parts_link_to_the_same(mails: Mails, name: str) -> None:
    """Each address stands as often in the text as in the HTML."""
    parts = take_apart(mails.built[name].content)
    html = Counter(unescape(url) for url in re.findall(r'href="([^"]+)"', parts.html))
    text = Counter(re.findall(r"(?:https?|mailto):\S+", parts.text))
    assert html == text


@pytest.mark.parametrize("name", KINDS)
def test_a_mail_is_not_clipped(mails: Mails, name: str) -> None:
    """Not even with as many papers as a reader may ask for."""
    assert len(take_apart(mails.built[name].content).html.encode()) <= LARGEST
