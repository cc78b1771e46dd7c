"""Both parts of a mail link to the same, and neither grows until a client clips it.

rspamd's URI_COUNT_ODD and Gmail's limit of 102 kB are what this is about, and that strangers'
words stay words. No tool is needed.
"""

from __future__ import annotations

import re
from collections import Counter
from html import unescape

import pytest

from newsletter.cli.preview import take_apart
from subscribers.model import LONGEST
from tests.mail.conftest import Mails
from tests.mail.mails import KINDS
from tests.mail.unkind import NOTE

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


@pytest.mark.parametrize(("name", "least", "most"), [("one-paper", 1, 1), ("long", 30, LONGEST)])
def test_a_mail_has_the_papers_it_is_looked_at_for(
    mails: Mails, name: str, least: int, most: int
) -> None:
    """A check of a long mail that became short would be none."""
    html = take_apart(mails.built[name].content).html
    assert least <= html.count("<h3 ") <= most


def test_words_of_strangers_stay_words(mails: Mails) -> None:
    """Tags and Jinja's marks in titles, names, abstracts and notes are shown as such."""
    html = take_apart(mails.built["unkind"].content).html
    assert not re.search(r"<script|<b>|onclick='|</h2></|\b49\b", html)
    shown = unescape(html)
    assert "onclick='x()'>Bold</h2> & {{ 7 * 7 }} {% raw %} &amp;" in shown
    assert "</div><script>alert(1)</script><style>*{display:none}</style>" in shown
    assert NOTE in shown
