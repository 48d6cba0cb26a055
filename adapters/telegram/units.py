"""Lengths as Telegram counts them: in UTF-16 units, of which a character outside the basic plane takes two."""


def units(text: str) -> int:
    """How long ``text`` is for Telegram."""
    return len(text) if text.isascii() else len(text) + sum(character > "\uffff" for character in text)
