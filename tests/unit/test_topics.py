"""Which papers fall under a topic."""

from __future__ import annotations

import pytest

from newsletter.errors import RequestError
from newsletter.papers import Paper, PaperId
from newsletter.topics import Catalogue, Match, Topic, words

TOPICS = Catalogue(
    [
        Topic(slug="retrieval", name="Retrieval", phrases=("retrieval",), classes=("cs.IR",)),
        Topic(
            slug="captioning",
            name="Captioning",
            phrases=("image captioning", "image"),
            classes=("cs.CV",),
        ),
    ]
)


def match(title: str = "", abstract: str = "", *classes: str) -> tuple[Match, ...]:
    paper = Paper(id=PaperId("title:1"), title=title, abstract=abstract, classes=classes)
    return TOPICS.match(paper)


@pytest.mark.parametrize(
    ("title", "abstract", "classes", "strength"),
    [
        ("Retrieval", "", (), 0.7),
        ("Retrieval, retrieval", "", (), 0.7),
        ("", "retrieval", (), None),
        ("", "", ("cs.IR",), None),
        ("", "retrieval and retrieval", (), 0.51),
        ("", "retrieval", ("cs.IR",), 0.51),
        ("", "retrieval " * 9, (), 1 - 0.7**3),
        ("Retrieval", "retrieval", ("cs.IR",), 1 - 0.3 * 0.7**2),
        ("Retrievals for cs.IR", "", ("cs.LG",), 0.7),
    ],
)
def test_one_faint_sign_is_not_enough(
    title: str, abstract: str, classes: tuple[str, ...], strength: float | None
) -> None:
    """The table of evidence: a title is enough, a mention or a class alone is not."""
    found = match(title, abstract, *classes)
    assert [one.strength for one in found] == ([pytest.approx(strength)] if strength else [])


def test_the_longest_phrase_is_counted() -> None:
    """Of two phrases at one word the longer is evidence, the shorter only where it stands alone."""
    assert match("Image captioning")[0].evidence == ("image captioning",)
    assert match("Image captioning")[0].strength == pytest.approx(0.7)
    assert match("Image captioning of an image")[0].strength == pytest.approx(0.91)


def test_matches_are_surest_first() -> None:
    """The order is by strength, then by slug."""
    both = match("Image retrieval")
    assert [one.topic for one in both] == ["captioning", "retrieval"]
    assert [one.topic for one in match("Image retrieval", "", "cs.IR")] == [
        "retrieval",
        "captioning",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Fine-tuning LLMs", "fine tuning LLM"),
        ("Nyström", "nystrom"),
        ("C++ and C#", "c++ AND c#"),
        ("graph\nnetworks,", "graph network"),
    ],
)
def test_spelling_is_folded(one: str, other: str) -> None:
    """Case, hyphens, accents and plurals do not matter."""
    assert words(one) == words(other)


@pytest.mark.parametrize("word", ["gas", "analysis", "loss", "corpus"])
def test_what_only_looks_plural_stays_apart_from_its_stump(word: str) -> None:
    """A word of three letters, or one in -ss, -us or -is, keeps its s."""
    assert words(word) == (word,)


def test_a_topic_is_found_by_slug_or_name() -> None:
    """Case and outer spaces do not matter."""
    assert TOPICS.get("retrieval") is TOPICS.get(" RETRIEVAL ") is TOPICS.topics["retrieval"]


@pytest.mark.parametrize("asked", ["retreival", "Captionning", "caption"])
def test_an_unknown_topic_suggests_the_nearest(asked: str) -> None:
    """A slip of the keyboard is answered with what was probably meant."""
    nearest = "retrieval" if asked.startswith("r") else "captioning"
    with pytest.raises(RequestError, match=f"no topic '{asked}'. Did you mean {nearest}"):
        TOPICS.get(asked)


@pytest.mark.parametrize("asked", ["", "zzzz"])
def test_a_topic_like_none_points_at_the_list(asked: str) -> None:
    """Nothing near is not guessed at."""
    with pytest.raises(RequestError, match="newsletter topics list"):
        TOPICS.get(asked)


def test_rules_of_one_topic_do_not_hide_each_other() -> None:
    """More rules never find less, however their phrases overlap or are spelt."""
    text = "Large language models for fine-tuning robot arms"
    for rules in (
        ("large* AND robot",),
        ("large* AND robot", "large language model AND zebra"),
        ("fine-tuning AND zebra", "fine tuning AND robot"),
        ("robot* AND robot",),
    ):
        topic = Topic(slug="t", name="T", phrases=rules)
        paper = Paper(id=PaperId("link:a"), title=text)
        assert [match.topic for match in Catalogue([topic]).match(paper)] == ["t"], rules
