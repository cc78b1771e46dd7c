"""The three verbs, collect, compose and dispatch, what comes back, and the editor's.

The same three whether a person types them or, later, a schedule does. This is the one room below
`app.py` that knows both packages.
"""

from newsletter.pipeline.bounces import Taken, TakenBack, What, take_back
from newsletter.pipeline.collect import Collected, collect, look
from newsletter.pipeline.compose import Composed, compose
from newsletter.pipeline.digests import Edition
from newsletter.pipeline.dispatch import Dispatched, Post, Rehearsed, dispatch, rehearse
from newsletter.pipeline.editing import Edited, Typed, add, edit

__all__ = [
    "Collected",
    "Composed",
    "Dispatched",
    "Edited",
    "Edition",
    "Post",
    "Rehearsed",
    "Taken",
    "TakenBack",
    "Typed",
    "What",
    "add",
    "collect",
    "compose",
    "dispatch",
    "edit",
    "look",
    "rehearse",
    "take_back",
]
