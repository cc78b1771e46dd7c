"""Makes words and mark-up: the MJML shell, cards, the text part, TeX to Unicode."""
