"""What can become of a request, as python-telegram-bot lets it pass."""

from telegram.error import TelegramError


class NotSent(TelegramError):
    """The request certainly did not arrive."""


class Lost(TelegramError):
    """The request left, and nobody knows what became of it."""


class Flooded(TelegramError):
    """429: the server asks for a pause."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds
