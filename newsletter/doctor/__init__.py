"""Examines an installation before mail leaves: facts in, findings out, each with what to do.

One file a concern, pure but for `resolver.py`, which asks the DNS. Who gathers the facts of the
other areas is `pipeline.examining`.
"""
