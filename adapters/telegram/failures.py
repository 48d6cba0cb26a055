"""What the Bot API refuses, as errors of the house.

The descriptions of refusals are the server's own words, which hold no token. The rest is said here, since texts of
the libraries below may name an address.
"""

from collections.abc import Generator
from contextlib import contextmanager

from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, TelegramError

from adapters.contract import Ambiguous
from adapters.telegram.way.lost import Flooded, Lost, NotSent
from hermes.errors import AuthError, HermesError, RateLimited, Refused, TransientError

# Characters of a description: the longest documented one has a hundred.
MAX_DESCRIPTION = 300

_WEBHOOK = "webhook"

# 413, which the library does not tell from a lost request.
_TOO_LARGE = "request entity too large"


class PollConflict(TransientError):
    """409: somebody else polls with this token, or a webhook is set."""

    def __init__(self, message: str, *, webhook: bool) -> None:
        super().__init__(message)
        self.webhook = webhook


class Migrated(Refused):
    """The group became a supergroup with an id of its own."""

    def __init__(self, chat_id: str) -> None:
        super().__init__("Telegram: the group has become a supergroup")
        self.chat_id = chat_id


@contextmanager
def translated() -> Generator[None]:
    """What the library raises inside becomes an error of the house."""
    try:
        yield
    except TelegramError as error:
        raise translate(error) from None


def translate(error: TelegramError) -> HermesError:
    """The error by its remedy. A lost request is ``Ambiguous``, which is transient for whoever may repeat it."""
    said = str(error)[:MAX_DESCRIPTION]
    match error:
        case Flooded():
            return RateLimited(f"Telegram asks for a pause of {error.seconds:g} s", retry_after=error.seconds)
        case NotSent():
            return TransientError(f"Telegram cannot be reached: {said}")
        case Lost():
            return Ambiguous(f"Telegram: {said}")
        case InvalidToken():
            return AuthError("Telegram does not know TELEGRAM_BOT_TOKEN: it was revoked, or mistyped")
        case Conflict():
            return _conflict(said)
        case Forbidden() | BadRequest():
            return Refused(f"Telegram refuses it: {said}")
        case ChatMigrated():
            return Migrated(str(error.new_chat_id))
        case _ if _TOO_LARGE in said.lower():
            return Refused("Telegram refuses it: it is too large")
        case _:
            return Ambiguous(f"Telegram: {said}")


def _conflict(said: str) -> PollConflict:
    if _WEBHOOK in said.lower():
        return PollConflict("Telegram: a webhook is set for this bot", webhook=True)
    return PollConflict(
        "Telegram: another program receives this bot's messages (409): end it, or use another token", webhook=False
    )


def says(error: HermesError, *words: str) -> bool:
    """Whether a refusal's description holds one of ``words`` (lower case)."""
    said = str(error).lower()
    return any(word in said for word in words)
