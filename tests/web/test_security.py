"""What every answer keeps to, and that no token but the right one opens anything."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.web.security import LARGEST, network
from subscribers.model import State
from subscribers.tokens import Purpose, Signer
from tests.web.conftest import HOME, Pages

FOREIGN = Signer(b"another installation's secret, 32 bytes and more")
# What a path lets one do, and with how many numbers its token is signed.
DOORS = {
    "/preferences/{}": (Purpose.PREFERENCES, 1),
    "/pause/{}": (Purpose.PREFERENCES, 1),
    "/preferences/{}/erase": (Purpose.PREFERENCES, 1),
    "/preferences/{}/data.json": (Purpose.PREFERENCES, 1),
    "/preferences/{}/address": (Purpose.PREFERENCES, 1),
    "/preferences/{}/votes": (Purpose.PREFERENCES, 1),
    "/u/{}": (Purpose.UNSUBSCRIBE, 1),
    "/u/{}/undo": (Purpose.UNSUBSCRIBE, 1),
    "/u/{}/less": (Purpose.UNSUBSCRIBE, 1),
    "/confirm/{}": (Purpose.CONFIRM, 2),
    "/change/{}": (Purpose.CHANGE, 3),
    "/v/{}/more": (Purpose.VOTE, 3),
    "/d/{}": (Purpose.VIEW, 2),
}


@pytest.mark.parametrize("path", ["/", "/issues/", "/none", "/preferences/1.x", "/feed.atom"])
def test_every_answer_has_its_headers(pages: Pages, path: str) -> None:
    """No script or frame of others, no referrer, no guess of a type, no cookie."""
    headers = pages.browser.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in headers
    assert "server" not in headers


def test_a_page_of_one_reader_is_kept_by_nobody(pages: Pages) -> None:
    """Neither in caches nor by search engines."""
    reader = pages.subscribed()
    answer = pages.browser.get(f"/preferences/{pages.token(Purpose.PREFERENCES, reader.id)}")
    assert answer.headers["cache-control"] == "no-store"
    assert '<meta name="robots" content="noindex">' in answer.text
    assert "public" in pages.browser.get("/").headers["cache-control"]


def test_a_head_is_a_get_without_its_content(pages: Pages) -> None:
    """Monitors and clients of feeds ask so first."""
    for path in ("/", "/feed.atom", "/none"):
        whole, head = pages.browser.get(path), pages.browser.head(path)
        assert head.content == b""
        assert (head.status_code, head.headers["content-type"]) == (
            whole.status_code,
            whole.headers["content-type"],
        )


@pytest.mark.parametrize("host", ["evil.example", "", "papers.example.org.evil.example"])
def test_another_host_is_refused(pages: Pages, host: str) -> None:
    """So that no link in a page or a feed can be made to lead elsewhere."""
    assert pages.browser.get("/", headers={"host": host}).status_code == 421


def test_what_is_too_large_is_refused(pages: Pages) -> None:
    """By what it says it is, and by what it turns out to be."""
    large = b"address=" + b"x" * LARGEST
    assert pages.browser.post("/subscribe", content=large).status_code == 413
    assert pages.browser.post("/subscribe", content=iter([large])).status_code == 413
    told = {"content-type": "application/x-www-form-urlencoded"}
    many = "&".join("a=b" for _ in range(2000)).encode()
    assert pages.browser.post("/subscribe", content=many, headers=told).status_code == 400


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("application/x-www-form-urlencoded", b"\xff=%ff&%"),
        ("application/json", b"{}"),
        ("nonsense", b"\0"),
    ],
)
def test_a_form_that_is_none_harms_nobody(pages: Pages, kind: str, content: bytes) -> None:
    """It is answered as what it is, a request that cannot be read."""
    reader = pages.subscribed()
    paths = ("/subscribe", "/lost", f"/preferences/{pages.token(Purpose.PREFERENCES, reader.id)}")
    for path in paths:
        answer = pages.browser.post(path, content=content, headers={"content-type": kind})
        assert answer.status_code < 500
        assert "Traceback" not in answer.text


def test_paper_text_is_shown_as_text(pages: Pages) -> None:
    """What is typed and what papers say never becomes mark-up."""
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    for answer in (
        pages.browser.get("/search", params={"q": evil}),
        pages.browser.get("/", params={"phrases": evil, "topic": evil, "zone": evil}),
        pages.browser.get("/preview", params={"phrases": f'"{evil}', "authors": evil}),
        pages.browser.post("/subscribe", data={"address": evil, "authors": evil}),
        pages.browser.get(f"/topics/{evil}"),
    ):
        assert "<script>alert" not in answer.text
        assert "<img" not in answer.text


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    door=st.sampled_from(sorted(DOORS)),
    how=st.sampled_from(["foreign", "altered", "purpose", "number", "cut", "longer"]),
    at=st.integers(0, 200),
    letter=st.sampled_from("ABCabc019-_.~"),
)
def test_no_other_token_opens_a_door(
    pages: Pages, door: str, how: str, at: int, letter: str
) -> None:
    """Altered, cut, of another installation, for another purpose or another reader."""
    if pages.state() is None:
        pages.subscribed()
        pages.composed()
    purpose, numbers = DOORS[door]
    name = [1] * (numbers - (purpose in (Purpose.CONFIRM, Purpose.CHANGE)))
    if len(name) < numbers:
        name.append(int(pages.now.timestamp()) + 1000)
    token = pages.token(purpose, *name)
    wrong = {
        "foreign": FOREIGN.sign(purpose, *name),
        "altered": token[: at % len(token)] + letter + token[at % len(token) + 1 :],
        "purpose": pages.token(
            Purpose.VIEW if purpose is Purpose.UNSUBSCRIBE else Purpose.UNSUBSCRIBE, *name
        ),
        "number": token.replace("1", "2", 1),
        "cut": token[: at % len(token)],
        "longer": token + letter,
    }[how]
    if wrong == token:
        return
    before = pages.reader()
    for ask in (pages.browser.get, pages.browser.post):
        answer = ask(door.format(wrong))
        assert answer.status_code in (400, 404, 405)
        assert "example.org" not in answer.text.replace("daily@papers.example.org", "")
    assert pages.reader() == before
    assert before.state is State.CONFIRMED


def test_networks_are_counted_as_one() -> None:
    """/24 of IPv4 and /56 of IPv6; what is no address is one network of its own."""
    assert network("192.0.2.7") == network("192.0.2.200") != network("192.0.3.7")
    assert network("2001:db8::1") == network("2001:db8:0:ff::1") != network("2001:db8:1::1")
    assert network("testclient") == "unknown"


def test_pages_stand_where_the_settings_say(pages: Pages) -> None:
    """Links in mails lead to pages that are there."""
    reader = pages.subscribed()
    pages.composed()
    from newsletter.cli.preview import built, take_apart

    text = take_apart(built(pages.app, reader.address, None).content).text
    links = [word for word in text.split() if word.startswith(HOME)]
    assert len(links) > 10
    for link in links:
        assert pages.browser.get(link.removeprefix(HOME)).status_code == 200
