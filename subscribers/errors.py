"""What can be wrong with a subscription, told to the person who asked for it.

SubscriberError
├── AddressError        not an address that mail can go to
├── PreferenceError     an hour, a zone, a weekday, a length that cannot be meant
├── UnknownSubscriber   nobody here has that address
├── NotSuppressed       the address is not suppressed, so nothing can be lifted
├── RosterError         a file of subscribers that cannot be read from some line on
└── TokenError          a link that was altered, or signed for something else
"""


class SubscriberError(Exception):
    """A subscription that cannot be made or changed as asked."""

    exit_code = 2


class AddressError(SubscriberError):
    """The text is not an address that mail can go to."""


class PreferenceError(SubscriberError):
    """A preference cannot be meant as it stands."""


class UnknownSubscriber(SubscriberError):
    """Nobody here has that address."""


class NotSuppressed(SubscriberError):
    """The address is not suppressed."""


class RosterError(SubscriberError):
    """A file of subscribers cannot be read; the rows before `line` are good."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(f"line {line:,}: {message}")
        self.line = line


class TokenError(SubscriberError):
    """A signed link was altered, cut, or signed for another purpose."""
