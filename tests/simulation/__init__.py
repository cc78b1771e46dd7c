"""Whole weeks and years of a running publication, by a clock that jumps, held to an oracle."""
