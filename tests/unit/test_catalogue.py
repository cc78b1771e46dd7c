"""The topics that ship: what is well formed, and which papers of a real page fall under them."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from newsletter.catalogue import load
from newsletter.identity import title_id
from newsletter.papers import Paper
from newsletter.topics import words
from tests.seed_papers import seed_papers

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "seeds"
ENTRIES: list[dict[str, Any]] = tomllib.loads((SEEDS / "topics.toml").read_text("utf-8"))["topic"]
CATALOGUE = load(SEEDS / "topics.toml")
BROAD = {"alignment"}  # the page is of an alignment-heavy day; every other topic has to choose
MOST_OF_70 = 35

RIGHT = (
    ("Large Language Model Alignment: A Survey", "survey"),
    ("Large Language Model Alignment: A Survey", "alignment"),
    ("From Instructions to Intrinsic Human Values", "survey"),
    ("Aligning Large Language Models with Human: A Survey", "survey"),
    ("Alignment for Honesty", "alignment"),
    ("Alignment for Honesty", "honesty"),
    ("DeAL: Decoding-time Alignment", "inference-time"),
    ("What Makes Good Data for Alignment?", "data-curation"),
    ("LiPO: Listwise Preference Optimization", "preference-optimisation"),
    ("LiPO: Listwise Preference Optimization", "retrieval"),
    ("Binary Classifier Optimization", "preference-optimisation"),
    ("Training Language Models with Language Feedback", "rlhf"),
    ("Emulated Disalignment", "jailbreaks"),
    ("Targeting Alignment: Extracting Safety Classifiers", "safety"),
    ("Implicit Temporal Modeling", "video-understanding"),
    ("Unified Lexical Representation", "vision-language"),
    ("InfMLLM", "vision-language"),
    ("Cross-Modal Implicit Relation Reasoning", "cross-modal-retrieval"),
    ("AlignGPT", "cross-modal-alignment"),
    ("Chat-3D v2", "3d-vision"),
    ("Reinforced UI Instruction Grounding", "gui-agents"),
    ("UI-JEPA", "self-supervised-learning"),
    ("Unleashing the Potential of Large Language Models", "image-generation"),
    ("Unify, Align and Refine", "medical-ai"),
    ("NLoRA", "low-rank-adaptation"),
    ("Fira", "efficient-training"),
    ("IAPT", "parameter-efficient-tuning"),
    ("TRACE", "continual-learning"),
    ("CIF-Bench", "multilingual"),
    ("Understand What LLM Needs", "rag"),
    ("Making Large Language Models Better Reasoners", "reasoning"),
    ("Align With Purpose", "speech-and-audio"),
)

WRONG = (
    ("Implicit Temporal Modeling with Learnable Alignment", "alignment"),
    ("Unified Lexical Representation for Interpretable Visual", "alignment"),
    ("Contrastive Vision-Language Alignment", "alignment"),
    ("Align With Purpose", "alignment"),
    ("Dynamic Gradient Alignment", "alignment"),
    ("SLCA: Slow Learner with Classifier Alignment", "alignment"),
    ("Unleashing the Potential of Large Language Models", "alignment"),
    ("Improving In-context Learning via Bidirectional Alignment", "alignment"),
    ("What Makes Good Data for Alignment? A Comprehensive Study", "survey"),
    ("TRACE: A Comprehensive Benchmark", "survey"),
    ("Targeting Alignment: Extracting Safety Classifiers", "speech-and-audio"),  # ASR of attacks
    ("UI-JEPA", "world-models"),
    ("The Unlocking Spell on Base LLMs", "robustness"),  # shifts of the token distribution
    ("Initialization using Update Approximation", "mathematics"),
    ("Aligning Large Language Models with Human: A Survey", "honesty"),
    ("Cross-Modal Implicit Relation Reasoning", "reasoning"),
    ("Cross-Modal Implicit Relation Reasoning", "image-generation"),
    ("Nudging: Inference-time Alignment", "rlhf"),
    ("CodecLM", "preference-optimisation"),
)


PAPERS = seed_papers()
TOPICS_OF = {
    paper.title: tuple(match.topic for match in CATALOGUE.match(paper)) for paper in PAPERS
}


def topics_of(prefix: str) -> tuple[str, ...]:
    """The topics of the one paper whose title starts so."""
    (title,) = (title for title in TOPICS_OF if title.startswith(prefix))
    return TOPICS_OF[title]


def test_every_paper_has_a_topic():
    """Each of the seventy papers of the page falls under a topic, none under ten or more."""
    assert len(TOPICS_OF) == 70
    assert {title for title, topics in TOPICS_OF.items() if not 1 <= len(topics) < 10} == set()


def test_typical_paper():
    """Most papers have two to five topics: fewer say little, more say nothing."""
    typical = [title for title, topics in TOPICS_OF.items() if 2 <= len(topics) <= 5]
    assert len(typical) >= 0.85 * len(TOPICS_OF)


def test_no_topic_swallows_the_page():
    """Only a broad topic may hold half of the page."""
    every = [slug for topics in TOPICS_OF.values() for slug in topics]
    assert {slug for slug in set(every) if every.count(slug) > MOST_OF_70} <= BROAD


@pytest.mark.parametrize(("prefix", "topic"), RIGHT)
def test_falls_under(prefix: str, topic: str):
    """A paper falls under the topic a researcher would file it under."""
    assert topic in topics_of(prefix)


@pytest.mark.parametrize(("prefix", "topic"), WRONG)
def test_does_not_fall_under(prefix: str, topic: str):
    """A paper does not fall under a topic for a word that means something else there."""
    assert topic in CATALOGUE.topics
    assert topic not in topics_of(prefix)


def test_only_surveys_are_surveys():
    """The page has three surveys."""
    assert sum("survey" in topics for topics in TOPICS_OF.values()) == 3


@pytest.mark.parametrize(
    ("abstract", "classes", "expected"),
    [
        ("We ran a survey of 200 participants.", (), False),
        ("A survey of methods. This survey orders them.", (), True),
    ],
)
def test_a_questionnaire_is_no_survey(abstract: str, classes: tuple[str, ...], expected: bool):
    """A survey of people said once does not make a paper a survey of a field."""
    paper = Paper(id=title_id("x"), title="A paper", abstract=abstract, classes=classes)
    assert ("survey" in {match.topic for match in CATALOGUE.match(paper)}) is expected


def test_british_and_american():
    """A topic is found in either spelling."""
    for title in ("Preference Optimisation", "Preference Optimization"):
        paper = Paper(id=title_id(title), title=title)
        assert "preference-optimisation" in {match.topic for match in CATALOGUE.match(paper)}


def test_slugs():
    """Slugs are unique, plain, and three of them are promised to the settings page."""
    slugs = [entry["slug"] for entry in ENTRIES]
    assert len(set(slugs)) == len(slugs)
    assert [slug for slug in slugs if not re.fullmatch("[a-z0-9-]+", slug)] == []
    assert {"alignment", "vision-language", "survey"} <= set(slugs)


def test_names_and_descriptions():
    """Names are unique; a description is one plain line, a sentence, of at most 110 characters."""
    names = [entry["name"].casefold() for entry in ENTRIES]
    assert len(set(names)) == len(names)
    descriptions = [entry["description"] for entry in ENTRIES]
    assert [d for d in descriptions if not re.fullmatch(r"[A-Z0-9].{8,108}\.", d)] == []


def test_phrases_say_something():
    """No phrase normalises to nothing, and no two of one topic to the same words."""
    for entry in ENTRIES:
        spoken = [words(phrase) for phrase in entry["phrases"]]
        assert all(spoken), entry["slug"]
        assert len(set(spoken)) == len(spoken), entry["slug"]


def test_no_phrase_is_counted_twice():
    """No phrase ends or stands in the middle of another one of its topic: that is two mentions."""
    nested = [
        (entry["slug"], inner, outer)
        for entry in ENTRIES
        for outer in entry["phrases"]
        for inner in entry["phrases"]
        if f" {' '.join(words(inner))} " in f" {' '.join(words(outer)[1:])} "
    ]
    assert nested == []


def test_topics_differ():
    """No two topics have the same phrases."""
    rules = [frozenset(words(phrase) for phrase in entry["phrases"]) for entry in ENTRIES]
    assert len(set(rules)) == len(rules)


def test_classes_are_arxivs():
    """Classes have the form of arXiv's: archive and subject."""
    classes = [name for entry in ENTRIES for name in entry.get("classes", ())]
    form = re.compile(r"(cs|eess|q-bio|stat|math|physics|cond-mat)\.[A-Za-z-]{2,8}")
    assert classes
    assert [name for name in classes if not form.fullmatch(name)] == []


def test_committed_page_is_the_generated_one():
    """docs/topics.md is what `python docs/generate.py` writes."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    written = (ROOT / "docs" / "topics.md").read_text("utf-8")
    assert written == generate.topics_page(), "Run `python docs/generate.py`."
