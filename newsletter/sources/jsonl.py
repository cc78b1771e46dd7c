"""Reads papers as JSON, one a line, as `newsletter papers export` writes them.

The file is read line by line and kept in parts, so its size does not matter. A line that cannot
be read is told with its number, the rest is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from newsletter import records
from newsletter.papers import Observation, Paper
from newsletter.sources.files import Files
from newsletter.sources.port import Answer, Harvest, Request

LONGEST_LINE = 4 * 1024 * 1024  # bytes; a paper of 5,000 authors has about 200 kB
BATCH = 500  # lines a part
LARGEST_PART = 8 * 1024 * 1024  # bytes; a part is held in memory


class JsonlSource(Files):
    """Files of JSON lines."""

    trust = 40  # whatever was exported, by whom ever; see merging.py
    suffixes = (".jsonl", ".ndjson")

    def read(self, request: Request, answer: Answer, now: datetime) -> Iterator[Harvest]:
        """The papers, in parts of some hundred lines."""
        papers, seen, refused = list[Paper](), list[Observation](), list[str]()
        number = held = 0
        while line := answer.body.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                refused.append(f"line {number}: longer than {LONGEST_LINE // 2**20} MiB")
                _skip_line(line, answer)
            elif line.strip():
                try:
                    row = json.loads(line)
                    paper, observed = records.read(row, self.name, now)
                except RecursionError:
                    refused.append(f"line {number}: nested too deeply")
                except ValueError as error:
                    refused.append(f"line {number}: {_reason(error)}")
                else:
                    papers.append(paper)
                    seen += observed
            held += len(line)
            if number % BATCH == 0 or held > LARGEST_PART:
                yield _harvest(papers, seen, refused)
                papers, seen, refused, held = [], [], [], 0
        yield _harvest(papers, seen, refused)


def _harvest(papers: list[Paper], seen: list[Observation], refused: list[str]) -> Harvest:
    return Harvest(papers=tuple(papers), observations=tuple(seen), refused=tuple(refused))


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at column {error.colno}"
    return "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)


def _skip_line(line: bytes, answer: Answer) -> None:
    while line and not line.endswith(b"\n"):
        line = answer.body.readline(LONGEST_LINE)
