"""What Telegram refuses, in its own words (Bot API documentation, and the messages that its users know)."""

import re
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

LONGEST = 4096
CAPTION = 1024
CALLBACK_DATA = 64
MOST_BYTES = 50 * 1024 * 1024
MOST_PHOTO_BYTES = 10 * 1024 * 1024
REACTIONS = frozenset("\N{EYES}\N{THUMBS UP SIGN}\N{THUMBS DOWN SIGN}\N{FIRE}\N{PARTY POPPER}")
"""Some of those that are allowed (ReactionTypeEmoji)."""


@frozen
class Refusal(Exception):
    """An answer that is not ok."""

    status: int
    description: str
    retry_after: int | None = None
    migrate_to_chat_id: int | None = None

    def body(self) -> dict[str, Any]:
        parameters = {"retry_after": self.retry_after, "migrate_to_chat_id": self.migrate_to_chat_id}
        told = {name: value for name, value in parameters.items() if value is not None}
        body = {"ok": False, "error_code": self.status, "description": self.description}
        return body | ({"parameters": told} if told else {})


def bad_request(what: str) -> Refusal:
    return Refusal(400, f"Bad Request: {what}")


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def as_kept(text: object) -> str:
    """A text as Telegram keeps it: without control characters, and without blanks around it."""
    if not isinstance(text, str):
        raise bad_request("message text is empty")
    kept = "".join(character for character in text if character >= " " or character in "\n\t").strip()
    if not kept:
        raise bad_request("message text is empty")
    return kept


def checked_text(text: object, longest: int = LONGEST) -> str:
    kept = as_kept(text)
    if units(kept) > longest:
        raise bad_request("message is too long" if longest == LONGEST else "message caption is too long")
    return kept


def checked_entities(entities: object, text: str) -> list[dict[str, Any]]:
    """Entities lie within the text and are of known kinds."""
    if not entities:
        return []
    if not isinstance(entities, list):
        raise bad_request("can't parse entities: expected an Array of MessageEntity")
    length = units(text)
    for entity in entities:
        start, size = entity["offset"], entity["length"]
        if start < 0 or size <= 0 or start + size > length:
            raise bad_request("entity beyond the text")
        if entity["type"] not in _KINDS:
            raise bad_request(f"can't parse entities: unsupported type {entity['type']}")
        if entity["type"] == "text_link" and "://" not in entity.get("url", ""):
            raise bad_request("can't parse entities: a link without an address")
    return entities


_KINDS = {
    "bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "text_link", "blockquote",
    "expandable_blockquote", "mention", "text_mention", "custom_emoji",
}  # fmt: skip


def checked_markup(markup: object) -> dict[str, Any] | None:
    if not markup:
        return None
    assert isinstance(markup, dict)
    for row in markup.get("inline_keyboard", []):
        for button in row:
            if not button.get("text"):
                raise bad_request("text buttons are unallowed in the inline keyboard")
            if not 1 <= len(button.get("callback_data", "x").encode()) <= CALLBACK_DATA:
                raise bad_request("BUTTON_DATA_INVALID")
    return markup


def checked_webhook(asked: dict[str, Any]) -> str:
    """The address of a webhook. A server of one's own takes any; Telegram's takes https alone."""
    url = asked.get("url", "")
    address = urlsplit(url)
    if url and (address.scheme not in {"http", "https"} or not address.hostname):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", asked.get("secret_token", "")):
        raise bad_request("secret token contains unallowed characters")
    if not 1 <= asked.get("max_connections", 40) <= 100:
        raise bad_request("max_connections must be between 1 and 100")
    return str(url)
