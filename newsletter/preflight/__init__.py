"""Judges the mails of an issue before any of them leaves: bytes and values in, findings out.

One file a concern. Which mails are built, and what the database knows, is gathered in
`pipeline/preflight.py`. All of it is pure but `spam.py`, which asks programs on the PATH. What the
sender's DNS says is judged by `newsletter.doctor`, and only told here.
"""
