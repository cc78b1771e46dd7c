"""Which papers fall under which topics: rules, people, examples, and how near texts are."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Thread

import pytest

from newsletter.matching import Matcher
from newsletter.papers import Paper, PaperId
from newsletter.text.tokens import stem
from newsletter.topics import Catalogue, Topic
from tests.seed_papers import seed_papers


def paper(name: str, title: str, abstract: str = "", **more: object) -> Paper:
    return Paper(id=PaperId(f"link:{name}"), title=title, abstract=abstract, **more)  # type: ignore[arg-type]


def under(topic: Topic, *papers: Paper) -> Mapping[str, tuple[str, ...]]:
    """The papers under a topic, each with its evidence; the saved ones are the background."""
    found = Matcher(papers, seed_papers()).match(Catalogue([topic]))
    return {
        one.id.removeprefix("link:"): match.evidence
        for one, matches in zip(papers, found, strict=True)
        for match in matches
    }


def topic(**rule: object) -> Topic:
    return Topic(slug="t", name="Protein folding", **rule)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "written", "found"),
    [
        ("Ann Lee", "Ann Lee", True),
        ("Ann Lee", "A. Lee", True),
        ("A. Lee", "Ann B. Lee", True),
        ("Lee, Ann", "Ann Lee", True),
        ("Ann Lee", "Bo Lee", False),
        ("Ann Lee", "Anna Lee", False),
        ("Ann Lee", "Ann Leeds", False),
        ("Jürgen Ek", "Jurgen Ek", True),
    ],
)
def test_authors_are_known_by_name_and_initial(wanted: str, written: str, found: bool) -> None:
    """Whatever their papers are about."""
    one = paper("a", "Rocks", authors=("Some Body", written))
    assert bool(under(topic(authors=(wanted,)), one)) is found


def test_institutions_are_found_in_their_longer_names() -> None:
    """By whole words."""
    topic_ = topic(institutions=("Example Institute",))
    there = paper("a", "Rocks", organization="The Example Institute of Rocks")
    other = paper("b", "Rocks", organization="Examples Instituted")
    assert under(topic_, there, other) == {"a": ("Example Institute",)}


def test_a_class_counts_alone_where_nothing_else_is_asked_for() -> None:
    """Beside phrases it only helps."""
    one = paper("a", "Rocks", classes=("cs.RO",))
    assert under(topic(classes=("cs.RO",)), one) == {"a": ("cs.RO",)}
    assert under(topic(classes=("cs.RO",), phrases=("robot",)), one) == {}


def test_a_rule_holds_across_title_and_abstract() -> None:
    """Both parts of an AND may stand apart, and what is excluded is so anywhere."""
    rule = topic(phrases=("gravel AND robot* AND NOT survey",))
    apart = paper("a", "Gravel", "It is moved by robots.")
    barred = paper("b", "Gravel and robots", "A survey.")
    assert under(rule, apart, barred) == {"a": ("gravel AND robot* AND NOT survey",)}


FOLDING = "Protein folding of amino acids predicts molecular structure from sequences."
NEAR_TEXT = "Protein folding and molecular structure are predicted from amino acid sequences."


def test_a_topic_without_a_rule_finds_what_is_near() -> None:
    """By its name and description alone; what is far is not under it."""
    described = topic(description=FOLDING)
    near = paper("near", "Predicting protein folding", NEAR_TEXT)
    far = paper("far", "Aligning language models", "Preferences of people align models.")
    assert under(described, near, far) == {"near": ("its text",)}


def test_examples_find_what_is_like_them() -> None:
    """And the example itself need not be among the day's papers."""
    example = paper("example", "Folding proteins", FOLDING)
    like = Topic(slug="t", name="Like it", examples=(example.id,), own=True)
    near = paper("near", "Predicting protein folding", NEAR_TEXT)
    far = paper("far", "Aligning language models", "Preferences of people align models.")
    others = [
        paper(f"{one.id}{at}", one.title, sentence)
        for one in seed_papers()
        for at, sentence in enumerate(one.abstract.split(". "))
    ]
    found = Matcher([near, far], [*others, example]).match(Catalogue([like]))
    assert [[match.topic for match in matches] for matches in found] == [["t"], []]


def test_a_single_mention_counts_only_in_a_text_that_is_near() -> None:
    """So that a word in passing is no topic, and a paper about it need not repeat it."""
    rule = topic(phrases=("protein",), description=FOLDING)
    near = paper("near", "Molecular structure", f"{NEAR_TEXT} Amino acid folding.")
    passing = paper("passing", "Aligning language models", "As a protein does, models align.")
    assert set(under(rule, near, passing)) == {"near"}


def test_nearness_alone_is_not_enough_where_there_is_a_rule() -> None:
    """On a day without papers of a topic, some paper is still the nearest."""
    rule = topic(phrases=("chaperone",), description=FOLDING)
    near = paper("near", "Molecular structure", NEAR_TEXT)
    assert under(rule, near) == {}
    (judged,) = Matcher([near], seed_papers()).judge(rule)
    assert (judged.under, judged.lacks) == (False, "none of the rule; its text is near")


def test_the_order_of_topics_and_papers_changes_nothing() -> None:
    """Each pair is judged by itself."""
    topics = [
        Topic(slug=f"t{at}", name=one.title[:40], phrases=("alignment", "model"), description="x y")
        for at, one in enumerate(seed_papers()[:5])
    ]
    papers = seed_papers()[:30]
    forth = dict(zip(papers, Matcher(papers).match(Catalogue(topics)), strict=True))
    back = dict(
        zip(papers[::-1], Matcher(papers[::-1]).match(Catalogue(topics[::-1])), strict=True)
    )
    for one in papers:
        assert [match.topic for match in forth[one]] == [match.topic for match in back[one]]
        for a, b in zip(forth[one], back[one], strict=True):
            assert a.strength == pytest.approx(b.strength, abs=1e-3)


def test_few_papers_are_no_trouble() -> None:
    """None at all, one, and one without a word."""
    assert Matcher([]).match(Catalogue([topic(description=FOLDING)])) == []
    assert under(topic(description=FOLDING), paper("a", "…")) == {}
    assert Matcher([paper("a", "…")]).match(Catalogue([topic(description=FOLDING)])) == [()]


def test_nearly_the_same_papers_are_told_in_groups() -> None:
    """By text, or by title where an author is the same; an equal title alone says nothing."""
    first = paper("a", "Folding proteins", FOLDING)
    again = paper("b", "Folding proteins", f"{FOLDING} Again.")
    other = paper("c", "Editorial", "Preferences of people align models.", authors=("Ann Lee",))
    same = paper("d", "Editorial.", "Of another year.", authors=("Ann Lee", "Bo Ek"))
    else_ = paper("e", "Editorial", "Frogs and quantum gravity.", authors=("Cy Ek",))
    nameless = [paper(f"n{at}", "") for at in range(2)]
    matcher = Matcher([other, first, again, same, else_, *nameless, *seed_papers()[:20]])
    assert matcher.twins() == [[0, 3], [1, 2]]


def test_words_are_stemmed_by_several_threads_at_once() -> None:
    """Pages and the clock share a process, and the stemmer keeps the word it is at."""
    given = [f"generalizations{'ationally' * (at % 4)}{at}ing" for at in range(4000)]
    expected = [stem.__wrapped__(word) for word in given]
    found: list[list[str]] = []
    threads = [
        Thread(target=lambda: found.append([stem.__wrapped__(word) for word in given]))
        for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == [expected] * 4
