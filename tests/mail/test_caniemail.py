"""caniemail: no mail relies on more of HTML and CSS than what was accepted, client by client.

accepted.json is a ratchet. What it holds degrades well: colours for the dark, round corners,
words for screen readers. A new line in it is a decision, and one that is not needed is taken out.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest

from tests.mail.conftest import Mails
from tests.mail.mails import KINDS
from tests.mail.tools import HERE, node

CLIENTS = ("apple-mail.*", "gmail.*", "outlook.*", "yahoo.*")
ACCEPTED = json.loads((HERE / "accepted.json").read_text(encoding="utf-8"))

Features = dict[str, dict[str, list[str]]]  # "none" or "partly", feature, clients


@pytest.fixture(scope="module")
def found(mails: Mails) -> dict[str, Features]:
    """The features of each mail that some client does not render, or not fully."""
    return dict(node("caniemail", mails.folder, *CLIENTS))


def beyond(features: Features, accepted: Features) -> list[tuple[str, str, str]]:
    """What is in the one and not in the other."""
    return [
        (how, feature, client)
        for how, titles in features.items()
        for feature, clients in titles.items()
        for client in clients
        if client not in accepted[how].get(feature, ())
    ]


@pytest.mark.parametrize("name", KINDS)
def test_a_mail_needs_nothing_new_of_a_client(found: dict[str, Features], name: str) -> None:
    """All that a client lacks was accepted before."""
    assert beyond(found[name], ACCEPTED) == []


def test_nothing_is_accepted_that_no_mail_needs(found: dict[str, Features]) -> None:
    """The ratchet turns one way: what is not there any more is taken out of accepted.json."""
    needed: Any = {"none": defaultdict(set), "partly": defaultdict(set)}
    for name in KINDS:
        for how, titles in found[name].items():
            for feature, clients in titles.items():
                needed[how][feature].update(clients)
    assert beyond(ACCEPTED, needed) == []


def test_what_was_never_accepted_is_noticed(found: dict[str, Features]) -> None:
    """Placing by coordinates and by grid."""
    features = {feature for _, feature, _ in beyond(found["broken"], ACCEPTED)}
    assert {"position", "display:grid"} <= features
