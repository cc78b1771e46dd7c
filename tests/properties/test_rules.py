"""Whatever is typed as a rule is read or refused, and what is read can be said back."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import RequestError
from newsletter.phrases import All, Any, Not, Phrase, Rule, in_words, parse, phrases_of

WORD = st.sampled_from(["robot", "map", "quanti*", '"and so"', "C++", "é"])
PIECES = st.lists(st.sampled_from(["AND", "OR", "NOT", "(", ")", '"', "*", "a", "robot*", " "]))


@given(st.one_of(st.text(max_size=400), PIECES.map(" ".join), PIECES.map("".join)))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    """Never by another error."""
    with suppress(RequestError):
        told = in_words(parse(text))
        assert "“" in told


def rules(depth: int = 3) -> st.SearchStrategy[str]:
    """Rules as text that are right."""
    if depth == 0:
        return WORD
    inner = rules(depth - 1)
    joined = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        WORD,
        joined.map(lambda parts: f"({' OR '.join(parts)})"),
        joined.map(lambda parts: f"({' AND '.join(parts)})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} AND NOT {two[1]})"),
    )


@given(rules())
def test_a_right_rule_is_read(text: str) -> None:
    """With all its phrases, left to right."""
    if len(text) > 300 or text.count("(") > 6:
        return
    with suppress(RequestError):
        rule = parse(text)
        assert len(list(phrases_of(rule))) == _count(rule)


def _count(rule: Rule) -> int:
    match rule:
        case Phrase():
            return 1
        case Not():
            return _count(rule.part)
        case All() | Any():
            return sum(map(_count, rule.parts))
