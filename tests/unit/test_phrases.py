"""The little language of topics: what it means, what it refuses, and how it is said back."""

from __future__ import annotations

from collections import Counter

import pytest

from newsletter.errors import RequestError
from newsletter.phrases import LONGEST, in_words, mentions, parse, phrases_of, words


def said(rule: str, here: str, elsewhere: str = "") -> int:
    """How often a text says what a rule asks for."""
    parsed = parse(rule)

    def counts(text: str) -> Counter[object]:
        spoken = words(text)
        found: Counter[object] = Counter()
        for phrase in phrases_of(parsed):
            found[phrase] = sum(phrase.is_in(spoken, at) for at in range(len(spoken)))
        return found

    whole = counts(here) + counts(elsewhere)
    return mentions(parsed, counts(here), whole)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "text", "times"),
    [
        ("large language model", "Large language-models and large language models", 2),
        ("quanti*", "Quantised models after quantization", 2),
        ("diffusion polic*", "A diffusion policy of diffusion policies", 2),
        ("robot AND grasping", "A robot is grasping", 2),
        ("robot AND grasping", "A robot", 0),
        ("robot grasping", "A robot is grasping", 0),
        ("robot OR drone", "A drone and a robot", 2),
        ("robot AND NOT survey", "A robot", 1),
        ("robot AND NOT survey", "A survey of robots", 0),
        ("robot NOT survey", "A robot", 1),
        ("(robot OR drone) AND (map OR plan)", "A drone and its map", 2),
        ("a OR robot AND arm", "a", 1),
        ('"this AND that"', "This and that", 1),
        ("C++", "Templates of C++ and C", 1),
    ],
)
def test_a_rule_finds_what_it_says(rule: str, text: str, times: int) -> None:
    """Quotes, stars, operators and parentheses; AND binds closer than OR."""
    assert said(rule, text) == times


def test_what_is_excluded_is_excluded_wherever_it_is_said() -> None:
    """Also in another part of the paper."""
    assert said("robot AND NOT survey", "A robot", "This survey tells") == 0


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("", "lacks a phrase"),
        ('"open', "does not close"),
        ("(a", "does not close"),
        ("a)", "not open"),
        ("(((((((a)))))))", "parentheses deep"),
        ("a AND", "at its end"),
        ("OR a", "before OR"),
        ("NOT a", "only says what not to find"),
        ("a OR NOT b", "only says what not to find"),
        ("robot AND (NOT survey AND NOT review)", "only says what not to find"),
        ("robot AND (NOT survey OR arm)", "only says what not to find"),
        ("robot AND NOT (NOT survey)", "only says what not to find"),
        ("a AND NOT NOT b", "NOT twice"),
        ("*", "no word"),
        ("a*", "finds too much"),
        ("a*b", "may only end"),
        ("...", "no word"),
        ("word " * 10_000, "characters"),
        (" OR ".join("ab" for _ in range(40)), "at most 30 phrases"),
        ("a\nb", "printable"),
    ],
)
def test_a_bad_rule_is_refused_in_words(rule: str, says: str) -> None:
    """And nothing else is ever raised."""
    with pytest.raises(RequestError, match=says.replace("(", r"\(")):
        parse(rule)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ('"test-time compute" AND NOT survey', "“test-time compute” but not “survey”"),
        ("(robot OR drone) AND map", "(“robot” or “drone”) and “map”"),
        ("quanti*", "“quanti*”"),
        ("a OR (b AND NOT c)", "“a” or (“b” but not “c”)"),
    ],
)
def test_a_rule_is_said_back_in_words(rule: str, told: str) -> None:
    """As a person would say it."""
    assert in_words(parse(rule)) == told


def test_the_longest_rule_is_read() -> None:
    """The limit itself is allowed."""
    assert parse("a" * LONGEST)
