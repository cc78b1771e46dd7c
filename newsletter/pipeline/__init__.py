"""The three verbs, collect, compose and dispatch, what comes back, the editor's and operators'.

The same three whether a person types them or, later, a schedule does. This is the one room below
`app.py` that knows both packages.
"""

from newsletter.pipeline.alerts import Watch, alert
from newsletter.pipeline.backtest import Backtest, backtest
from newsletter.pipeline.bounces import Taken, TakenBack, What, take_back
from newsletter.pipeline.collect import Collected, collect, look
from newsletter.pipeline.compose import Composed, compose, draw_again, freeze
from newsletter.pipeline.connections import Road
from newsletter.pipeline.digests import Edition
from newsletter.pipeline.dispatch import Dispatched, Post, dispatch, open_roads
from newsletter.pipeline.editing import Edited, Typed, add, edit
from newsletter.pipeline.examining import Manner, examine
from newsletter.pipeline.importing import Imported, import_subscribers
from newsletter.pipeline.late_rules import admit
from newsletter.pipeline.letter_samples import Judges
from newsletter.pipeline.letter_samples import judge as judge_letters
from newsletter.pipeline.letter_sending import send_letters
from newsletter.pipeline.letters import (
    Confirmed,
    Desk,
    ask_editor,
    confirm,
    letter_to,
    queue_letter,
    report,
    report_of,
    review_of,
    state_for,
    welcome,
)
from newsletter.pipeline.operating import Retried, approve, cancel, hold, pause, retry, skip, unskip
from newsletter.pipeline.preflight import Clearance, Means, clear, preflight
from newsletter.pipeline.readership import (
    ask,
    ask_change,
    ask_link,
    erase,
    keep_rules,
    tidy,
)
from newsletter.pipeline.rehearsing import Rehearsed, rehearse
from newsletter.pipeline.samples import draw_samples
from newsletter.pipeline.selecting import Selector, explain
from newsletter.pipeline.showing import Shown, Trials, of_issue, today, trials
from newsletter.pipeline.stats import statistics
from newsletter.pipeline.taste import interests
from newsletter.pipeline.topics import judge, volumes

__all__ = [
    "Backtest",
    "Clearance",
    "Collected",
    "Composed",
    "Confirmed",
    "Desk",
    "Dispatched",
    "Edited",
    "Edition",
    "Imported",
    "Judges",
    "Manner",
    "Means",
    "Post",
    "Rehearsed",
    "Retried",
    "Road",
    "Selector",
    "Shown",
    "Taken",
    "TakenBack",
    "Trials",
    "Typed",
    "Watch",
    "What",
    "add",
    "admit",
    "alert",
    "approve",
    "ask",
    "ask_change",
    "ask_editor",
    "ask_link",
    "backtest",
    "cancel",
    "clear",
    "collect",
    "compose",
    "confirm",
    "dispatch",
    "draw_again",
    "draw_samples",
    "edit",
    "erase",
    "examine",
    "explain",
    "freeze",
    "hold",
    "import_subscribers",
    "interests",
    "judge",
    "judge_letters",
    "keep_rules",
    "letter_to",
    "look",
    "of_issue",
    "open_roads",
    "pause",
    "preflight",
    "queue_letter",
    "rehearse",
    "report",
    "report_of",
    "retry",
    "review_of",
    "send_letters",
    "skip",
    "state_for",
    "statistics",
    "take_back",
    "tidy",
    "today",
    "trials",
    "unskip",
    "volumes",
    "welcome",
]
