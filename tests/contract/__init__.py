"""One suite for every side of a port."""
