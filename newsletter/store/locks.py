"""Keeps writers of papers, and what is decided by papers, from passing each other.

SQLite has one writer at a time anyway; PostgreSQL is asked for an advisory lock that ends with the
transaction.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

PAPERS = 0x706170657273  # the lock's key: "papers"


def papers_change(connection: Connection) -> None:
    """Until the transaction ends, nobody else writes papers or an editor's act, nor composes."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(PAPERS)))


def papers_stay(connection: Connection) -> None:
    """Until the transaction ends, no paper is written or hidden; others may compose, too."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock_shared(PAPERS)))
