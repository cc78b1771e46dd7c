"""Which papers a reader gets, in which order, and why.

Pure: an issue's candidates and readers' wishes in, picks with their reasons out. The score of a
paper for a reader is::

    score = match * trend * fresh * fit

`match` is the strength of the surest topic the reader follows (interests are not averaged: a
reader of robotics and of linguistics wants the best of each), or 1 for a reader who follows
nothing and so asks for whatever is trending; `fresh` = 0.9 + 0.1 * 2^(-days / 2) since the paper
was first seen; `fit`, in [0.5, 2], is what the reader's own votes say (`affinity.py`), 1 without.

Of the best by score, a shortlist, the n-th paper of one topic (n from 0) counts 0.9^n of its
score, so that no topic fills a digest while another has something nearly as good. The best paper
of a followed topic that had none in the reader's last digest comes before all others: no topic is
starved twice in a row while it has papers, and votes silence none. What the editor pinned leads,
whatever it is about, unless it is under a topic the reader muted. A reader who wants to discover
gets as the last pick the most trending paper of other topics, unless that would take the place of
one of these. Papers had before never come again.

Everything is computed for a batch of readers at once, on arrays of whole numbers (shares of 4,095),
so that equal scores are equal and ties go to the earlier candidate on every machine. The same in
plain Python is `tests/reference_selection.py`; the tests compare them.
"""

from newsletter.selection.field import Field
from newsletter.selection.values import Candidate, Considered, Pick, Selection, Weights, Wishes

__all__ = ["Candidate", "Considered", "Field", "Pick", "Selection", "Weights", "Wishes"]
