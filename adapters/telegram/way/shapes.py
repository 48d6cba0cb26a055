"""What the Bot API answers a method by, as far as it is read: whatever looks otherwise is no answer of it.

The library builds its objects from what it is given, and breaks on what it does not expect.
"""

from collections.abc import Callable, Mapping
from typing import cast

Reads = Callable[[object], bool]
"""Whether a result can be read."""

# Seconds since 1970, up to the year 9999: the last that a date of Python's knows.
_LAST_SECOND = 253_402_300_799


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_moment(value: object) -> bool:
    return _is_whole(value) and 0 <= cast(int, value) <= _LAST_SECOND


def _holds(must: dict[str, Reads], may: dict[str, Reads] | None = None) -> Reads:
    """An object with these fields, and perhaps those."""
    optional = may or {}

    def reads(result: object) -> bool:
        if not isinstance(result, dict):
            return False
        found = cast("dict[str, object]", result)
        return all(name in found and check(found[name]) for name, check in must.items()) and all(
            found.get(name) is None or check(found[name]) for name, check in optional.items()
        )

    return reads


_message = _holds({"message_id": _is_whole, "date": _is_moment, "chat": _holds({"id": _is_whole, "type": _is_text})})


def _edited(result: object) -> bool:
    return result is True or _message(result)


_OF = {
    "getMe": _holds({"id": _is_whole, "is_bot": _is_flag, "first_name": _is_text}, {"username": _is_text}),
    "getFile": _holds({"file_id": _is_text, "file_unique_id": _is_text}, {"file_path": _is_text}),
    "getWebhookInfo": _holds(
        {"url": _is_text, "has_custom_certificate": _is_flag, "pending_update_count": _is_whole},
        {
            "last_error_date": _is_moment,
            "last_error_message": _is_text,
            "last_synchronization_error_date": _is_moment,
            "allowed_updates": lambda value: isinstance(value, list),
        },
    ),
    "sendMessage": _message,
    "sendPhoto": _message,
    "sendVideo": _message,
    "sendAnimation": _message,
    "sendAudio": _message,
    "sendVoice": _message,
    "sendDocument": _message,
    "editMessageText": _edited,
    "editMessageReplyMarkup": _edited,
}


def fits(method: str, answer: Mapping[str, object]) -> bool:
    """Whether an answer that says that ``method`` was carried out can be read. Other methods answer by anything."""
    if "result" not in answer:
        return False
    reads = _OF.get(method)
    return reads is None or reads(answer["result"])
