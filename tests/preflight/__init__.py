"""The checks of a preflight, each with what it has to find."""
