"""Measurements, each with a ratio to a named baseline in the same run."""
