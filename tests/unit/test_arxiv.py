"""arXiv's daily feed and query API as papers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from newsletter.errors import SourceError
from newsletter.papers import Paper, PaperId
from newsletter.sources.arxiv import (
    BEFORE_IT_IS_ANNOUNCED,
    FURTHEST_BACK,
    MOST_IN_ALL,
    ArxivOptions,
    ArxivSource,
)
from newsletter.sources.port import NEWS, Answer, Ask, AskAgain, Harvest, Manners, Request
from tests.answers import (
    DAY,
    Entry,
    answer,
    arxiv_feed,
    arxiv_feed_error,
    arxiv_query,
    arxiv_query_error,
    number,
    seed,
)

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)  # a Tuesday
ENTRY = Entry(paper=seed())


def source(**settings: Any) -> ArxivSource:
    given = {"classes": ("cs.CV",), "api": "https://example.org/query"} | settings
    return ArxivSource("arxiv", ArxivOptions(feed="https://example.org/atom", **given))


def asked(request: Request) -> dict[str, str]:
    """What a query's address says."""
    parts = urlsplit(request.location)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://example.org/query"
    return {name: one for name, (one,) in parse_qs(parts.query).items()}


def read(
    request: Request,
    body: str | bytes | Answer,
    now: datetime = NOW,
    here: ArxivSource | None = None,
) -> Harvest:
    given = body if isinstance(body, Answer) else answer(body)
    (harvest,) = (here or source()).read(request, given, now)
    return harvest


def feed(
    body: str | bytes | Answer, *, announced: str = "2026-03-09", now: datetime = NOW
) -> Harvest:
    cursor = {"announced": announced} if announced else {}
    (request,) = source().requests(NEWS, cursor, now)
    return read(request, body, now)


def entries(count: int, start: int = 0) -> list[Entry]:
    return [
        replace(ENTRY, paper=seed(at % 70), arxiv=number(at)) for at in range(start, start + count)
    ]


def one(entry: Entry, *, rss: bool = False) -> Paper:
    """The paper of a feed of one entry."""
    harvest = feed(arxiv_feed(entry, rss=rss))
    (paper,) = harvest.papers + harvest.updates
    return paper


def queried(entry: Entry) -> Paper:
    """The paper of a query's page of one entry."""
    (paper,) = read(source().one(entry.arxiv), arxiv_query(entry)).papers
    return paper


# What is asked


def test_several_classes_are_one_feed() -> None:
    """arXiv joins them; the answer need not be sent again unchanged, and an error is read here."""
    (request,) = source(classes=("cs.AI", "stat.ML", "hep-th")).requests(NEWS, {}, NOW)
    assert request.location == "https://example.org/atom/cs.AI+stat.ML+hep-th"
    assert request.conditional
    assert request.statuses == (400,)


def test_no_class_asks_nothing() -> None:
    """Such a source only enriches."""
    assert source(classes=()).requests(NEWS, {}, NOW) == ()
    assert source(classes=()).requests(Ask(since=DAY), {}, NOW) == ()


@pytest.mark.parametrize("wrong", ["cs.A", "CS.AI", "cs.ai1", "cs AI", "", "cs.AI+cs.CL", "68T05"])
def test_a_class_that_is_none_is_refused(wrong: str) -> None:
    """A slip would else be an empty feed for ever."""
    with pytest.raises(ValidationError, match="must be arXiv classes such as cs.CL"):
        ArxivOptions(classes=(wrong,))


@pytest.mark.parametrize(
    ("ask", "days"),
    [
        (Ask(since=date(2026, 3, 2), until=date(2026, 3, 6)), "202603020000 TO 202603062359"),
        (Ask(since=date(2026, 3, 2)), "202603020000 TO 202603102359"),
        (Ask(since=date(2026, 3, 2), until=date(2030, 1, 1)), "202603020000 TO 202603102359"),
    ],
)
def test_days_are_asked_of_the_query_api(ask: Ask, days: str) -> None:
    """Oldest first, so that the pages stay where they are while new papers come in."""
    (request,) = source(classes=("cs.AI", "hep-th"), page=50).requests(ask, {}, NOW)
    assert asked(request) == {
        "search_query": f"(cat:cs.AI OR cat:hep-th) AND submittedDate:[{days}]",
        "start": "0",
        "max_results": "50",
        "sortBy": "submittedDate",
        "sortOrder": "ascending",
    }
    assert read(request, arxiv_query(ENTRY)).cursor is None  # days asked for move nothing


def test_known_papers_are_asked_about_a_hundred_at_a_time() -> None:
    """Names of other kinds are left out, and all hundred are answered, not the API's ten."""
    names = [PaperId(f"arxiv:{number(at)}") for at in range(201)]
    others = [PaperId("doi:10.1000/xyz"), PaperId("title:0123456789abcdef")]
    requests = source().enrich([*others, *names])
    queries = [asked(one) for one in requests]
    assert [len(query["id_list"].split(",")) for query in queries] == [100, 100, 1]
    assert [query["max_results"] for query in queries] == ["100", "100", "1"]
    assert ",".join(query["id_list"] for query in queries) == ",".join(
        name.removeprefix("arxiv:") for name in names
    )
    assert source().enrich(others) == []
    assert source(enrich=False).enrich(names) == ()


def every_request() -> Iterator[Request]:
    """One of each kind, and those that follow from answers."""
    here = source(page=1)
    yield from here.requests(NEWS, {}, NOW)
    yield from here.requests(Ask(since=DAY), {}, NOW)
    yield from here.enrich([PaperId("arxiv:2603.90001")])
    yield here.one("2603.90001")
    yield from feed(arxiv_feed(ENTRY), announced="2026-03-03").more
    (days,) = here.requests(Ask(since=DAY), {}, NOW)
    yield from read(days, arxiv_query(ENTRY, total=2), here=here).more
    batch = here.enrich([PaperId("arxiv:2603.90001"), PaperId("arxiv:2603.90002")])[0]
    yield from read(batch, arxiv_query_error("incorrect id format for 2603.90001")).more


def test_every_request_keeps_arxivs_manners() -> None:
    """One turn for all its hosts, three seconds apart."""
    requests = list(every_request())
    assert len(requests) == 7
    assert {one.manners for one in requests} == {Manners(group="arxiv", pause=3.0)}
    (slow,) = source(pause=10).requests(NEWS, {}, NOW)
    assert slow.manners == Manners(group="arxiv", pause=10)


# The daily feed


@pytest.mark.parametrize("rss", [False, True])
def test_a_feeds_entry_is_read_whole(rss: bool) -> None:
    """Atom and RSS tell the same; the lead is no part of the abstract."""
    entry = replace(ENTRY, doi="10.1000/xyz", journal="Journal of Examples 1 (2026)")
    paper = one(entry, rss=rss)
    assert paper == Paper(
        id=PaperId("arxiv:2603.90001"),
        aliases=(PaperId("doi:10.1000/xyz"), paper.aliases[1]),
        title=seed().title,
        abstract=seed().abstract,
        authors=("A. Author", "B. Author"),
        classes=("cs.CV", "cs.AI"),
        published=date(2026, 3, 10),
        version=1,
        announced=datetime(2026, 3, 10, 4, 0, tzinfo=UTC),  # midnight in New York
        url="https://arxiv.org/abs/2603.90001",
        pdf_url="https://arxiv.org/pdf/2603.90001",
        code_url="https://github.com/Francis-Rings/ILA",
        journal="Journal of Examples 1 (2026)",
    )


@pytest.mark.parametrize("rss", [False, True])
def test_the_whole_seed_is_a_feed(rss: bool) -> None:
    """Order and words are kept, whatever signs the titles hold."""
    harvest = feed(arxiv_feed(*entries(70), rss=rss))
    assert [paper.title for paper in harvest.papers] == [seed(at).title for at in range(70)]
    assert [paper.abstract for paper in harvest.papers] == [seed(at).abstract for at in range(70)]
    assert (harvest.refused, harvest.notes, harvest.more) == ((), (), ())
    assert harvest.cursor == {"announced": "2026-03-10"}


@pytest.mark.parametrize("rss", [False, True])
@pytest.mark.parametrize(
    ("kind", "version", "is_news"),
    [
        ("new", 1, True),
        ("cross", 1, True),
        ("replace", 2, False),
        ("replace-cross", 3, False),
        ("absonly", 1, False),
    ],
)
def test_replacements_are_no_news(kind: str, version: int, is_news: bool, rss: bool) -> None:
    """A new version matters only where the paper is known already, and was not first seen today."""
    harvest = feed(arxiv_feed(replace(ENTRY, kind=kind, version=version), rss=rss))
    news, updates = (1, 0) if is_news else (0, 1)
    assert (len(harvest.papers), len(harvest.updates)) == (news, updates)
    (paper,) = harvest.papers + harvest.updates
    assert paper.version == version
    assert (paper.announced is not None) == is_news
    assert paper.abstract == seed().abstract
    assert harvest.cursor == {"announced": "2026-03-10"}


@pytest.mark.parametrize(
    ("arxiv", "kind", "version", "published"),
    [
        ("2603.90001", "new", 1, DAY),
        ("2603.90001", "cross", 1, DAY),
        ("2602.90001", "new", 1, DAY),  # at the turn of a month
        ("2601.90001", "cross", 1, None),
        ("1907.90001", "cross", 1, None),
        ("hep-th/9901001", "cross", 1, None),
        ("2603.90001", "replace", 2, None),
    ],
)
def test_only_a_first_announcement_tells_when_a_paper_was_published(
    arxiv: str, kind: str, version: int, published: date | None
) -> None:
    """An old paper may be listed in another class, or replaced, at any time."""
    paper = one(replace(ENTRY, arxiv=arxiv, kind=kind, version=version))
    assert (paper.published, paper.updated) == (published, None)


@pytest.mark.parametrize(
    ("arxiv", "name"),
    [
        ("2603.90001", "arxiv:2603.90001"),
        ("0704.0001", "arxiv:0704.0001"),
        ("hep-th/9901001", "arxiv:hep-th/9901001"),
        ("math.GT/0309136", "arxiv:math/0309136"),
    ],
)
@pytest.mark.parametrize("rss", [False, True])
def test_ids_of_all_ages_are_read(arxiv: str, name: str, rss: bool) -> None:
    """Without the version, which is kept beside."""
    feeds = one(replace(ENTRY, arxiv=arxiv, version=12), rss=rss)
    query = queried(replace(ENTRY, arxiv=arxiv, version=12))
    assert feeds.names == query.names
    assert (feeds.id, feeds.version, query.version) == (name, 12, 12)
    assert feeds.url == f"https://arxiv.org/abs/{name.removeprefix('arxiv:')}"


@pytest.mark.parametrize("rss", [False, True])
@pytest.mark.parametrize(
    ("byline", "authors"),
    [
        ("A. Author", ("A. Author",)),
        ("Ann Author, Bo Du", ("Ann Author", "Bo Du")),
        ("Ann Author, Bo Du, Cy Author, Xu Li", ("Ann Author", "Bo Du", "Cy Author", "Xu Li")),
        ("A. Author, B. Author, and C. Author", ("A. Author", "B. Author", "C. Author")),
        ("A. Author and B. Author", ("A. Author", "B. Author")),
        ("Andr\\'e Author, B. M\\\"uller", ("Andr\\'e Author", 'B. M\\"uller')),
        ("A. Author (MIT), B. Author (Lab, and others)", ("A. Author", "B. Author")),
        (
            "A. Author (1 and 2), B. Author (2) ((1) A Lab, (2) Another, Lab)",
            ("A. Author", "B. Author"),
        ),
        ("A. Brandenburg, B. Anderson", ("A. Brandenburg", "B. Anderson")),
        ("The Example Collaboration: A. Author", ("The Example Collaboration: A. Author",)),
        ("", ()),
        (" , ,", ()),
    ],
)
def test_a_feeds_byline_is_taken_apart(byline: str, authors: tuple[str, ...], rss: bool) -> None:
    """Names by commas, affiliations left out, TeX's accents kept for `rendering`."""
    assert one(replace(ENTRY, byline=byline), rss=rss).authors == authors


def test_a_large_collaborations_byline_is_read_whole() -> None:
    """Three thousand names in one line; no name is cut."""
    names = tuple(f"Author Number {at}" for at in range(3000))
    assert one(replace(ENTRY, authors=names)).authors == names


def test_a_byline_of_brackets_is_read_quickly() -> None:
    """However deep they nest."""
    heap = "(" * 90_000 + ")" * 90_000
    start = monotonic()
    assert one(replace(ENTRY, byline=f"A. Author {heap}")).authors[0].startswith("A. Author")
    assert monotonic() - start < 2


@pytest.mark.parametrize(
    ("terms", "classes"),
    [
        (("cs.CV", "cs.AI", "cs.CV"), ("cs.CV", "cs.AI")),
        (("cs.AI", "cs.CV"), ("cs.AI", "cs.CV")),
        (
            ("math.CO", "68T05, 60J10", "05C85", "I.2.7; H.3.3", "hep-th", "cond-mat.stat-mech"),
            ("math.CO", "hep-th", "cond-mat.stat-mech"),
        ),
        ((), ()),
    ],
)
@pytest.mark.parametrize("rss", [False, True])
def test_only_arxivs_classes_are_kept(
    terms: tuple[str, ...], classes: tuple[str, ...], rss: bool
) -> None:
    """MSC and ACM codes stand among them upstream."""
    assert one(replace(ENTRY, classes=terms), rss=rss).classes == classes


@pytest.mark.parametrize("rss", [False, True])
@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 3, 14, 12, tzinfo=UTC),  # Saturday
        datetime(2026, 3, 15, 12, tzinfo=UTC),  # Sunday
        datetime(2026, 3, 17, 12, tzinfo=UTC),  # a Tuesday after two holidays
    ],
)
def test_an_empty_feed_is_nothing_new(now: datetime, rss: bool) -> None:
    """Weekends and holidays have no announcement; the cursor stays."""
    assert feed(arxiv_feed(rss=rss), announced="2026-03-13", now=now) == Harvest()


@pytest.mark.parametrize("unchanged", [True, False])
@pytest.mark.parametrize(
    ("announced", "today", "is_stale"),
    [
        ("2026-03-06", date(2026, 3, 12), False),  # four weekdays on
        ("2026-03-06", date(2026, 3, 13), True),
        ("2026-03-06", date(2026, 3, 15), True),
        ("2026-03-10", date(2026, 3, 15), False),
        ("2025-03-10", date(2026, 3, 10), True),
        ("", date(2026, 3, 10), False),
    ],
)
def test_a_feed_that_stays_empty_is_told(
    announced: str, today: date, is_stale: bool, unchanged: bool
) -> None:
    """More than four weekdays without an announcement are no holiday, whatever the status says."""
    now = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    body = replace(answer("", status=304), unchanged=True) if unchanged else arxiv_feed()
    harvest = feed(body, announced=announced, now=now)
    told = (f"stale: the newest announcement is of {announced}",) if is_stale else ()
    assert harvest == Harvest(notes=told)


@pytest.mark.parametrize(
    ("before", "day", "days"),
    [
        ("", "2026-03-10", None),  # the first run has missed nothing
        ("2026-03-09", "2026-03-10", None),
        ("2026-03-10", "2026-03-10", None),
        ("2026-03-11", "2026-03-10", None),
        ("2026-03-06", "2026-03-09", None),  # over a weekend
        ("2026-03-06", "2026-03-10", "202603010000 TO 202603102359"),
        ("2026-03-05", "2026-03-09", "202602280000 TO 202603092359"),
    ],
)
def test_missed_announcements_are_asked_of_the_query_api(
    before: str, day: str, days: str | None
) -> None:
    """From the day before the last one seen, as papers are submitted before they are announced."""
    entry = arxiv_feed(ENTRY, day=date.fromisoformat(day))
    harvest = feed(entry, announced=before)
    assert len(harvest.papers) == 1
    if days is None:
        assert harvest.more == ()
        assert harvest.cursor == {"announced": max(before, day)}
    else:
        (request,) = harvest.more
        assert asked(request)["search_query"] == f"(cat:cs.CV) AND submittedDate:[{days}]"
        assert harvest.cursor is None


def test_the_cursor_moves_when_the_missed_days_are_in() -> None:
    """Not with the feed and not with a page in the middle."""
    here = source(page=2)
    (request,) = here.requests(NEWS, {"announced": "2026-03-03"}, NOW)
    harvest = read(request, arxiv_feed(ENTRY), here=here)
    cursors = [harvest.cursor]
    for start in (0, 2, 4):
        (request,) = harvest.more
        page = arxiv_query(*entries(2 if start < 4 else 1, start), total=5, start=start)
        harvest = read(request, page, here=here)
        cursors.append(harvest.cursor)
    assert harvest.more == ()
    assert cursors == [None, None, None, {"announced": "2026-03-10"}]


def test_missed_days_without_a_paper_are_in_too() -> None:
    """An empty answer that promises nothing is the truth."""
    (request,) = feed(arxiv_feed(ENTRY), announced="2026-03-03").more
    assert read(request, arxiv_query()) == Harvest(cursor={"announced": "2026-03-10"})


def test_catching_up_is_bounded() -> None:
    """After a long stop not every day since is asked."""
    (request,) = feed(arxiv_feed(ENTRY), announced="2020-01-01").more
    first = DAY - timedelta(days=FURTHEST_BACK) - BEFORE_IT_IS_ANNOUNCED
    assert f"[{first:%Y%m%d}0000 TO" in asked(request)["search_query"]


def test_an_announcement_to_come_is_of_now() -> None:
    """A wrong clock upstream makes no paper of the future."""
    (paper,) = feed(arxiv_feed(ENTRY, day=date(2026, 3, 20))).papers
    assert paper.announced == NOW


@pytest.mark.parametrize("rss", [False, True])
def test_an_entry_that_cannot_be_read_is_told(rss: bool) -> None:
    """Those beside it are kept."""
    nameless = replace(ENTRY, arxiv="abc")
    untitled = replace(ENTRY, arxiv=number(1), paper=replace(seed(), title=" \u200b "))
    harvest = feed(arxiv_feed(nameless, ENTRY, untitled, rss=rss))
    assert len(harvest.papers) == 1
    assert harvest.refused == (
        "'oai:arXiv.org:abcv1' is no arXiv id",
        "2603.90002 has no title",
    )


def test_an_entry_is_named_by_its_link_where_its_id_is_none() -> None:
    """The version is then not told."""
    body = arxiv_feed(ENTRY).replace("oai:arXiv.org:2603.90001v1", "tag:example.org,2026:1")
    (paper,) = feed(body).papers
    assert (paper.id, paper.version, paper.published) == ("arxiv:2603.90001", None, None)


@pytest.mark.parametrize("rss", [False, True])
@pytest.mark.parametrize("status", [200, 400])
def test_a_feed_of_an_unknown_class_is_an_error(status: int, rss: bool) -> None:
    """arXiv's own words are told, with the place."""
    body = answer(arxiv_feed_error("cs.XX", rss=rss), status=status, where="https://example.org/x")
    with pytest.raises(SourceError, match="arXiv says: Feed error for query: cs.XX") as caught:
        feed(body)
    assert caught.value.where == "https://example.org/x"


# The query API


def test_a_querys_entry_is_read_whole() -> None:
    """Versions and both dates, DOI, journal and remark; the affiliation is no author."""
    entry = replace(
        ENTRY,
        version=3,
        classes=("cs.AI", "cs.CV", "68T05"),
        primary="cs.CV",
        authors=("André Author", "B. M. Müller"),
        affiliation="A Lab, Another Lab",
        doi="10.1000/XYZ",
        journal="Journal of Examples 1 (2026) 1-10",
        comment="20 pages, 3 figures",
        updated=datetime(2026, 3, 10, 0, 30, tzinfo=UTC),
    )
    paper = queried(entry)
    assert paper == Paper(
        id=PaperId("arxiv:2603.90001"),
        aliases=(PaperId("doi:10.1000/xyz"), paper.aliases[1]),
        title=seed().title,
        abstract=seed().abstract,
        authors=("André Author", "B. M. Müller"),
        classes=("cs.CV", "cs.AI"),
        published=date(2026, 3, 9),
        updated=date(2026, 3, 10),
        version=3,
        url="https://arxiv.org/abs/2603.90001",
        pdf_url="https://arxiv.org/pdf/2603.90001",
        code_url="https://github.com/Francis-Rings/ILA",
        comment="20 pages, 3 figures",
        journal="Journal of Examples 1 (2026) 1-10",
    )


def test_a_paper_of_days_gone_by_was_announced_when_it_was_published() -> None:
    """The query API tells no announcement."""
    (request,) = source().requests(Ask(since=DAY), {}, NOW)
    (paper,) = read(request, arxiv_query(ENTRY)).papers
    assert paper.announced == datetime(2026, 3, 9, tzinfo=UTC)


def test_arxivs_own_doi_is_no_other_name() -> None:
    """10.48550/arXiv.… is the arXiv id once more."""
    names = queried(replace(ENTRY, doi="10.48550/arXiv.2603.90001")).names
    assert names == queried(ENTRY).names


def pages(here: ArxivSource, total: int, answers: Sequence[int]) -> list[dict[str, str]]:
    """What is asked for days of `total` papers where pages hold so many entries."""
    (request,) = here.requests(Ask(since=DAY), {}, NOW)
    queries, start = [asked(request)], 0
    for count in answers:
        page = arxiv_query(*entries(count, start), total=total, start=start)
        harvest = read(request, page, here=here)
        start += count
        if not harvest.more:
            break
        (request,) = harvest.more
        queries.append(asked(request))
    return queries


@pytest.mark.parametrize(
    ("total", "answers", "starts"),
    [
        (0, [0], ["0"]),
        (2, [2], ["0"]),
        (5, [2, 2, 1], ["0", "2", "4"]),
        (5, [1, 2, 2], ["0", "1", "3"]),  # a page may hold fewer than asked for
        (4, [2, 2], ["0", "2"]),
    ],
)
def test_pages_follow_until_all_are_in(total: int, answers: list[int], starts: list[str]) -> None:
    """The next page starts behind what came, with the same query."""
    queries = pages(source(page=2), total, answers)
    assert [query.pop("start") for query in queries] == starts
    assert all(query == queries[0] for query in queries)


def at_start(here: ArxivSource, start: int) -> Request:
    (request,) = here.requests(Ask(since=DAY), {}, NOW)
    return replace(request, context={**request.context, "start": str(start)})


def test_no_more_is_asked_than_the_api_gives() -> None:
    """At 30,000 entries the person is told to ask for fewer days."""
    here = source(page=700)
    harvest = read(at_start(here, 29_399), arxiv_query(ENTRY, total=30_500), here=here)
    (request,) = harvest.more
    assert (asked(request)["start"], asked(request)["max_results"]) == ("29400", "600")
    assert harvest.notes == ()
    last = read(at_start(here, MOST_IN_ALL - 1), arxiv_query(ENTRY, total=30_500), here=here)
    assert last.more == ()
    assert last.notes == ("arXiv answers 30000 of 30500; ask for fewer days.",)
    whole = read(at_start(here, MOST_IN_ALL - 1), arxiv_query(ENTRY, total=30_000), here=here)
    assert (whole.more, whole.notes) == ((), ())


@pytest.mark.parametrize("start", [0, 10])
def test_an_empty_page_in_the_middle_is_asked_again(start: int) -> None:
    """It happens upstream, and is not the end."""
    with pytest.raises(AskAgain, match="an empty page where 25 entries were promised"):
        read(at_start(source(), start), arxiv_query(total=25, start=start))


def test_an_empty_page_behind_the_last_is_the_end() -> None:
    """A paper that was withdrawn meanwhile leaves one."""
    assert read(at_start(source(), 25), arxiv_query(total=25, start=25)) == Harvest()
    with pytest.raises(AskAgain, match="more entries were promised"):  # but not out of them all
        read(at_start(source(), 25), arxiv_query(total=0, start=25))


@pytest.mark.parametrize("total", ["", "many", "-1", "9" * 400, "²"])
def test_a_total_that_is_no_number_promises_nothing(total: str) -> None:
    """The page is read, and is the last."""
    body = arxiv_query(ENTRY, total=77).replace(">77<", f">{total}<")
    harvest = read(at_start(source(), 0), body)
    assert (len(harvest.papers), harvest.more) == (1, ())


def test_papers_asked_about_are_updates_where_they_are_known() -> None:
    """A paper that somebody named is new."""
    (request,) = source().enrich([PaperId("arxiv:2603.90001")])
    known = read(request, arxiv_query(ENTRY))
    named = read(source().one("2603.90001"), arxiv_query(ENTRY))
    assert known.papers == named.updates == ()
    assert known.updates == named.papers
    assert known.cursor is named.cursor is None


def test_ids_that_arxiv_does_not_know_are_told() -> None:
    """The answer just lacks them: a note on a known paper, a refusal of one that was named."""
    ids = ["2603.90001", "2603.90002", "hep-th/9901001"]
    (batch,) = source().enrich([PaperId(f"arxiv:{one}") for one in ids])
    harvest = read(batch, arxiv_query(ENTRY))
    assert harvest.notes == ("arXiv does not know 2603.90002, hep-th/9901001",)
    assert harvest.refused == ()
    named = read(source().one("2603.90002"), arxiv_query())
    assert named.refused == ("arXiv does not know 2603.90002",)
    assert (named.papers, named.notes) == ((), ())


def test_a_batch_answered_by_nothing_is_asked_again() -> None:
    """Where the total says that some are known."""
    with pytest.raises(AskAgain, match="an empty page where 3 entries were promised"):
        read(source().one("2603.90001"), arxiv_query(total=3))


def test_a_bad_id_is_dropped_and_the_rest_asked_again() -> None:
    """One id that arXiv cannot read spoils its batch; known or named stays what it was."""
    (batch,) = source().enrich([PaperId(f"arxiv:{one}") for one in ("2603.90001", "abc", "x/1")])
    error = answer(arxiv_query_error("incorrect id format for abc"), status=400)
    harvest = read(batch, error)
    assert harvest.refused == ("abc: arXiv cannot read this id",)
    (again,) = harvest.more
    assert asked(again) == {"id_list": "2603.90001,x/1", "max_results": "2"}
    assert again.context["known"] == "yes"
    error = answer(arxiv_query_error("incorrect id format for x/1"), status=400)
    (last,) = read(again, error).more
    assert asked(last)["id_list"] == "2603.90001"
    assert len(read(last, arxiv_query(ENTRY)).updates) == 1


def test_a_bad_id_alone_ends_the_asking() -> None:
    """Nothing is left to ask."""
    harvest = read(source().one("abc"), arxiv_query_error("incorrect id format for abc"))
    assert harvest == Harvest(refused=("abc: arXiv cannot read this id",))


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("summary", "told"),
    [
        ("incorrect id format for 2603.99999", "incorrect id format for 2603.99999"),  # not asked
        ("start must be non-negative", "start must be non-negative"),
        ("<b>max_results</b> cannot exceed 30000", "max_results cannot exceed 30000"),
        ("", "an error without words"),
    ],
)
def test_an_error_entry_is_an_error(summary: str, told: str, status: int) -> None:
    """It is never taken for a paper, and never asked again without end."""
    for request in (at_start(source(), 0), source().one("2603.90001")):
        with pytest.raises(SourceError, match=f"arXiv says: {told}") as caught:
            read(request, answer(arxiv_query_error(summary), status=status))
        assert not isinstance(caught.value, AskAgain)


def test_a_refusal_without_words_is_an_error() -> None:
    """Status 400 is never a quiet day."""
    with pytest.raises(SourceError, match="arXiv refuses the query"):
        read(at_start(source(), 0), answer(arxiv_query(), status=400))


@pytest.mark.parametrize("what", ["feed", "query"])
@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        ("<!doctype html><p>Busy", "text/html", "text/html instead of Atom or RSS"),
        ("", "text/plain", "text/plain instead of Atom or RSS"),
        ("{}", "application/json", "application/json instead of Atom or RSS"),
        (arxiv_query(ENTRY)[:-20], "application/atom+xml", r", line \d+: the XML is broken"),
        (arxiv_feed(ENTRY)[:-20], "application/atom+xml", r", line \d+: the XML is broken"),
    ],
)
def test_what_is_no_feed_is_refused(body: str, kind: str, told: str, what: str) -> None:
    """A page of an overloaded server is not an empty day, and half a feed is not a quiet one."""
    (news,) = source().requests(NEWS, {}, NOW)
    request = news if what == "feed" else at_start(source(), 0)
    with pytest.raises(SourceError, match=told):
        read(request, answer(body, kind))
