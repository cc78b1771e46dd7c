"""Tests against what the upstreams really sent, where such recordings lie at hand."""
