"""What a key of the JSON API may be used for; which request asks which is the pages'."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """A use; none holds another, so a key says all it is for."""

    READ = "read"  # papers, topics, issues
    SUBSCRIBERS_READ = "subscribers:read"
    SUBSCRIBERS_WRITE = "subscribers:write"
    DELIVERIES_READ = "deliveries:read"
    EVENTS_READ = "events:read"
    STATUS = "status"
