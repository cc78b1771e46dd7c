"""Hugging Face's daily papers as papers and votes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from newsletter.errors import SourceError
from newsletter.papers import Observation, Paper
from newsletter.sources.huggingface import (
    FIRST_DAY,
    FURTHEST_BACK,
    MOST_PAGES,
    PAGE,
    UNTOLD,
    HuggingFaceOptions,
    HuggingFaceSource,
)
from newsletter.sources.port import NEWS, Ask, Harvest, Request
from tests.answers import (
    answer,
    huggingface_day,
    huggingface_old_row,
    huggingface_row,
    number,
    seed,
)

NOW = datetime(2026, 3, 10, 20, 0, tzinfo=UTC)  # four in the afternoon in New York
TODAY = date(2026, 3, 10)
ROW = huggingface_row(seed())


def source(**settings: Any) -> HuggingFaceSource:
    return HuggingFaceSource("hf", HuggingFaceOptions(url="https://example.org", **settings))


def first_request(day: date = TODAY) -> Request:
    (request,) = source().requests(Ask(since=day, until=day), {}, NOW)
    return request


def read(body: object, request: Request | None = None, now: datetime = NOW) -> Harvest:
    raw = body if isinstance(body, str | bytes) else json.dumps(body)
    (harvest,) = source().read(request or first_request(), answer(raw), now)
    return harvest


def one(row: object, now: datetime = NOW) -> tuple[Paper, Observation]:
    harvest = read([row], now=now)
    assert harvest.refused == ()
    (paper,), (seen,) = harvest.papers, harvest.observations
    assert seen.paper_id == paper.id
    return paper, seen


def changed(
    row: Mapping[str, Any], inner: Mapping[str, Any] | None = None, **outer: object
) -> dict[str, Any]:
    """The row with other values; None takes the key away."""
    paper = {**row["paper"], **(inner or {})}
    merged = {**row, **outer, "paper": {k: v for k, v in paper.items() if v is not None}}
    return {name: value for name, value in merged.items() if value is not None}


def asked(requests: Sequence[Request]) -> list[tuple[str, str, str]]:
    """Day, page and the number of rows that requests ask for."""
    queries = [parse_qs(urlsplit(one.location).query) for one in requests]
    return [(one["date"][0], one["p"][0], one["limit"][0]) for one in queries]


def span(ask: Ask = NEWS, through: str = "", now: datetime = NOW, **settings: Any) -> list[str]:
    """The days that are asked, following each answer; asked for newest first, told in order."""
    here = source(**settings)
    waiting = list(here.requests(ask, {"through": through} if through else {}, now))
    days = list[str]()
    while waiting:
        days.append(waiting[0].context["day"])
        (harvest,) = here.read(waiting.pop(0), answer("[]"), now)
        waiting = [*harvest.more, *waiting]
    assert days == sorted(days, reverse=True)
    return sorted(days)


# What is asked


def test_a_request_names_a_day_and_the_longest_page() -> None:
    """The API's default of fifty rows would cut long days; the list is asked unconditionally."""
    (request,) = source(days=1).requests(NEWS, {}, NOW)
    assert request.location == "https://example.org/api/daily_papers?date=2026-03-10&limit=100&p=0"
    assert not request.conditional
    assert request.statuses == ()
    assert request.manners is None


@pytest.mark.parametrize(
    ("ask", "through", "days"),
    [
        (NEWS, "", ["2026-03-08", "2026-03-09", "2026-03-10"]),
        (NEWS, "2026-03-09", ["2026-03-08", "2026-03-09", "2026-03-10"]),
        (NEWS, "2026-03-07", ["2026-03-07", "2026-03-08", "2026-03-09", "2026-03-10"]),
        (NEWS, "2026-03-10", ["2026-03-08", "2026-03-09", "2026-03-10"]),
        (Ask(since=TODAY), "", ["2026-03-10"]),
        (Ask(since=date(2026, 3, 9)), "2026-02-01", ["2026-03-09", "2026-03-10"]),
        (Ask(since=date(2026, 3, 9), until=date(2026, 3, 9)), "", ["2026-03-09"]),
        (Ask(since=date(2026, 3, 9), until=date(2030, 1, 1)), "", ["2026-03-09", "2026-03-10"]),
        (Ask(since=date(2026, 3, 9), until=date(2026, 3, 8)), "", []),
        (Ask(since=date(2023, 5, 1), until=date(2023, 5, 5)), "", ["2023-05-04", "2023-05-05"]),
        (Ask(since=date(2023, 5, 1), until=date(2023, 5, 3)), "", []),
    ],
)
def test_the_days_asked(ask: Ask, through: str, days: list[str]) -> None:
    """The last three and those missed, or those that somebody names; each answer asks the next."""
    assert span(ask, through) == days


@pytest.mark.parametrize("days", [1, 3, 30])
def test_the_days_asked_again_are_a_setting(days: int) -> None:
    """Votes still come in for as many days as the operator believes."""
    first = TODAY - timedelta(days=days - 1)
    assert span(days=days)[0] == first.isoformat()
    assert len(span(days=days)) == days


def test_catching_up_is_bounded() -> None:
    """After a long stop not every day since is asked."""
    days = span(through="2024-01-01")
    assert len(days) == FURTHEST_BACK + 1
    assert days[0] == (TODAY - timedelta(days=FURTHEST_BACK)).isoformat()
    assert span(Ask(since=date(2023, 5, 1), until=TODAY))[0] == FIRST_DAY.isoformat()


@pytest.mark.parametrize(
    ("now", "today"),
    [
        (datetime(2026, 3, 10, 3, 59, tzinfo=UTC), "2026-03-09"),
        (datetime(2026, 3, 10, 4, 0, tzinfo=UTC), "2026-03-10"),
        (datetime(2026, 1, 10, 4, 59, tzinfo=UTC), "2026-01-09"),  # winter
        (datetime(2026, 1, 10, 5, 0, tzinfo=UTC), "2026-01-10"),
    ],
)
def test_today_is_new_yorks(now: datetime, today: str) -> None:
    """A list that New York has not begun would be answered with status 400."""
    assert span(now=now)[-1] == today
    assert span(Ask(since=date(2026, 1, 1)), now=now)[-1] == today


def test_a_day_to_come_is_refused() -> None:
    """The person who asked is told which day it is where the lists are made."""
    with pytest.raises(
        SourceError, match="no list of 2026-03-11 yet; in New York it is 2026-03-10"
    ):
        source().requests(Ask(since=date(2026, 3, 11)), {}, NOW)


def test_the_cursor_moves_when_all_days_are_in() -> None:
    """Newest first, so that an old day that cannot be had keeps no new one away."""
    (request,) = source(days=2).requests(NEWS, {}, NOW)
    harvest = read([ROW], request)
    assert harvest.cursor is None
    assert asked(harvest.more) == [("2026-03-09", "0", "100")]
    last = read([], harvest.more[0])
    assert (last.cursor, last.more) == ({"through": "2026-03-10"}, ())


# Pages


def full_page(start: int = 0, rows: int = PAGE) -> list[dict[str, Any]]:
    return [huggingface_row(seed(at % 70), number(start + at)) for at in range(rows)]


def test_a_full_page_is_followed_by_the_next_of_its_day() -> None:
    """The day before is asked with the first page that is not full."""
    (request,) = source(days=2).requests(NEWS, {}, NOW)
    first = read(full_page(), request)
    assert len(first.papers) == PAGE
    assert first.cursor is None
    assert asked(first.more) == [("2026-03-10", "1", "100")]
    second = read(full_page(PAGE, rows=3), first.more[0])
    assert [paper.id for paper in second.papers] == [f"arxiv:{number(PAGE + n)}" for n in range(3)]
    assert second.cursor is None
    assert asked(second.more) == [("2026-03-09", "0", "100")]


def test_a_page_that_says_there_is_a_next_is_believed() -> None:
    """A server that cuts its pages at fifty tells so in a Link header."""
    fifty = answer(json.dumps(full_page(rows=50)))
    (harvest,) = source().read(first_request(), replace(fifty, has_next=True), NOW)
    assert asked(harvest.more) == [("2026-03-10", "1", "100")]


def test_a_full_page_may_be_the_last() -> None:
    """An empty page ends a day like any other."""
    (following,) = read(full_page()).more
    assert read([], following).cursor == {"through": "2026-03-10"}


def test_a_server_that_knows_no_pages_is_not_asked_for_ever() -> None:
    """The same page once more brings nothing and ends the day."""
    first = read(full_page())
    again = read(full_page(), first.more[0])
    assert (again.papers, again.observations, again.refused, again.more) == ((), (), (), ())
    assert again.cursor == {"through": "2026-03-10"}


def test_a_day_of_endless_pages_ends() -> None:
    """A server that always has more is believed for twenty pages."""
    waiting, pages = [first_request()], 0
    while waiting:
        harvest = read(full_page(PAGE * pages), waiting.pop())
        waiting += harvest.more
        pages += 1
    assert pages == MOST_PAGES
    assert harvest.cursor == {"through": "2026-03-10"}


def test_a_row_refused_is_told_by_its_number_in_the_day() -> None:
    """The rows of the second page count from 101."""
    (following,) = read(full_page()).more
    rows = [*full_page(PAGE, rows=2), {"paper": {}}]
    assert read(rows, following).refused == ("2026-03-10, row 103: it has no paper",)


# What a row holds


def test_a_row_of_2026_is_read_whole() -> None:
    """Every field that the list tells, and the votes as an observation of this run."""
    paper, seen = one(ROW)
    names = (paper.id, *(name[:6] for name in paper.aliases))
    assert paper == Paper(
        id=paper.id,
        aliases=paper.aliases,
        title=seed().title,
        abstract=seed().abstract,
        authors=("A. Author", "B. Author"),
        published=date(2026, 3, 9),
        announced=datetime(2026, 3, 10, 4, 5, 6, 877000, tzinfo=UTC),
        url="https://arxiv.org/abs/2603.90001",
        pdf_url="https://arxiv.org/pdf/2603.90001",
        code_url="https://github.com/example/code",
        project_url="https://example.org/project",
        discussion_url="https://example.org/papers/2603.90001",
        thumbnail_url="https://cdn.example.org/social-thumbnails/papers/2603.90001.png",
        media_urls=("https://cdn.example.org/film.mp4",),
        organization="Example Lab",
        tldr="A method is presented.",
        tldr_model="example/model",
        keywords=("alignment", "video recognition"),
    )
    assert names == ("arxiv:2603.90001", "title:")
    assert seen == Observation(
        paper_id=paper.id, source="hf", at=NOW, listed=TODAY, votes=12, comments=3, stars=32
    )


def test_a_row_of_2024_is_read_whole() -> None:
    """Wrapped titles and texts become one line, the one picture is a medium, the rest is absent."""
    row = huggingface_old_row(seed(), votes=7)
    assert "\n  " in row["paper"]["title"]
    paper, seen = one(row)
    assert (paper.title, paper.abstract) == (seed().title, seed().abstract)
    assert paper.media_urls == (row["mediaUrl"],)
    assert paper.code_url == "https://github.com/Francis-Rings/ILA"  # of the abstract
    assert (paper.thumbnail_url, paper.project_url) == (None, None)
    assert (paper.tldr, paper.tldr_model, paper.keywords, paper.organization) == ("", "", (), "")
    assert (seen.votes, seen.comments, seen.stars) == (7, 0, None)


def test_the_whole_seed_is_a_day() -> None:
    """Order and words are kept."""
    rows = [huggingface_row(seed(at), number(at), votes=at) for at in range(70)]
    harvest = read(huggingface_day(rows))
    assert [paper.title for paper in harvest.papers] == [seed(at).title for at in range(70)]
    assert [seen.votes for seen in harvest.observations] == list(range(70))
    assert harvest.refused == ()


def test_the_outer_date_is_not_believed() -> None:
    """It is New York's time labelled as UTC, and may be the day before."""
    assert ROW["publishedAt"].startswith("2026-03-08")
    assert one(ROW)[0].published == date(2026, 3, 9)
    assert one(changed(ROW, {"publishedAt": None}))[0].published is None


@pytest.mark.parametrize(
    ("submitted", "announced"),
    [
        ("2026-03-10T00:00:00.000Z", datetime(2026, 3, 10, tzinfo=UTC)),  # since May 2026
        ("2026-03-10T04:05:06.877Z", datetime(2026, 3, 10, 4, 5, 6, 877000, tzinfo=UTC)),
        (None, datetime(2026, 3, 10, tzinfo=UTC)),
        ("some day", datetime(2026, 3, 10, tzinfo=UTC)),
        ("2030-01-01T00:00:00.000Z", NOW),
    ],
)
def test_when_a_paper_was_announced(submitted: str | None, announced: datetime) -> None:
    """At its submission, else at midnight of its list's day; never in the future."""
    assert one(changed(ROW, {"submittedOnDailyAt": submitted}))[0].announced == announced


def test_the_votes_are_those_of_now() -> None:
    """However old the list, the observation is of the instant of asking."""
    later = NOW + timedelta(hours=5)
    assert one(ROW, now=later)[1].at == later


@pytest.mark.parametrize(
    ("upvotes", "votes"),
    [
        *((0, 0), (None, 0), (92, 92)),
        *((-1, None), (True, None), ("12", None), (1.5, None), (10**12, None)),
    ],
)
def test_zero_is_a_number_of_votes(upvotes: object, votes: int | None) -> None:
    """What is absent is zero, and of what is no count nothing is known."""
    assert one(changed(ROW, {"upvotes": upvotes}))[1].votes == votes


@pytest.mark.parametrize(
    ("given", "by", "code", "guessed"),
    [
        ("https://github.com/example/code", "user", "https://github.com/example/code", False),
        ("https://github.com/example/code", None, "https://github.com/example/code", False),
        ("https://github.com/example/code", "auto", "https://github.com/Francis-Rings/ILA", False),
        (None, None, "https://github.com/Francis-Rings/ILA", False),
        ("javascript:alert(1)", "user", "https://github.com/Francis-Rings/ILA", False),
    ],
)
def test_whose_word_on_the_code_counts(
    given: str | None, by: str | None, code: str, guessed: bool
) -> None:
    """A member's link, else the abstract's own, before what a machine found."""
    paper, _ = one(changed(ROW, {"githubRepo": given, "githubRepoAddedBy": by}))
    assert (paper.code_url, paper.code_guessed) == (code, guessed)


def test_a_machines_guess_of_the_code_is_marked() -> None:
    """Where the abstract names no code, the guess is kept as one."""
    silent = {"summary": "No link here.", "githubRepoAddedBy": "auto"}
    paper, _ = one(changed(ROW, silent))
    assert (paper.code_url, paper.code_guessed) == ("https://github.com/example/code", True)
    paper, _ = one(changed(ROW, silent | {"githubRepo": None}))
    assert (paper.code_url, paper.code_guessed) == (None, False)


def test_hidden_authors_stay_hidden() -> None:
    """Hundreds of authors are read in order, without those who asked not to be shown."""
    rows = [{"name": f"Author {at}", "hidden": at % 3 == 0} for at in range(600)]
    paper, _ = one(changed(ROW, {"authors": rows}))
    assert paper.authors == tuple(f"Author {at}" for at in range(600) if at % 3)


@pytest.mark.parametrize(
    ("inner", "outer", "media"),
    [
        (["https://example.org/1"], ["https://example.org/2"], ["https://example.org/1"]),
        (None, ["https://example.org/2"], ["https://example.org/2"]),
        ([1, 2], ["https://example.org/2"], ["https://example.org/2"]),
        ([], None, []),
        ("https://example.org/1", None, []),
        (
            ["https://example.org/1", 7, "data:x", "https://example.org/3"],
            None,
            [
                "https://example.org/1",
                "https://example.org/3",
            ],
        ),
        (
            [f"https://example.org/{at}" for at in range(1000)],
            None,
            [f"https://example.org/{at}" for at in range(200)],
        ),
    ],
)
def test_media_stand_inside_or_outside(inner: object, outer: object, media: list[str]) -> None:
    """The first list with an address counts, and no more than two hundred of it."""
    paper, _ = one(changed(ROW, {"mediaUrls": inner}, mediaUrls=outer))
    assert list(paper.media_urls) == media


@pytest.mark.parametrize(
    ("inner", "outer", "submitters", "name"),
    [
        ({"fullname": "One", "name": "one"}, {"fullname": "Two"}, None, "One"),
        ({"name": "one"}, {"fullname": "Two"}, None, "one"),
        (None, {"fullname": "Two"}, None, "Two"),
        (None, None, {"fullname": "Three", "name": "three"}, "Three"),  # autumn 2025
        ("One", None, None, ""),
        ({"fullname": 1, "name": []}, None, None, ""),
    ],
)
def test_the_organisation_has_had_several_places(
    inner: object, outer: object, submitters: object, name: str
) -> None:
    """Its full name, wherever it stands."""
    row = changed(
        ROW, {"organization": inner}, organization=outer, submitterOrganization=submitters
    )
    assert one(row)[0].organization == name


def test_a_summary_by_a_machine_names_it() -> None:
    """Before June 2026 the list did not tell which; without a summary there is no machine."""
    assert one(changed(ROW, {"ai_summary_model": None}))[0].tldr_model == UNTOLD
    assert one(changed(ROW, {"ai_summary": None}))[0].tldr_model == ""


def test_the_outer_words_stand_in_for_missing_inner_ones() -> None:
    """Titles and abstracts have stood in both places."""
    paper, _ = one(changed(ROW, {"title": None, "summary": None}))
    assert (paper.title, paper.abstract) == (seed().title, seed().abstract)
    assert one(changed(ROW, {"summary": None}, summary=None))[0].abstract == ""


def test_a_paper_on_two_days_is_one_paper_seen_twice() -> None:
    """The id is the same, the lists are told apart."""
    days = [date(2026, 3, 9), date(2026, 3, 10)]
    seen = [read([ROW], first_request(day)).observations[0] for day in days]
    assert seen[0].paper_id == seen[1].paper_id
    assert [one.listed for one in seen] == days


# What no upstream should send


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (None, "it has no paper"),
        (7, "it has no paper"),
        ([], "it has no paper"),
        ({}, "it has no paper"),
        ({"paper": None}, "it has no paper"),
        ({"paper": "2603.90001"}, "it has no paper"),
        ({"paper": {"title": "A title"}}, "its id 'None' is no arXiv id"),
        (changed(ROW, {"id": 7}), "its id '7' is no arXiv id"),
        (changed(ROW, {"id": 2603.90001}), "its id '2603.90001' is no arXiv id"),
        (changed(ROW, {"id": ["2603.90001"]}), "is no arXiv id"),
        (changed(ROW, {"id": "../../etc"}), "its id '../../etc' is no arXiv id"),
        (changed(ROW, {"id": "2613.00001"}), "its id '2613.00001' is no arXiv id"),
        (changed(ROW, {"id": "10.1000/xyz"}), "its id '10.1000/xyz' is no arXiv id"),
        (changed(ROW, {"id": "\ud800\n"}), "its id '\\ud800\\n' is no arXiv id"),
        (changed(ROW, {"id": "x" * 10**6}), "its id 'xxx"),
        (changed(ROW, {"title": ""}, title=None), "2603.90001 has no title"),
        (changed(ROW, {"title": "<b></b>"}, title=" \u200b"), "2603.90001 has no title"),
        (changed(ROW, {"title": ["A"]}, title={"A": 1}), "2603.90001 has no title"),
    ],
)
def test_a_row_without_id_or_title_is_refused(row: object, told: str) -> None:
    """It is told with day and number; the rows beside it are kept."""
    harvest = read([ROW, row, ROW])
    assert len(harvest.papers) == len(harvest.observations) == 2
    (refused,) = harvest.refused
    assert refused.startswith("2026-03-10, row 2: ")
    assert told in refused
    assert len(refused) < 200


@pytest.mark.parametrize("wrong", [7, -1.5, True, "words", [], [7], {}, {"a": 1}, [[]], [None]])
@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("authors", "authors"),
        ("publishedAt", "published"),
        ("githubStars", "stars"),
        ("ai_keywords", "keywords"),
        ("projectPage", "project_url"),
        ("mediaUrls", "media_urls"),
        ("organization", "organization"),
    ],
)
def test_a_wrong_type_counts_as_absent(key: str, field: str, wrong: object) -> None:
    """A star count that became a text is no reason to lose the paper."""
    bare = changed(ROW, mediaUrls=None, organization=None)
    without, unseen = one(changed(bare, {key: None}))
    paper, seen = one(changed(bare, {key: wrong}))
    if (key, wrong) == ("githubStars", 7):
        assert seen.stars == 7
    else:
        assert (paper, seen) == (without, unseen)
    assert getattr(one(bare)[field == "stars"], field)  # it is read where it is right


@pytest.mark.parametrize("wrong", [7, True, [], ["A summary."], {}])
def test_a_summary_of_a_wrong_type_counts_as_absent(wrong: object) -> None:
    """The paper is kept without an abstract and without a machine's summary."""
    paper, _ = one(changed(ROW, {"summary": wrong, "ai_summary": wrong}, summary=wrong))
    assert (paper.abstract, paper.tldr, paper.tldr_model) == ("", "", "")


@pytest.mark.parametrize(
    "told",
    ["2026-03-09", "2026-03-09T02:30:00", "2026-03-09T02:30:00.000Z", "2026-03-08T22:30:00-04:00"],
)
def test_instants_are_read_as_utc(told: str) -> None:
    """With or without a zone."""
    assert one(changed(ROW, {"publishedAt": told}))[0].published == date(2026, 3, 9)


@pytest.mark.parametrize(
    "told",
    [
        "0001-01-01T00:00:00+14:00",
        "1899-12-31",
        "2026-02-30",
        "9999-12-31T23:59:59-12:00",
        "1" * 99,
    ],
)
def test_dates_outside_all_reason_are_none(told: str) -> None:
    """They are no reason to lose the paper."""
    assert one(changed(ROW, {"publishedAt": told}))[0].published is None


@pytest.mark.parametrize(
    ("told", "title"),
    [
        ("A <b>bold</b> title", "A bold title"),
        ("A &lt;b&gt;bold&lt;/b&gt; title", "A bold title"),
        ("A<script>alert(1)</script> title", "A title"),
        ("A \u202etitle\u202c", "A title"),
        ("A ti\u200btl\u00ade\ufeff", "A title"),
        ("A\x00 \x1b[31mtitle\x7f", "A [31mtitle"),
        ("A\r\nBcc: a@example.org", "A Bcc: a@example.org"),
        ("A \ud83d title", "A title"),
        ("Zetta ζ & co: x < y", "Zetta ζ & co: x < y"),
        ("x" * 10**6, "x" * 499 + "…"),
    ],
)
def test_a_title_becomes_one_plain_line(told: str, title: str) -> None:
    """No mark-up, no control characters, nothing that turns the reading direction."""
    paper, _ = one(changed(ROW, {"title": told, "ai_keywords": [told]}))
    assert paper.title == title
    assert paper.keywords[0][:199] == title[:199]


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "//example.org", "https://example.org/\u202e", "http://", ""]
)
def test_only_web_addresses_are_kept(address: str) -> None:
    """An address of another kind counts as absent."""
    row = changed(
        ROW,
        {"projectPage": address, "mediaUrls": [address], "githubRepo": address},
        thumbnail=address,
        mediaUrls=[address],
    )
    paper, _ = one(row)
    assert (paper.project_url, paper.thumbnail_url, paper.media_urls) == (None, None, ())
    assert paper.code_url == "https://github.com/Francis-Rings/ILA"


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        ("{}", "application/json", "expected a list of papers"),
        ('{"error": "Bad Request"}', "application/json", "expected a list of papers"),
        ("null", "application/json", "expected a list of papers"),
        ('"[]"', "application/json", "expected a list of papers"),
        ("", "application/json", "not JSON"),
        ('[{"paper": ', "application/json", "not JSON"),
        (b"\xff\xff", "application/json; charset=utf-8", "not JSON"),
        ("[NaN]", "application/json", "not JSON: NaN is no JSON"),
        ("[-Infinity]", "application/json", "not JSON: -Infinity is no JSON"),
        ("[" + "1" * 5000 + "]", "application/json", "not JSON"),
        ("[" * 10**6, "application/json", "nested too deeply"),
        ('[{"a":' * 10**5, "application/json", "nested too deeply"),
        ("<!doctype html><p>Hello", "text/html; charset=utf-8", "text/html instead of JSON"),
        ("Too busy", "text/plain", "text/plain instead of JSON"),
    ],
)
def test_what_is_no_list_is_refused_whole(body: str | bytes, kind: str, told: str) -> None:
    """The error names the place and what came instead."""
    with pytest.raises(SourceError, match=told) as caught:
        list(source().read(first_request(), answer(body, kind, where="https://example.org/x"), NOW))
    assert caught.value.where == "https://example.org/x"


def test_an_empty_list_is_a_quiet_day() -> None:
    """Weekends have none."""
    harvest = read("[]")
    assert harvest == Harvest(cursor={"through": "2026-03-10"})
