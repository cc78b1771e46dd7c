"""Senders that are killed, frozen and cut off, and a mail server whose record is the judge."""
