"""Examines an installation before mail leaves: questions in, findings out, each with what to do.

One file a concern, pure but for the edges. Today that is the sender's DNS, asked in `resolver.py`;
what else a doctor looks at (database, folders, clock, login) becomes a file beside these.
"""
