"""Every way of naming a work becomes one of four kinds of name."""

from __future__ import annotations

import time

import pytest

from newsletter.identity import (
    LONGEST_NAME,
    SCHEMES,
    arxiv_id,
    arxiv_version,
    doi_id,
    identify,
    link_id,
    normalised_title,
    parse,
    scheme,
    strength,
    title_id,
)
from newsletter.papers import Paper, PaperId

LONG = "a-very-long-name-" * 5
TITLE = title_id("Attention Is All You Need")


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("2403.01234", "2403.01234", None),
        (" 2403.01234v3\n", "2403.01234", 3),
        ("0704.0001v12", "0704.0001", 12),
        ("arXiv:2403.01234v1", "2403.01234", 1),
        ("arxiv: 2403.01234", "2403.01234", None),
        ("oai:arXiv.org:2403.01234", "2403.01234", None),
        ("hep-th/9901001v2", "hep-th/9901001", 2),
        ("cs/0112017", "cs/0112017", None),
        ("math.GT/0309136", "math/0309136", None),
        ("arXiv:math.GT/0309136v1", "math/0309136", 1),
        ("10.48550/arXiv.2403.01234", "2403.01234", None),
        ("10.48550/ARXIV.2403.01234v2", "2403.01234", 2),
        ("doi:10.48550/arXiv.hep-th/9901001", "hep-th/9901001", None),
        ("https://doi.org/10.48550/arXiv.2403.01234", "2403.01234", None),
        ("http://dx.doi.org/10.48550/arxiv.2403.01234", "2403.01234", None),
        ("https://arxiv.org/abs/2403.01234", "2403.01234", None),
        ("HTTPS://arXiv.org/abs/2403.01234", "2403.01234", None),
        ("http://arxiv.org/abs/2403.01234v2/", "2403.01234", 2),
        ("https://www.arxiv.org/pdf/2403.01234v2.pdf", "2403.01234", 2),
        ("https://arxiv.org/pdf/hep-th/9901001", "hep-th/9901001", None),
        ("https://arxiv.org/html/2403.01234v1#S2?x=1", "2403.01234", 1),
        ("https://arxiv.org/abs/2403.01234?context=cs.LG", "2403.01234", None),
        ("http://export.arxiv.org/abs/2403.01234v4", "2403.01234", 4),
        ("https://huggingface.co/papers/2403.01234", "2403.01234", None),
        ("https://huggingface.co/papers/2403.01234.md", "2403.01234", None),
        ("https://www.alphaxiv.org/abs/2403.01234v2", "2403.01234", 2),
        ("https://alphaxiv.org/abs/2403.01234", "2403.01234", None),
        ("https://ar5iv.labs.arxiv.org/html/2403.01234", "2403.01234", None),
    ],
)
def test_an_arxiv_id_is_read_without_its_version(text: str, name: str, version: int | None) -> None:
    """Ids of both ages, with prefixes, as DOI and as the address of every site that shows them."""
    assert arxiv_id(text) == f"arxiv:{name}"
    assert arxiv_version(text) == version
    assert arxiv_id(f"arxiv:{name}") == f"arxiv:{name}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "arxiv:",
        "2400.01234",
        "2413.01234",
        "hep-th/9900001",
        "hep-th/9913001",
        "2403.123",
        "2403.123456",
        "2403.01234v0",
        "2403.01234v12345",
        "2403.01234v",
        "x2403.01234",
        "2403.01234 and more",
        "2403.doi:01234",
        "2403.0123\u0664",
        "10.1000/arXiv.2403.01234",
        "https://arxiv.org/list/2403.01234",
        "https://arxiv.org/abs/",
        "https://arxiv.org.example.org/abs/2403.01234",
        "https://notarxiv.org/abs/2403.01234",
        "https://example.org/abs/2403.01234",
        "https://[arxiv.org/abs/2403.01234",
        "ftp://arxiv.org/abs/2403.01234",
    ],
)
def test_what_only_looks_like_an_arxiv_id_is_none(text: str) -> None:
    """There is no month 00 or 13, no version 0, and no id on a stranger's page."""
    assert arxiv_id(text) is None
    assert arxiv_version(text) is None


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("10.1000/xyz", "10.1000/xyz"),
        (" 10.1000/XYZ. ", "10.1000/xyz"),
        ("doi:10.1000/xyz", "10.1000/xyz"),
        ("DOI: 10.1000/xyz", "10.1000/xyz"),
        ("info:doi:10.1000/xyz", "10.1000/xyz"),
        ("https://doi.org/10.1000/XyZ", "10.1000/xyz"),
        ("http://dx.doi.org/10.1000/xyz", "10.1000/xyz"),
        ("https://doi.org/10.1000%2Fxyz", "10.1000/xyz"),
        ("10.1016/S0140-6736(20)30183-5", "10.1016/s0140-6736(20)30183-5"),
        ("10.1101/2024.03.01.583001v2", "10.1101/2024.03.01.583001"),
        (
            "https://www.biorxiv.org/content/10.1101/2024.03.01.583001v2.full.pdf",
            "10.1101/2024.03.01.583001",
        ),
        (
            "https://www.medrxiv.org/content/10.64898/2026.01.02.26343001v1.full-text",
            "10.64898/2026.01.02.26343001",
        ),
        ("https://dl.acm.org/doi/10.1145/3442188.3445922", "10.1145/3442188.3445922"),
        ("https://dl.acm.org/doi/pdf/10.1145/3442188.3445922", "10.1145/3442188.3445922"),
        ("https://dl.acm.org/doi/abs/10.1145/3442188.3445922?a=b%20c#d", "10.1145/3442188.3445922"),
        ("https://www.frontiersin.org/articles/10.3389/fx.2020.1/full/", "10.3389/fx.2020.1"),
        ("https://link.springer.com/content/pdf/10.1007/s1-020-5-x.pdf", "10.1007/s1-020-5-x"),
    ],
)
def test_a_doi_is_read_bare_or_from_an_address(text: str, doi: str) -> None:
    """DOIs know no case; version and kind of page are no part of them."""
    assert doi_id(text) == f"doi:{doi}"
    assert doi_id(f"doi:{doi}") == f"doi:{doi}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.1000",
        "10.1000/",
        "10.12/xyz",
        "11.1000/xyz",
        "10.1000/x y",
        "10.1000/x<y",
        "10.1000/x%00y",
        "10.1000/x\ud800y",
        "10.48550/arXiv.2403.01234",
        "https://doi.org/10.48550/arXiv.2403.01234",
        "https://example.org/2110.12345/figure",
        "https://example.org/v10.1000/xyz",
        "https://example.org/?doi=10.1000/xyz",
        "https://a/10.1000/" + "/full" * 20_000 + "x",
    ],
)
def test_what_is_no_doi_is_none(text: str) -> None:
    """ArXiv's DOIs are arXiv ids, and a number with a dot in a path is not yet a DOI."""
    started = time.process_time()
    assert doi_id(text) is None
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://example.org/a/b", "example.org/a/b"),
        (" http://www.Example.org/A/b/ ", "example.org/A/b"),
        ("https://user:word@example.org:8080/a#part", "example.org/a"),
        ("https://example.org/a?utm_source=x&utm_medium=y&ref=z&id=7", "example.org/a?id=7"),
        ("https://example.org/a?utm_source=x", "example.org/a"),
        ("https://openreview.net/forum?id=aBc_9", "openreview.net/forum?id=aBc_9"),
        ("https://openreview.net/forum?id=aBc_9&fbclid=1", "openreview.net/forum?id=aBc_9"),
        ("https://example.org/?p=12", "example.org?p=12"),
        ("https://example.org/a?q=x%20y", "example.org/a?q=x+y"),
    ],
)
def test_a_link_is_host_path_and_query(url: str, link: str) -> None:
    """Scheme, "www.", port, fragment and what only tracks are no part of it; case in paths is."""
    assert link_id(url) == f"link:{link}"
    assert link_id(f"https://{link}") == f"link:{link}"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/a",
        "https://example.org",
        "https://www.example.org/",
        "https://example.org/?utm_source=x",
        "https://example.org/#part",
        "https:///a",
        "https://[example.org/a",
        "javascript:alert(1)",
        "javascript://example.org/%0aalert(1)",
        "ftp://example.org/a",
        "mailto:ann@example.org",
        "https://example.org/a b",
        "https://example.org/a\x00b",
        "https://example.org/a\ud800b",
        "https://example.org/a\u202eb",
        "https://example.org/" + "a" * 2_000,
    ],
)
def test_what_is_no_page_has_no_link(url: str) -> None:
    """A bare host is no paper, and neither is what the database could not keep."""
    assert link_id(url) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Attention Is All You Need", "  attention is all\nyou need!"),
        ("Nyström's Méthode", "Nystro\u0308m s methode"),
        ("ﬁne-tuning", "Fine Tuning"),
        ("Straße", "STRASSE"),
    ],
)
def test_titles_are_alike_whatever_their_dress(one: str, other: str) -> None:
    """Case, accents, ligatures and marks do not count."""
    assert normalised_title(one) == normalised_title(other)
    assert title_id(one) == title_id(other)


def test_different_titles_have_different_names() -> None:
    """A word more is another title; the name is sixteen hex digits."""
    assert title_id("Attention") != title_id("Attention again")
    assert len(TITLE) == len("title:") + 16
    assert normalised_title("?! \u200b…") == ""


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ({}, ()),
        ({"title": "?!"}, ()),
        ({"arxiv": "nothing", "doi": "nothing", "link": "nothing"}, ()),
        ({"arxiv": "2403.01234v2"}, ("arxiv:2403.01234",)),
        (
            {"arxiv": "2403.01234", "doi": "10.1000/X", "link": "https://example.org/a"},
            ("arxiv:2403.01234", "doi:10.1000/x"),
        ),
        ({"link": "https://example.org/a"}, ("link:example.org/a",)),
        ({"link": "https://arxiv.org/abs/2403.01234"}, ("arxiv:2403.01234",)),
        ({"link": "https://doi.org/10.1000/x"}, ("doi:10.1000/x",)),
        ({"doi": "10.48550/arXiv.2403.01234"}, ("arxiv:2403.01234",)),
        ({"arxiv": "10.1000/x"}, ("doi:10.1000/x",)),
        (
            {"doi": "10.1000/x", "link": "https://arxiv.org/abs/2403.01234"},
            ("arxiv:2403.01234", "doi:10.1000/x"),
        ),
        (
            {"arxiv": "2403.01234", "link": "https://arxiv.org/abs/2403.99999"},
            ("arxiv:2403.01234",),
        ),
        ({"doi": "10.1000/x", "link": "https://doi.org/10.1000/y"}, ("doi:10.1000/x",)),
        ({"doi": "10.1000/x", "link": "https://example.org"}, ("doi:10.1000/x",)),
    ],
)
def test_a_work_has_its_names_strongest_first(told: dict[str, str], names: tuple[str, ...]) -> None:
    """One name of a kind at most, a link only without the others, the title always and last."""
    assert identify(**told) == names
    titled = {"title": "Attention Is All You Need"} | told
    if "title" not in told:
        assert identify(**titled) == (*names, TITLE)


@pytest.mark.parametrize(
    "name",
    [
        doi_id(f"10.1000/{LONG}"),
        link_id(f"https://example.org/{LONG}"),
        title_id(LONG * 100),
    ],
)
def test_a_long_name_is_cut_to_its_hash(name: PaperId) -> None:
    """No name is longer than the database keeps, and two long ones stay two."""
    assert len(name) == len(scheme(name)) + len(":") + 16
    assert name not in (doi_id(f"10.1000/{LONG}2"), link_id(f"https://example.org/{LONG}2"))


def test_a_name_of_just_the_length_is_kept_whole() -> None:
    """Sixty-four characters are not too long, one more is."""
    path = "a" * (LONGEST_NAME - len("link:example.org/"))
    assert link_id(f"https://example.org/{path}") == f"link:example.org/{path}"
    assert "example" not in str(link_id(f"https://example.org/{path}a"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2403.01234v2", "arxiv:2403.01234"),
        ("arxiv:2403.01234", "arxiv:2403.01234"),
        ("https://huggingface.co/papers/2403.01234", "arxiv:2403.01234"),
        ("10.48550/arXiv.2403.01234", "arxiv:2403.01234"),
        ("doi:10.1000/X", "doi:10.1000/x"),
        ("https://dl.acm.org/doi/10.1145/3442188", "doi:10.1145/3442188"),
        ("https://openreview.net/forum?id=aBc", "link:openreview.net/forum?id=aBc"),
        ("https://arxiv.org/list/cs/new", "link:arxiv.org/list/cs/new"),
        ("Attention Is All You Need", None),
        ("https://example.org/", None),
        ("", None),
    ],
)
def test_what_a_person_pastes_is_the_strongest_name_in_it(text: str, name: str | None) -> None:
    """An arXiv id before a DOI before a link; a title is never guessed at."""
    assert parse(text) == name


def test_names_sort_by_their_kind() -> None:
    """ArXiv, DOI, link, title, then what nobody knows; alike ones by the alphabet."""
    names = [PaperId(f"{kind}:{n}") for kind in (*SCHEMES, "other") for n in (1, 2)]
    backwards = names[::-1]
    assert sorted(backwards, key=strength) == names
    assert [scheme(name) for name in names[::2]] == [*SCHEMES, "other"]


@pytest.mark.parametrize(
    ("names", "doi"),
    [
        (("arxiv:2403.01234", "doi:10.1000/x", "title:1"), "10.1000/x"),
        (("doi:10.1000/x",), "10.1000/x"),
        ((str(doi_id(f"10.1000/{LONG}")),), None),
        (("arxiv:2403.01234", "link:doi:10.1000/x"), None),
    ],
)
def test_a_paper_tells_its_doi(names: tuple[str, ...], doi: str | None) -> None:
    """A hash is not passed off as a DOI."""
    first, *rest = map(PaperId, names)
    assert Paper(id=first, aliases=tuple(rest), title="A title").doi == doi
