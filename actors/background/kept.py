"""The output of a background process: its end, within a bound, and the patterns that somebody waits for in it."""

import codecs

from attrs import define, field

from hermes.agent.ports import KeptOutput

KEPT_BYTES = 200_000
"""Four pages of what a model can be shown at once; 64 processes keep 25 MB at most."""

# A pattern is looked for in lines, and one that is longer is not written by people.
_LONGEST_LINE = 4_096

# Where a line was cut in two, the first part of the second may be the rest of a secret.
_CUT_CHARACTERS = 200


@define
class Kept:
    """Holds at most twice ``limit`` bytes, and the chunk in hand."""

    limit: int = KEPT_BYTES
    total: int = field(default=0, init=False)
    """Bytes that were fed."""
    _tail: bytearray = field(factory=bytearray, init=False)
    _dropped_lines: int = field(default=0, init=False)

    def feed(self, data: bytes | bytearray) -> None:
        """Take in what was printed."""
        self.total += len(data)
        self._tail += data
        # Moved only when it is twice as long as it has to be, so that small chunks cost no more than large ones.
        if len(self._tail) > 2 * self.limit:
            surplus = len(self._tail) - self.limit
            self._dropped_lines += self._tail.count(b"\n", 0, surplus)
            del self._tail[:surplus]

    def output(self) -> KeptOutput:
        """What is kept, from the beginning of a line on."""
        surplus = max(0, len(self._tail) - self.limit)
        first = self._dropped_lines + self._tail.count(b"\n", 0, surplus) + 1
        text = self._tail[surplus:].decode("utf-8", "replace")
        if self.total <= self.limit:
            return KeptOutput(first, text)
        _, newline, rest = text.partition("\n")
        return KeptOutput(first + 1, rest) if newline else KeptOutput(first, text[_CUT_CHARACTERS:])


@define
class Watch:
    """Looks for texts in an output as it comes; each is found once."""

    _patterns: tuple[str, ...]
    _line: str = field(default="", init=False)
    """The last line as far as it has come."""
    _decode: codecs.IncrementalDecoder = field(
        factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"), init=False
    )

    def feed(self, data: bytes | bytearray) -> list[tuple[str, str]]:
        """Each pattern that is found now, with its line."""
        if not self._patterns:
            return []
        lines = (self._line + self._decode.decode(bytes(data))).split("\n")
        self._line = lines[-1][-_LONGEST_LINE:]
        found = [(pattern, line) for pattern in self._patterns if (line := _first(lines, pattern)) is not None]
        self._patterns = tuple(pattern for pattern in self._patterns if pattern not in dict(found))
        return found


def _first(lines: list[str], pattern: str) -> str | None:
    return next((line for line in lines if pattern in line), None)
