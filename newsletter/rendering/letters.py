"""The mails that are no digests: one named function each.

Confirmation, welcome, preferences, goodbye go to a reader; report, review and alert to who
publishes. All stand in one frame, `templates/letters/frame`, as HTML and as text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import unquote

from markupsafe import escape

from newsletter.errors import TemplateError
from newsletter.language import Language
from newsletter.rendering import letter_words
from newsletter.rendering.letter_words import Alarm, Review, Words
from newsletter.rendering.templates import Templates
from newsletter.snapshot import Masthead
from subscribers.model import EVERY_DAY


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A mail of one reader: its words, finished."""

    language: str
    subject: str
    html: str
    text: str
    leave: bool = False  # whether one can unsubscribe by it


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a reader asked for, as a letter tells it."""

    topics: Sequence[str] = ()  # names; empty: whatever is trending
    at: str = "08:00"
    zone: str = "UTC"
    length: int = 10
    days: Collection[int] = EVERY_DAY  # 0 is Monday


@dataclass(frozen=True, kw_only=True)
class Account:
    """How an issue went, as the operator is told."""

    day: date
    counts: Sequence[tuple[str, int]]  # states, those that occur
    reasons: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)  # of states


class Letters:
    """Writes letters in the name of one sender."""

    def __init__(self, templates: Templates, masthead: Masthead, imprint: str) -> None:
        self._templates = templates
        self._masthead = masthead
        self._imprint = imprint

    def languages(self) -> list[str]:
        """The tags of the languages that letters can be written in."""
        return self._templates.known_languages()

    def confirmation(self, code: str, wishes: Wishes, url: str, days: int) -> Letter:
        """Asks whether the address's owner wants the mails; `url` says yes, for some days."""
        language = self._templates.language(code)
        _ = language.gettext
        by_mail = url.startswith("mailto:")
        return self._letter(
            language,
            Words(
                subject=_("Please confirm: {title}").format(title=self._masthead.title),
                heading=_("One mail from you, and the papers come")
                if by_mail
                else _("One click, and the papers come"),
                paragraphs=[
                    _("Somebody, probably you, asked for {title} at this address:").format(
                        title=self._masthead.title
                    ),
                    self._told(language, wishes),
                ],
                button=_("Yes, send me the papers"),
                url=url,
                notes=[
                    *(
                        [_("The link opens a mail that is ready; nothing comes until you send it.")]
                        if by_mail
                        else []
                    ),
                    *([self._by_hand(language, url)] if by_mail else []),
                    language.ngettext(
                        "The link works for {n} day. If it was not you, do nothing: "
                        "nothing will be sent.",
                        "The link works for {n} days. If it was not you, do nothing: "
                        "nothing will be sent.",
                        days,
                    ).format(n=days),
                ],
                why=_("You get this one mail because your address was typed into a form."),
            ),
        )

    def welcome(self, code: str, wishes: Wishes, *, leave: str, first: bool, url: str) -> Letter:
        """Says what comes and when; `first` that today's digest comes right away."""
        language = self._templates.language(code)
        _ = language.gettext
        return self._letter(
            language,
            Words(
                subject=_("Welcome to {title}").format(title=self._masthead.title),
                heading=_("Welcome"),
                paragraphs=[
                    self._told(language, wishes),
                    _("Your first digest is on its way: today's papers that are yours.")
                    if first
                    else _("Your first digest comes with the next issue that has papers for you."),
                    _(
                        "Each paper comes once, with the reason why it is there. "
                        "On a day without one for you, nothing comes."
                    ),
                ],
                button=_("Change topics or the hour") if url else "",
                url=url,
                notes=[
                    _("To tell us anything, just answer this mail."),
                    _(
                        "So that no digest lands among spam, put {address} into your address book."
                    ).format(address=self._masthead.from_address),
                ],
                why=_("You get this because you subscribed."),
                leave=leave,
            ),
        )

    def preferences(self, code: str, *, url: str, leave: str) -> Letter:
        """Carries the link to the page where everything can be changed."""
        language = self._templates.language(code)
        _ = language.gettext
        return self._letter(
            language,
            Words(
                subject=_("Your link to {title}").format(title=self._masthead.title),
                heading=_("Here is your link"),
                paragraphs=[
                    _("It opens the page where you change topics, hour, length and language.")
                ],
                button=_("Open my preferences"),
                url=url,
                notes=[_("Whoever has the link can change these: do not pass this mail on.")],
                why=_("You get this because your address asked for the link."),
                leave=leave,
            ),
        )

    def change(self, code: str, url: str, days: int) -> Letter:
        """Asks an address whether it is to get a reader's mail from now on."""
        language = self._templates.language(code)
        _ = language.gettext
        return self._letter(
            language,
            Words(
                subject=_("Please confirm your new address: {title}").format(
                    title=self._masthead.title
                ),
                heading=_("Is this your new address?"),
                paragraphs=[
                    _("A reader of {title} wants the mails sent to this address.").format(
                        title=self._masthead.title
                    )
                ],
                button=_("Yes, send them here"),
                url=url,
                notes=[
                    language.ngettext(
                        "The link works for {n} day. If it was not you, do nothing: "
                        "nothing will be sent.",
                        "The link works for {n} days. If it was not you, do nothing: "
                        "nothing will be sent.",
                        days,
                    ).format(n=days)
                ],
                why=_("You get this one mail because your address was typed into a form."),
            ),
        )

    def goodbye(self, code: str, *, url: str) -> Letter:
        """Confirms that nothing more will come; `url` leads back, empty where nothing does."""
        language = self._templates.language(code)
        _ = language.gettext
        return self._letter(
            language,
            Words(
                subject=_("Goodbye from {title}").format(title=self._masthead.title),
                heading=_("You are unsubscribed"),
                paragraphs=[_("This is the last mail. Thank you for reading.")],
                button=_("Subscribe again") if url else "",
                url=url,
                notes=[_("If you did not ask for this, just answer this mail.")],
                why=_("You get this because you unsubscribed a moment ago."),
            ),
        )

    def report(self, code: str, account: Account) -> Letter:
        """Tells the operator how an issue went."""
        language = self._templates.language(code)
        _, n = language.gettext, language.ngettext
        states = {  # as the ledger names them; a report is of an issue of which all has ended
            "sent": _("sent"),
            "failed": _("failed"),
            "skipped": _("skipped"),
            "unknown": _("unknown"),
        }
        number = dict(account.counts)
        sent, failed = number.get("sent", 0), number.get("failed", 0) + number.get("unknown", 0)
        subject = n("Issue {day}: {n} digest sent", "Issue {day}: {n} digests sent", sent).format(
            day=account.day.isoformat(), n=language.number(sent)
        )
        if failed:
            subject += ", " + n("{n} in trouble", "{n} in trouble", failed).format(
                n=language.number(failed)
            )
        return self._letter(
            language,
            Words(
                subject=subject,
                heading=_("Issue {day}").format(day=language.weekday(account.day)),
                paragraphs=[
                    _("Every delivery has ended.")
                    if not failed
                    else _("Every delivery has ended; not all of them well:")
                ],
                rows=[
                    (told, language.number(count))
                    for state, number in account.counts
                    for told, count in (
                        (states.get(state, state), number),
                        *((f"– {why}", count) for why, count in account.reasons.get(state, ())),
                    )
                ],
                notes=[
                    _("For the details, run: {command}").format(
                        command=f"newsletter status {account.day.isoformat()}"
                    )
                ],
                why=_("You get this because report.to names your address."),
            ),
        )

    def review(self, code: str, review: Review) -> Letter:
        """Asks the editor whether an issue may go."""
        language = self._templates.language(code)
        return self._letter(language, letter_words.review(language, review))

    def alert(self, code: str, alarm: Alarm) -> Letter:
        """Tells the operator what needs a hand."""
        language = self._templates.language(code)
        return self._letter(language, letter_words.alert(language, alarm))

    def _by_hand(self, language: Language, url: str) -> str:
        """What to write where the link to a mail, RFC 6068, opens none."""
        address, _, query = url.removeprefix("mailto:").partition("?")
        return language.gettext(
            "If it opens none, write to {address} with nothing but this as the subject: {subject}"
        ).format(address=address, subject=unquote(query.removeprefix("subject=")))

    def _told(self, language: Language, wishes: Wishes) -> str:
        _ = language.gettext
        topics = ", ".join(wishes.topics) or _("whatever is trending")
        told = language.ngettext(
            "{topics}: up to {n} paper {days} at {at} ({zone}).",
            "{topics}: up to {n} papers {days} at {at} ({zone}).",
            wishes.length,
        )
        return told.format(
            topics=topics,
            n=wishes.length,
            days=_days(language, wishes.days),
            at=wishes.at,
            zone=wishes.zone,
        )

    def _letter(self, language: Language, words: Words) -> Letter:
        values = vars(words) | {
            "title": self._masthead.title,
            "imprint": self._imprint,
            "preheader": words.paragraphs[0],
        }
        return Letter(
            language=language.code,
            subject=words.subject,
            html=self._drawn("letters/frame.mjml", values, language.code, escape),
            text=self._drawn("letters/frame.txt", values, language.code, str),
            leave=bool(words.leave),
        )

    def _drawn(
        self, name: str, values: Mapping[str, Any], code: str, write: Callable[[Any], str]
    ) -> str:
        """The frame with these values; raises TemplateError where it leaves out a link."""
        drawn = self._templates.render(name, values, code)
        for what in ("url", "leave"):
            if write(values[what]) not in drawn:
                file = self._templates.find(name)
                raise TemplateError(f"Template {file}: {{{{ {what} }}}} must stand in it.")
        return drawn


def _days(language: Language, days: Collection[int]) -> str:
    """Which days mails come on: all, a run of three or more, or each by its name."""
    _ = language.gettext
    if len(days) == len(EVERY_DAY):
        return _("every day")
    ordered = sorted(days)
    names = [language.day_name(day) for day in ordered]
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return _("every day from {first} to {last}").format(first=names[0], last=names[-1])
    told = names[-1]
    if names[:-1]:
        told = _("{first} and {last}").format(first=", ".join(names[:-1]), last=told)
    return _("every {weekdays}").format(weekdays=told)
