"""Writes the pages of docs/ that are made from the code and the seeds.

`python docs/generate.py` rewrites them; that they are up to date is a test. A page that does not
stand in PAGES is written by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from newsletter.catalogue import load
from newsletter.cli.root import root
from newsletter.config_told import reference
from newsletter.log_events import EVERYWHERE, FIELDS, Event
from newsletter.metric_table import METRICS, PROCESS, Metric
from newsletter.options import Options
from newsletter.papers import Paper
from newsletter.roads import DomainOptions, RoadOptions
from newsletter.sources import NEWS, SourceOptions
from newsletter.sources import known as known_sources
from newsletter.sources.files import FileOptions
from newsletter.sources.page import PageSource
from newsletter.sources.port import Answer
from newsletter.topics import FLOOR, Catalogue
from newsletter.transports import known

DOCS = Path(__file__).resolve().parent
SEEDS = DOCS.parent / "seeds"
ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # dates the page; the topics do not depend on it

TOPICS = """\
# Topics

<!-- Made by `python docs/generate.py` from seeds/topics.toml and the code; do not edit. -->

A topic is a rule that a person can read: phrases and, where they say something, arXiv classes,
authors, institutions, papers to resemble and a description. A paper falls under a topic when

- one of its phrases stands in the title, or
- its phrases are mentioned twice in the abstract, or
- one is mentioned in the abstract and the paper is of one of its classes, or its text is near, or
- one of its authors wrote it ("A. Lee" and "Lee, Ann" are understood), or it is from one of its
  institutions, or
- its text is near the description or the examples of a topic that has neither phrases nor people
  nor classes.

A phrase may be a rule: `"test-time compute" AND NOT survey`, `(robot OR drone) AND map`, `quanti*`.
AND, OR and NOT are in capitals, AND binds closer, quotes are needed only around those words, and a
star ends a word of three letters or more that may go on. A topic of nothing but classes takes all
of a class.

Operators make topics by `newsletter topics add|edit|remove` and try a rule by `topics test`, which
shows what it would have found and what it nearly found. Readers make their own: `newsletter
subscribe asa@example.org --phrase '"test-time compute"' --author 'Ann Lee' --class cs.CL --like
2403.01234`; each is told back in words, with its papers a week. How it all adds up:
[Ranking](ranking.md).

Each further sign makes the match surer. Case, hyphens and plurals do not matter: "Fine-tuning LLMs"
and "fine tuning LLM" are the same words. What does matter is spelling, so a phrase stands twice
where British and American letters differ. A topic knows no other meaning of its words than its
phrases give it, and its description where texts are compared: *alignment* is about models that
follow people and has no phrase "alignment", because images and text, speech and letters are aligned
as well; that is *cross-modal-alignment*. The formula stands in `newsletter/topics.py`.

## To add or mend one

1. Add a `[[topic]]` to `seeds/topics.toml`: a `slug` of small letters, digits and hyphens, which
   stays for ever because readers' settings hold it, a `name`, a `description` of one line,
   `phrases`, and `classes` only where a class really characterises the topic.
2. Choose phrases that would be right in a stranger's paper. A single generic word ("reasoning")
   drags in papers about something else; two words mostly do not. Do not list a phrase that stands
   inside another one of the topic, nor both an abbreviation and its long form unless a paper that
   merely introduces the abbreviation is welcome: "reward model (RM)" would be two mentions.
3. Run `python docs/generate.py`, read in the second table which papers came and went, and add a
   paper that is to match, and one that is not, to `tests/unit/test_catalogue.py`.
"""


def topics_page() -> str:
    """docs/topics.md: how a topic matches, all topics, and those of the papers of the seeds."""
    catalogue = load(SEEDS / "topics.toml")
    papers = seed_papers()
    found = [[match.topic for match in catalogue.match(paper)] for paper in papers]
    return "\n".join(
        [
            TOPICS,
            f"## The {len(catalogue)} topics",
            "",
            "The last column counts the papers below that fall under the topic.",
            "",
            *_table(("Slug", "Name", "What it is about", "Papers"), _topics(catalogue, found)),
            "",
            f"## The topics of the {len(papers)} papers in `seeds/trending-papers.txt`",
            "",
            f"Surest first; a match counts from {FLOOR} on. The page tells no classes, so this is",
            "what phrases do by themselves.",
            "",
            *_table(("", "Title", "Topics"), _papers(papers, found)),
            "",
        ]
    )


def commands_page() -> str:
    """Every command with its usage, options and example, as `--help` tells them."""
    lines = ["# Commands", "", "Made by `docs/generate.py` from the commands themselves.", ""]
    for path, command in commands():
        context = click.Context(command, info_name=" ".join(path), terminal_width=88)
        lines += [f"## {' '.join(path)}", "", "```", command.get_help(context).strip(), "```", ""]
    return "\n".join(lines)


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """The root command and all below it, with their words."""
    waiting: list[tuple[tuple[str, ...], click.Command]] = [(("newsletter",), root)]
    while waiting:
        path, command = waiting.pop(0)
        yield path, command
        if isinstance(command, click.Group):
            below = [((*path, name), one) for name, one in command.commands.items()]
            waiting = below + waiting


def settings_page() -> str:
    """Every setting with its type, default and what it does."""
    lines = [
        "# Settings",
        "",
        "Made by `docs/generate.py` from the settings themselves.",
        "",
        "Settings come from `newsletter.toml` (`--config`, else `$NEWSLETTER_CONFIG`, else the",
        "working folder), then from the environment: `NEWSLETTER_TITLE`, or with the group",
        "`NEWSLETTER_SENDER__ADDRESS`, `NEWSLETTER_TRANSPORTS__SMTP__PASSWORD_FILE`. Paths count",
        "from the folder of the file. `newsletter config show` tells the value and origin of each,",
        "`newsletter config check` what to mend before mail leaves.",
        "",
        *_table(("Setting", "Is", "Default", "Does"), _settings(reference())),
        "",
    ]
    groups: list[tuple[str, type[Options]]] = [
        ("transports.NAME, of whatever kind", RoadOptions),
        ('domains."NAME"', DomainOptions),
    ]
    groups += [(f"transports.{kind}", chosen.options) for kind, chosen in known().items()]
    groups += [("sources.NAME, of whatever kind", SourceOptions)]
    groups += [(f"sources.{kind}", chosen.options) for kind, chosen in known_sources().items()]
    for group, options in groups:
        lines += [f"## [{group}]", ""]
        fields = list(_fields(options))
        lines += _table(("Setting", "Default", "Does"), fields) if fields else ["No settings."]
        lines += [""]
    return "\n".join(lines)


def _settings(rows: Iterable[tuple[str, str, str, str]]) -> Iterable[tuple[str, ...]]:
    for key, kind, default, does in rows:
        yield f"`{key}`", kind, f"`{default}`" if default else "", does


def _fields(options: type[Options]) -> Iterable[tuple[str, ...]]:
    for name, field in options.model_fields.items():
        default = "required" if field.is_required() else field.default
        shown = "" if default is None else f"`{_as_toml(default)}`"
        yield f"`{name}`", shown, str(field.description)


def _as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{one}"' for one in value) + "]"
    return str(value)


LOGS = """\
# Logs

<!-- Made by `python docs/generate.py` from newsletter/log_events.py; do not edit. -->

`newsletter run`, `serve` and `worker` tell what happens, a line an event, on standard error: for
people where that is a terminal, else in JSON. `[log] format` chooses one (`console`, `json`),
`level` the least grave event that is told.

`newsletter send` keeps a log where `[log] format` or `level` is set. Other commands, such as
`bounces process` or `db backup`, do where it is set and standard error is no terminal: in a timer,
not under your hands. Typed by hand they tell what they did in their own words.

A line on a terminal, and the same in JSON:

```
2026-03-11T08:00:04Z warning delivery.failed        delivery=7 address=a…@example.org
{"at": "2026-03-11T08:00:04.019442Z", "level": "warning", "event": "delivery.failed", …}
```

- Names of events and fields stay. There are no others: the program cannot log what is not below.
- Fields that have nothing to say are left out.
- Addresses are shortened. Passwords, keys and the tokens of readers' links are never told: of a
  page that was asked for there is its pattern, such as `/preferences/{token}`.
- Text from outside, such as a server's reply, is one line of at most 500 characters without
  control characters, so it cannot look like a line of the log.
- Who visits the pages is not told, neither address nor browser.

One reader's mail: `jq 'select(.delivery == 7)'`. What a visitor's error page was about: search for
the `X-Request-Id` of the answer.
"""


def logs_page() -> str:
    """Every event that is logged, and every field."""
    told = [one.told for one in Event]
    events = [
        (f"`{x.name}`", x.level.name.lower(), x.means, ", ".join(f"`{f}`" for f in x.fields))
        for x in told
    ]
    return "\n".join(
        [
            LOGS,
            "## On lines of any event",
            "",
            "The first three are on every line.",
            "",
            *_table(("Field", "Is"), ((f"`{name}`", is_) for name, is_ in EVERYWHERE.items())),
            "",
            f"## The {len(told)} events",
            "",
            *_table(("Event", "Level", "Means", "Fields"), events),
            "",
            "## Their fields",
            "",
            *_table(("Field", "Is"), ((f"`{name}`", is_) for name, is_ in FIELDS.items())),
            "",
        ]
    )


METRICS_HEAD = """\
# Metrics

<!-- Made by `python docs/generate.py` from newsletter/metric_table.py; do not edit. -->

`/metrics` tells Prometheus these numbers, on the port of the pages, to the networks of
`[metrics] networks`. How to set that up, with a dashboard and alerts, is in
[Monitoring](monitoring.md).

What is **of the database** is the same in whichever process is asked: of several, take the largest
rather than the sum. What is **of the process** is what this one did since it started, so `sends`
and `latency` are those of `newsletter run`; a `newsletter send` of a timer has no page to tell of
its own.

Scrapes are cheap: an answer of the database is kept for 15 seconds, and for fifty times as long as
the question took where that is longer. What would take a look at every delivery there ever was is
not asked.
"""


def metrics_page() -> str:
    """Every metric that is scraped."""

    def rows(metrics: Iterable[Metric]) -> Iterable[tuple[str, ...]]:
        for one in metrics:
            labels = ", ".join(f"`{label}`" for label in one.labels)
            yield f"`{one.name}`", one.kind, one.origin, labels, one.says

    head = ("Metric", "Kind", "Of the", "Labels", "Says")
    return "\n".join([METRICS_HEAD, *_table(head, rows((*METRICS, *PROCESS))), ""])


PAGES: Mapping[str, Callable[[], str]] = {
    "topics.md": topics_page,
    "commands.md": commands_page,
    "settings.md": settings_page,
    "logs.md": logs_page,
    "metrics.md": metrics_page,
}


def seed_papers() -> tuple[Paper, ...]:
    """The papers of the saved page, top first."""
    page = PageSource("seeds", FileOptions(path=SEEDS / "trending-papers.txt"))
    (request,) = page.requests(NEWS, {}, ANY_DAY)
    with Path(request.location).open("rb") as body:
        (harvest,) = page.read(request, Answer(where=request.location, body=body), ANY_DAY)
    return harvest.papers


def _topics(catalogue: Catalogue, found: list[list[str]]) -> Iterable[tuple[str, ...]]:
    counts = Counter(slug for slugs in found for slug in slugs)
    for topic in catalogue.topics.values():
        yield f"`{topic.slug}`", topic.name, topic.description, str(counts[topic.slug] or "")


def _papers(papers: Iterable[Paper], found: list[list[str]]) -> Iterable[tuple[str, ...]]:
    for number, (paper, slugs) in enumerate(zip(papers, found, strict=True), start=1):
        yield str(number), paper.title, ", ".join(slugs)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def main() -> None:
    """Rewrites every page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
