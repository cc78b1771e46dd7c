"""html-validate: the markup of each mail holds by the rules of html-validate.json.

What is off there is what mail needs and the web does not: tables with widths, inline styles.
"""

from __future__ import annotations

import pytest

from tests.mail.conftest import Mails
from tests.mail.mails import KINDS
from tests.mail.tools import node


@pytest.fixture(scope="module")
def found(mails: Mails) -> dict[str, list[str]]:
    """Line, rule and words of all that is wrong, by mail."""
    return dict(node("html_validate", mails.folder))


@pytest.mark.parametrize("name", KINDS)
def test_a_mail_is_valid_html(found: dict[str, list[str]], name: str) -> None:
    """Neither an error nor a warning."""
    assert found[name] == []


def test_mistakes_are_noticed(found: dict[str, list[str]]) -> None:
    """A heading that is closed as another, and a picture without words."""
    rules = {line.split()[1].rstrip(":") for line in found["broken"]}
    assert {"close-order", "wcag/h37"} <= rules
