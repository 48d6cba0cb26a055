"""What the gateway itself says in a chat. One place, so that it speaks with one voice."""

from hermes.store.rows import Burial

BURIAL = Burial(
    poison=(
        "Something went wrong twice while I worked on this message, so I stopped trying (reference {reference}). "
        "`/retry` tries it again."
    ),
    stale=(
        "I was interrupted {age} ago while I worked on a message, and did not go on by myself (reference {reference}). "
        "`/retry` picks it up."
    ),
)

NOTHING_WAITS = "Nothing is waiting for an answer."
TOO_LATE = "That question was answered already, or its time is over."
NOTHING_RUNS = "Nothing is running."
STOPPED = "Stopped."
COMMAND_FAILED = "That command failed: a bug of mine, and it is in the log."
NEW_SESSION = "A new session begins. The old one stays searchable."
UNDONE = "Forgotten: {text}"
NOTHING_TO_UNDO = "There is nothing to undo."
NOTHING_TO_RETRY = "There is nothing to retry."
CUT_OFF = "_The answer was cut off at the bound of its length. Write on to have the rest._"
FILTERED = "_The provider's filter cut the answer off here._"
NO_SESSION_YET = "There is no session yet: write something first."
NO_OTHER_MODEL = "The embedded offline model is alone here: a key or an address of a provider brings others."
COMPRESSES_NEXT = "Before the next answer this conversation is summed up for the model. Nothing of it is deleted."
COMPRESSION_IS_OFF = "_`compression.enabled` is off: `/compress` and then `/retry` sums this conversation up first._"
NOT_COMPRESSED = (
    "_This conversation was not summed up, and nothing of it has changed: {reason}. `/compress` tries again._"
)
NOTHING_TO_SUM_UP = "_There was nothing left to sum up: the rest of this conversation is short, or protected._"
NO_USAGE = "This session has used no tokens yet."


def shorten(text: str, limit: int = 80) -> str:
    """The first line of ``text``, at most ``limit`` characters."""
    line = text.strip().split("\n", 1)[0]
    return line if len(line) <= limit else line[: limit - 1] + "…"
