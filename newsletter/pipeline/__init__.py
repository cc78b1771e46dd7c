"""The three verbs: collect, compose, dispatch.

The same three whether a person types them or, later, a schedule does. This is the one room below
`app.py` that knows both packages.
"""

from newsletter.pipeline.collect import Collected, collect
from newsletter.pipeline.compose import Composed, compose
from newsletter.pipeline.digests import Edition, general_digest
from newsletter.pipeline.dispatch import Dispatched, Post, Rehearsed, dispatch, rehearse

__all__ = [
    "Collected",
    "Composed",
    "Dispatched",
    "Edition",
    "Post",
    "Rehearsed",
    "collect",
    "compose",
    "dispatch",
    "general_digest",
    "rehearse",
]
