"""Keeps papers, issues and the delivery ledger in SQLite or PostgreSQL."""
