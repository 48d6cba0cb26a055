"""A small terminal screen: what stands where after the bytes of a program, as ECMA-48 and xterm have it.

It knows the sequences that the prompt uses (cursor movement, erasing, automatic wrap, the question for the cursor's
position) and raises on any other, so that nothing is misread silently. Characters are one column wide.
"""

import codecs
import re
from collections.abc import Callable

from attrs import define, field

_SEQUENCE = re.compile(r"\x1b(?:\[([?>]?)([0-9;]*)( ?[@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|([=>78cM]))")
_BEGUN = re.compile(r"\x1b(?:\[[0-9;?> ]*|\][^\x07\x1b]*\x1b?)?\Z")


@define(eq=False)
class Screen:
    """Rows of characters, and what scrolled off above them."""

    rows: int
    columns: int
    reply: Callable[[bytes], None] = lambda _: None
    """Where answers to questions of the program go."""
    above: list[str] = field(factory=list)
    bell: int = 0
    _lines: list[list[str]] = field(init=False)
    _row: int = 0
    _column: int = 0
    _wrap: bool = True
    _pending: str = ""
    _decoder: codecs.IncrementalDecoder = field(factory=lambda: codecs.getincrementaldecoder("utf-8")("strict"))

    def __attrs_post_init__(self) -> None:
        self._lines = [self._blank() for _ in range(self.rows)]

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, without blanks at the ends."""
        return ["".join(line).rstrip() for line in self._lines]

    @property
    def text(self) -> str:
        """All that was printed and stands there still, what scrolled off included."""
        return "\n".join([*self.above, *self.lines]).rstrip()

    def resize(self, rows: int, columns: int) -> None:
        """As most terminals do: the bottom stays, and lines are cut or filled."""
        while len(self._lines) > rows:
            self._scroll()
            self._lines.pop()
            self._row = max(0, self._row - 1)
        self._lines += [self._blank() for _ in range(rows - len(self._lines))]
        self.rows, self.columns = rows, columns
        self._lines = [(line + self._blank())[:columns] for line in self._lines]
        self._column = min(self._column, columns - 1)

    def feed(self, data: bytes) -> None:
        text = self._pending + self._decoder.decode(data)
        begun = _BEGUN.search(text)
        self._pending = text[begun.start() :] if begun else ""
        text = text[: begun.start()] if begun else text
        position = 0
        while position < len(text):
            if text[position] == "\x1b":
                found = _SEQUENCE.match(text, position)
                assert found is not None, f"an unknown sequence: {text[position : position + 20]!r}"
                self._obey(found)
                position = found.end()
            else:
                self._put(text[position])
                position += 1

    def _blank(self) -> list[str]:
        return [" "] * self.columns

    def _put(self, sign: str) -> None:
        match sign:
            case "\r":
                self._column = 0
            case "\n":
                self._line_feed()
            case "\b":
                self._column = max(0, self._column - 1)
            case "\x07":
                self.bell += 1
            case _:
                assert sign.isprintable(), f"a control sign: {sign!r}"
                self._print(sign)

    def _print(self, sign: str) -> None:
        if self._column >= self.columns:
            if self._wrap:
                self._column = 0
                self._line_feed()
            else:
                self._column = self.columns - 1
        self._lines[self._row][self._column] = sign
        self._column += 1

    def _line_feed(self) -> None:
        if self._row + 1 == self.rows:
            self._scroll()
        else:
            self._row += 1

    def _scroll(self) -> None:
        self.above.append("".join(self._lines.pop(0)).rstrip())
        self._lines.append(self._blank())

    def _obey(self, found: re.Match[str]) -> None:
        private, numbers, final = found[1], found[2] or "", found[3]
        if final is None or private == ">":
            return  # a title, a keypad mode, a question that no terminal has to answer
        arguments = [int(number or 0) for number in numbers.split(";")]
        if private:
            if arguments == [7]:
                self._wrap = final == "h"
            return
        self._move(final, arguments)

    def _move(self, final: str, arguments: list[int]) -> None:
        count = max(1, arguments[0])
        match final:
            case "A":
                self._row = max(0, self._row - count)
            case "B":
                self._row = min(self.rows - 1, self._row + count)
            case "C":
                self._column = min(self.columns - 1, self._column + count)
            case "D":
                self._column = max(0, min(self._column, self.columns - 1) - count)
            case "H":
                self._row = min(self.rows, count) - 1
                self._column = min(self.columns, max(1, arguments[1] if len(arguments) > 1 else 1)) - 1
            case "J":
                self._erase_lines(arguments[0])
            case "K":
                self._erase_line(arguments[0])
            case "n":
                self.reply(f"\x1b[{self._row + 1};{min(self._column, self.columns - 1) + 1}R".encode())
            case "m" | "h" | "l" | " q":
                pass
            case _:
                raise AssertionError(f"an unknown sequence: {final!r} {arguments}")

    def _erase_lines(self, how: int) -> None:
        first = 0 if how == 2 else self._row + 1
        if how == 0:
            self._erase_line(0)
        for row in range(first, self.rows):
            self._lines[row] = self._blank()

    def _erase_line(self, how: int) -> None:
        start = self._column if how == 0 else 0
        for column in range(min(start, self.columns), self.columns):
            self._lines[self._row][column] = " "
