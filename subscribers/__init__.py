"""Who asked for mail, and for what. Imports nothing from `newsletter`."""
