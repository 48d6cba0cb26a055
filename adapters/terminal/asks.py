"""Pure: questions of a running turn, and what a key or a typed word answers.

An approval is answered by its first letter or by a word; a question of the agent by the number of a choice, by the
choice itself, or, when it has none, by whatever is typed.
"""

import re
from collections.abc import Iterable

from attrs import frozen

from hermes.asks import APPROVAL_CHOICES, AskState
from hermes.events import Outbound
from hermes.store.rows import TranscriptEntry

# What people type in place of the choices themselves.
_WORDS = {
    **{choice: choice for choice in APPROVAL_CHOICES},
    **{choice[0]: choice for choice in APPROVAL_CHOICES},
    "y": "once",
    "yes": "once",
    "n": "deny",
    "no": "deny",
}

_FENCE = re.compile(r"\n\n(`{3,}|~{3,})\n")


@frozen
class OpenAsk:
    """A question that waits for an answer."""

    ask_id: str
    question: str
    subject: str
    """What is asked about, exactly; may be empty."""
    choices: tuple[str, ...]
    turn_id: str = ""

    @property
    def approval(self) -> bool:
        return bool(self.choices) and set(self.choices) <= set(APPROVAL_CHOICES)


def of_message(message: Outbound) -> OpenAsk:
    question, subject = parts(message.text)
    return OpenAsk(message.ask_id, question, subject, message.choices, message.turn_id)


def of_entry(entry: TranscriptEntry) -> OpenAsk:
    question, subject = parts(entry.text)
    return OpenAsk(entry.ask_id, question, subject, entry.choices, entry.turn_id)


def still_open(entries: Iterable[TranscriptEntry]) -> tuple[OpenAsk, ...]:
    """The questions that a transcript shows as open, oldest first."""
    return tuple(of_entry(entry) for entry in entries if entry.kind == "ask" and entry.state == AskState.OPEN)


def parts(text: str) -> tuple[str, str]:
    """The question, and what stands in the block of code below it; what it is about may hold such fences itself."""
    fence = _FENCE.search(text)
    if fence is None or not text[fence.end() :].endswith(f"\n{fence[1]}"):
        return text, ""
    return text[: fence.start()], text[fence.end() :].removesuffix(f"\n{fence[1]}")


def by_key(ask: OpenAsk, key: str) -> str | None:
    """The choice that one key stands for."""
    if ask.approval:
        choice = _WORDS.get(key.lower())
        return choice if choice in ask.choices and len(key) == 1 else None
    return ask.choices[int(key) - 1] if key.isascii() and key.isdigit() and 0 < int(key) <= len(ask.choices) else None


def by_word(ask: OpenAsk, text: str) -> str | None:
    """The answer in a typed line; None when it is no answer, but a message of its own."""
    word = text.strip()
    if ask.approval:
        choice = _WORDS.get(word.lower())
        return choice if choice in ask.choices else None
    if word.startswith("/"):
        return None
    return by_key(ask, word) or next((choice for choice in ask.choices if choice.lower() == word.lower()), word)


def hint(ask: OpenAsk) -> str:
    """What can be pressed, on one line."""
    if ask.approval:
        return "  ".join(f"[{choice[0]}]{choice[1:]}" for choice in ask.choices)
    return "  ".join(f"[{number}] {choice}" for number, choice in enumerate(ask.choices, 1)) or "type your answer"
