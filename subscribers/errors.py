"""What can be wrong with a subscription, told to the person who asked for it.

SubscriberError
├── AddressError        not an address that mail can go to
├── PreferenceError     an hour, a zone, a weekday, a length that cannot be meant
├── UnknownSubscriber   nobody here has that address
├── NotSuppressed       the address is not suppressed, so nothing can be lifted
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


class TokenError(SubscriberError):
    """A signed link was altered, cut, or signed for another purpose."""
