"""A reader's way through the pages, from the first look to being forgotten, as a person goes it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.walk.conftest import window
from tests.walk.house import HOME, House, Letter

READER = "asa@example.org"
PHRASE = '"instruction tuning"'
Open = Callable[..., Any]
expect: Any = pytest.importorskip("playwright.sync_api", reason="`make test` installs it.").expect
expect.set_options(timeout=15_000)


def known(home: House, address: str = READER) -> dict[str, Any]:
    """What the operator sees of a reader."""
    return dict(json.loads(home.run("subscribers", "show", address, "--json")))


def heading(page: Any, words: str) -> None:
    """The page that is shown is called so."""
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def press(page: Any, name: str) -> None:
    """Presses a button by the words on it."""
    page.get_by_role("button", name=name, exact=True).click()


def chosen(page: Any) -> None:
    """Chooses two topics and a phrase."""
    page.locator("input[name=topic][value=alignment]").check()
    page.locator("input[name=topic][value=agents]").check()
    page.get_by_text("Phrases and authors of your own").click()
    page.get_by_label("Phrases, one a line").fill(PHRASE)


def given(home: House, address: str) -> Letter:
    """A reader by the command line, and the digest that came."""
    home.run("subscribe", address, "--topic", "alignment")
    home.run("compose")
    home.run("send", "--now")
    return home.box.take(address, "d")


@pytest.fixture(scope="module")
def letters(home: House, browser: Any) -> dict[str, Letter]:
    """Subscribes by the front page, confirms, and gets the first mails."""
    with window(browser) as visit:
        page = visit.page
        page.goto(f"{HOME}/")
        chosen(page)
        page.get_by_label("Papers at most").fill("4")
        page.get_by_label("Your e-mail address").fill(READER)
        press(page, "Subscribe")
        heading(page, "Look into your mailbox")
        asked = home.box.take(READER, "confirm")
        page.goto(asked.link("confirm"))
        heading(page, "One click, and the papers come")
        assert known(home)["state"] == "pending"
        press(page, "Yes, send me the papers")
        heading(page, "Welcome")
    welcome = home.box.take(READER, "preferences")
    home.run("send", "--now")
    return {"confirmation": asked, "welcome": welcome, "digest": home.box.take(READER, "d")}


def test_choices_are_shown_as_they_are_made(home: House, visit: Open) -> None:
    """With a script: every choice changes the papers beside it, before an address is typed."""
    page = visit()
    page.goto(f"{HOME}/")
    expect(page.locator("#preview-name")).to_have_text("Trending today")
    before = page.locator("#preview .paper").all_inner_texts()
    chosen(page)
    page.get_by_label("Papers at most").fill("4")
    expect(page.locator("#preview-name")).to_have_text("Your digest of today")
    expect(page.locator("#preview")).to_contain_text("instruction tuning:")
    expect(page.locator("#preview .paper")).to_have_count(4)
    assert page.locator("#preview .paper").all_inner_texts() != before
    expect(page.get_by_role("status")).to_have_text(re.compile("^Your digest of today.* 4 papers"))
    assert page.get_by_label("Your e-mail address").input_value() == ""
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Oslo")
    page.get_by_label("Find a topic").fill("alignm")
    for slug, there in (("alignment", True), ("agents", True), ("robotics", False)):
        pick = page.locator(f".pick:has(input[value={slug}])")
        expect(pick).to_be_visible(visible=there)  # what is found, and what is chosen already


def test_without_a_script_a_button_shows_them(home: House, visit: Open) -> None:
    """The same papers in the same order; what was chosen is still chosen."""
    page = visit(java_script_enabled=False)
    page.goto(f"{HOME}/")
    chosen(page)
    page.get_by_label("Papers at most").fill("4")
    press(page, "Show my digest of today")
    expect(page.locator("#preview-name")).to_have_text("Your digest of today")
    expect(page.locator("#preview .paper")).to_have_count(4)
    expect(page.locator("input[name=topic][value=alignment]")).to_be_checked()
    expect(page.get_by_label("Phrases, one a line")).to_have_value(PHRASE)
    scripted = visit()
    scripted.goto(f"{HOME}/")
    chosen(scripted)
    scripted.get_by_label("Papers at most").fill("4")
    expect(scripted.locator("#preview .paper")).to_have_count(4)
    assert page.locator(".paper h3").all_inner_texts() == (
        scripted.locator(".paper h3").all_inner_texts()
    )


def test_the_first_digest_is_what_was_shown(
    home: House, visit: Open, letters: dict[str, Letter]
) -> None:
    """Confirmed by the button alone, with all that was chosen; pressing it again does no more."""
    for name in ("confirmation", "welcome"):
        assert "instruction tuning: up to 4 papers" in " ".join(letters[name].text.split())
    reader = known(home)
    assert (reader["state"], reader["length"], reader["zone"]) == ("confirmed", 4, "Europe/Oslo")
    assert {"alignment", "agents"} < set(reader["follows"])
    page = visit()
    page.goto(f"{HOME}/?topic=alignment")
    shown = page.locator("#preview .paper h3").all_inner_texts()
    page.goto(given(home, "cy@example.org").link("d"))
    heading(page, "Your digest")
    assert page.locator(".papers").first.locator("h2").all_inner_texts() == shown
    page.goto(letters["confirmation"].link("confirm"))
    press(page, "Yes, send me the papers")
    heading(page, "Welcome")


def test_a_vote_is_cast_and_taken_back(
    home: House, visit: Open, letters: dict[str, Letter]
) -> None:
    """From the digest in the browser, and by the link of the mail: asked, cast, undone."""
    page = visit()
    page.goto(letters["digest"].link("d"))
    title = page.locator(".paper h2").first.inner_text()
    page.get_by_role("link", name="More like this").first.click()
    heading(page, "More like this?")
    expect(page.locator(".quoted")).to_have_text(title)
    press(page, "Yes, more like this")
    heading(page, "More like this")
    press(page, "Undo")
    heading(page, "Taken back")
    page.goto(letters["digest"].link("v", "/less"))
    press(page, "Yes, less like this")
    heading(page, "Less like this")
    page.get_by_role("link", name="Change topics or the hour").click()
    press(page, "Forget my 1 vote")
    expect(page.get_by_role("status")).to_have_text("Forgotten. Your topics alone decide again.")


def test_preferences_are_changed_and_paused(
    home: House, visit: Open, letters: dict[str, Letter]
) -> None:
    """By the mail's link, without a login: topics, the hour, a pause and its end."""
    page = visit()
    page.goto(letters["welcome"].link("preferences"))
    heading(page, f"What comes to {READER}")
    assert {"English", "Deutsch"} <= set(
        page.get_by_label("Language").locator("option").all_inner_texts()
    )
    page.locator("input[name=topic][value=agents]").uncheck()
    page.get_by_label("at", exact=True).fill("06:30")
    press(page, "Save")
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    expect(page.get_by_label("at", exact=True)).to_have_value("06:30")
    reader = known(home)
    assert (reader["at"], "agents" in reader["follows"]) == ("06:30", False)
    assert len(reader["follows"]) == 2  # the phrase is still there
    until = datetime.now(UTC) + timedelta(days=20)
    page.get_by_label("First day with a digest again").fill(f"{until:%Y-%m-%d}")
    press(page, "Pause until then")
    expect(page.get_by_role("status")).to_contain_text("Nothing comes until")
    press(page, "End the pause now")
    expect(page.get_by_role("status")).to_contain_text("The pause is over")


def test_an_address_is_changed_when_the_new_one_agrees(home: House, visit: Open) -> None:
    """The letter goes to the new one; opening its link changes nothing, the button does."""
    old, new = "bo@example.org", "bo@new.example.org"
    page = visit()
    page.goto(given(home, old).link("preferences"))
    page.get_by_label("New address").fill(new)
    press(page, "Ask there")
    expect(page.get_by_role("status")).to_contain_text(f"We wrote to {new}.")
    page.goto(home.box.take(new, "change").link("change"))
    heading(page, "Is this your new address?")
    number = known(home, old)["id"]
    press(page, "Yes, send them here")
    heading(page, "Done")
    assert known(home, new)["id"] == number


def test_leaving_by_the_page_can_be_undone(
    home: House, visit: Open, letters: dict[str, Letter]
) -> None:
    """The link asks; the button ends it; Undo brings everything back."""
    page = visit()
    page.goto(letters["digest"].link("u"))
    heading(page, "Unsubscribe?")
    before = known(home)
    press(page, "Unsubscribe")
    heading(page, "You are unsubscribed")
    assert known(home)["state"] == "unsubscribed"
    press(page, "Undo")
    heading(page, "You are back")
    assert known(home) | {"returned": []} == before


@pytest.mark.parametrize("kind", ["data", "files"])
def test_a_mail_program_ends_it_by_one_click(home: House, kind: str) -> None:
    """RFC 8058 3.2: by the header's address, either way a form is sent, as often as it comes."""
    address = f"{kind}@example.org"
    digest = given(home, address).mail
    assert digest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = str(digest["List-Unsubscribe"]).partition(">")[0].removeprefix("<")
    word = "One-Click" if kind == "data" else (None, "One-Click")
    for _ in range(2):
        told = home.post(url, **{kind: {"List-Unsubscribe": word}})
        assert (told.status_code, told.text) == (200, "Unsubscribed.\n")
        assert "set-cookie" not in told.headers
        assert known(home, address)["state"] == "unsubscribed"


def test_who_lost_the_link_gets_it_and_is_forgotten(home: House, visit: Open) -> None:
    """The link comes by mail; erasing is asked once, and then nothing is left of the address."""
    address = "eve@example.org"
    given_up = given(home, address).link("u")
    page = visit()
    page.goto(f"{HOME}/lost")
    page.get_by_label("Your e-mail address").fill(address)
    press(page, "Send me the link")
    heading(page, "Look into your mailbox")
    link = home.box.take(address, "preferences").link("preferences")
    page.goto(link)
    page.get_by_role("link", name="Erase me").click()
    heading(page, f"Erase {address}?")
    press(page, "Yes, erase me")
    heading(page, "You are forgotten")
    assert address not in home.run("subscribers", "list", "--json")
    for again in (link, given_up):
        page.goto(again)
        heading(page, "You are forgotten")
