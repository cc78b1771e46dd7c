"""Readers' pages as readers meet them: a real browser, a real server, real mail."""
