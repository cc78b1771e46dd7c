"""Alembic migrations of all tables, those of `subscribers` too."""
