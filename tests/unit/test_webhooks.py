"""What a webhook is told, how it is signed, and what follows from its answer."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from newsletter import webhooks
from newsletter.webhooks import Answered, Decision, Fate
from subscribers.events import EventKind, SubscriberEvent

AT = datetime.fromtimestamp(1614265330, UTC)
EVENT = SubscriberEvent(
    id=42, subscriber_id=7, kind=EventKind.CONFIRMED, at=AT, by="subscribe page"
)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NONE = timedelta()


def test_the_example_of_the_specification_comes_out() -> None:
    """The signature that the Standard Webhooks' own libraries are tested with."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    told = webhooks.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", AT, body, [secret])
    assert told["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert told["webhook-timestamp"] == "1614265330"
    assert webhooks.shown_secret(secret) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_after_a_rotation_both_secrets_sign() -> None:
    """Receivers take either, so that they have time to learn the new one."""
    both = webhooks.headers("evt_1", AT, b"{}", [b"new", b"old"])["webhook-signature"].split()
    alone = [
        webhooks.headers("evt_1", AT, b"{}", [one])["webhook-signature"] for one in (b"new", b"old")
    ]
    assert both == alone


def test_an_event_is_told_whole() -> None:
    """By its number, kind, instant, subscriber and who did it."""
    assert json.loads(webhooks.payload(EVENT, "å@example.org")) == {
        "id": 42,
        "type": "confirmed",
        "at": "2021-02-25T15:02:10+00:00",
        "subscriber": {"id": 7, "address": "å@example.org"},
        "by": "subscribe page",
    }
    assert webhooks.message_id(42) == "evt_42"
    test = json.loads(webhooks.test_payload(AT))
    assert (test["type"], test["id"]) == ("test", 0)


@pytest.mark.parametrize(
    ("status", "tries", "fate", "wait"),
    [
        (200, 1, Fate.DONE, NONE),
        (204, 12, Fate.DONE, NONE),
        (299, 1, Fate.DONE, NONE),
        (410, 1, Fate.GONE, NONE),
        (410, 12, Fate.GONE, NONE),
        (None, 1, Fate.AGAIN, MINUTE),
        (302, 1, Fate.AGAIN, MINUTE),
        (199, 1, Fate.AGAIN, MINUTE),
        (404, 2, Fate.AGAIN, 2 * MINUTE),
        (500, 9, Fate.AGAIN, 256 * MINUTE),
        (500, 10, Fate.AGAIN, 6 * HOUR),
        (500, 11, Fate.AGAIN, 6 * HOUR),
        (500, 12, Fate.LOST, NONE),
        (None, 12, Fate.LOST, NONE),
    ],
)
def test_what_follows_from_an_answer(
    status: int | None, tries: int, fate: Fate, wait: timedelta
) -> None:
    """2xx is done, 410 ends it all, whatever else is tried again twelve times, ever more slowly."""
    decision = webhooks.decide(Answered(status=status, words=""), tries)
    assert decision == Decision(fate=fate, wait=wait)
