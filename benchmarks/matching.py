"""Matching: a day's papers with all topics, ours beside the loop one would write first.

    python -m benchmarks.matching [--papers 500] [--older 1500] [--topics 2000] [--rounds 3]

Papers are made of the sentences of the 70 saved ones, topics of three-word phrases of theirs, three
phrases each, with a description. Ours reads each paper once for all topics, and adds how near its
text is to theirs. The plain loop searches every paper for every phrase by a regular expression, on
a part of the topics, and adds nothing; its cost for all is extrapolated. CPU time of one core, peak
memory of the process.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import statistics
import time
from collections.abc import Sequence

from newsletter.matching import Matcher
from newsletter.papers import Paper, PaperId
from newsletter.topics import Catalogue, Topic
from tests.seed_papers import seed_papers

WORD = re.compile(r"[a-zA-Z]{3,}")


def made_papers(number: int, chance: random.Random) -> list[Paper]:
    """Each of eight sentences of the saved page's abstracts."""
    seeds = seed_papers()
    sentences = [part for one in seeds for part in one.abstract.split(". ")]
    return [
        Paper(
            id=PaperId(f"link:p{at}"),
            title=f"{chance.choice(seeds).title} {at}",
            abstract=". ".join(chance.sample(sentences, 8)),
        )
        for at in range(number)
    ]


def made_topics(number: int, chance: random.Random) -> list[Topic]:
    """Each of three phrases that some paper says."""
    texts = [WORD.findall(one.abstract) for one in seed_papers()]

    def phrase() -> str:
        text = chance.choice(texts)
        start = chance.randrange(len(text) - 3)
        return f'"{" ".join(text[start : start + 3])}"'

    return [
        Topic(
            slug=f"t{at}",
            name=phrase().strip('"'),
            description=chance.choice(seed_papers()).title,
            phrases=tuple(phrase() for _ in range(3)),
        )
        for at in range(number)
    ]


def plain(papers: list[Paper], topics: list[Topic]) -> int:
    """Every phrase of every topic, sought in every paper."""
    found = 0
    for topic in topics:
        parts = (re.escape(phrase.strip('"').lower()) for phrase in topic.phrases)
        pattern = re.compile("|".join(rf"\b{part}\b" for part in parts))
        for paper in papers:
            text = f"{paper.title} {paper.abstract}".lower()
            found += bool(pattern.search(text))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, and prints a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--papers", type=int, default=500)
    parser.add_argument("--older", type=int, default=1500)
    parser.add_argument("--topics", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(arguments)
    chance = random.Random(7)
    made = made_papers(asked.papers + asked.older, chance)
    papers, older = made[: asked.papers], made[asked.papers :]
    topics = made_topics(asked.topics, chance)
    part = topics[: max(1, len(topics) // 20)]
    mine, theirs = [], []
    for _ in range(asked.rounds):
        start = time.process_time()
        found = Matcher(papers, older).match(Catalogue(topics))
        mine.append(time.process_time() - start)
        start = time.process_time()
        plain(papers, part)
        theirs.append((time.process_time() - start) * len(topics) / len(part))
    ours, obvious = statistics.median(mine), statistics.median(theirs)
    print(
        json.dumps(
            {
                "papers": asked.papers,
                "topics": asked.topics,
                "matches": sum(map(len, found)),
                "ours_s": round(ours, 2),
                "plain_s": round(obvious, 2),
                "ratio": round(obvious / ours, 1),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            }
        )
    )


if __name__ == "__main__":
    main()
