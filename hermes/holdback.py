"""How much of a text that is still being written may be shown: what may yet turn out to be a secret is held back.

A redactor knows a secret when it is whole. So that what was shown never has to be taken back, a text that grows is
shown less

1. the word that is still being written, since nearly all secrets are one word;
2. a private key's block from its first line on, until its last line stands there;
3. an end that is the beginning of a configured value, be newlines in it or not.
"""

import re
from collections.abc import Iterable

# What secrets are made of. Other scripts are shown as they come: some of them put no blanks between words.
_WORD = "".join(map(chr, range(0x21, 0x7F)))

_KEY_BEGIN = "-----BEGIN"
_KEY_END = re.compile(r"-----END [A-Z ]{0,30}-----")

# Up to this many characters each length of a beginning is tried; a longer one first has to look like the value.
_FEW = 8


def settled_length(text: str, values: Iterable[str]) -> int:
    """How many characters of ``text`` may be shown while more of it may come; ``values`` are the configured ones."""
    searched = tuple(values)
    length, before = len(text), -1
    while length != before:
        # Each step back may leave the beginning of something else at the end.
        before = length
        length = _before_key(text, _before_word(text, length))
        length = min((_before(text, length, value) for value in searched), default=length)
    return length


def _before_word(text: str, length: int) -> int:
    """Where the word begins that ``text[:length]`` ends with. Half a word may read as another secret than the whole."""
    return len(text[:length].rstrip(_WORD))


def _before_key(text: str, length: int) -> int:
    """Where the first block begins that ``text[:length]`` does not end; ``length`` when there is none."""
    begun = text.find(_KEY_BEGIN, 0, length)
    while begun >= 0:
        end = _KEY_END.search(text, begun, length)
        if end is None:
            return begun
        begun = text.find(_KEY_BEGIN, end.end(), length)
    return length


def _before(text: str, length: int, value: str) -> int:
    """Where the beginning of ``value`` begins that ``text[:length]`` ends with; ``length`` when there is none."""
    end = text[max(0, length - 2 * len(value)) : length]
    if found := _overlap(end, value):
        return length - found
    if "\n" in end and "\n" not in value:
        return _back(text, length, _overlap(end.replace("\r", "").replace("\n", ""), value))
    return length


def _overlap(text: str, value: str) -> int:
    """The length of the longest beginning of ``value``, not all of it, that ``text`` ends with."""
    most = min(len(value) - 1, len(text))
    if most > _FEW and text[-_FEW:] in value:
        for size in range(most, _FEW, -1):
            if text.endswith(value[:size]):
                return size
    return next((size for size in range(min(most, _FEW), 0, -1) if text.endswith(value[:size])), 0)


def _back(text: str, length: int, characters: int) -> int:
    """``length`` less as many characters that are no line break, and the breaks between them and behind."""
    if characters:
        while characters:
            length -= 1
            characters -= text[length] not in "\r\n"
    return length
