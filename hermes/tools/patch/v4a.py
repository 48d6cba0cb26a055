"""Reads patches of the V4A format. Nothing here looks at a file.

    *** Begin Patch
    *** Update File: path          lines of context (blank first), removed (-) and added (+), in hunks
    *** Move to: path              at once after Update File, when the file is to be moved too
    @@ def function                begins a hunk; what follows names a line that stands before it; may be repeated
    *** End of File                ends a hunk at the end of the file
    *** Add File: path             every line of it after a plus
    *** Delete File: path
    *** Move File: path -> path
    *** End Patch

Rules:

1. Both ends are wanted: a patch that was cut off is not applied.
2. A line of an update that is wholly empty counts as an empty line of context: models drop the blank before it. At the
   end of a hunk it only sets the next part apart.
3. A line that cannot be understood is refused with its number, never skipped.
"""

import re

from attrs import define, field, frozen

from hermes.errors import Refused

MOST_OPERATIONS = 200
"""Files of one patch: each is read and written in one go."""

_BEGIN = "*** Begin Patch"
_END = "*** End Patch"
_END_OF_FILE = "*** End of File"
_HEADER = re.compile(r"\*\*\* (Update|Add|Delete|Move) File: *(.*\S) *")
_MOVE_TO = re.compile(r"\*\*\* Move to: *(.*\S) *")
_ANCHOR = re.compile(r"@@(?: -\d+(?:,\d+)? \+\d+(?:,\d+)? @@)?(.*?)(?: *@@)? *")
_FENCE = re.compile(r"```\w*")


@frozen
class Hunk:
    """A piece of an update."""

    lines: tuple[tuple[str, str], ...]
    """Each a blank, a minus or a plus, and the line without it."""
    anchors: tuple[str, ...] = ()
    """Lines that stand before it, outermost first."""
    at_end: bool = False

    @property
    def old(self) -> list[str]:
        return [line for tag, line in self.lines if tag != "+"]


@frozen
class Update:
    path: str
    hunks: tuple[Hunk, ...]
    """Empty only when the file is moved."""
    move_to: str = ""


@frozen
class Add:
    path: str
    content: str


@frozen
class Delete:
    path: str


Operation = Update | Add | Delete


def parse_patch(text: str) -> tuple[Operation, ...]:
    """The operations in order. Raises ``Refused`` with the number of the line that is wrong."""
    return _Parser(_body(text)).parse()


def _body(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").strip().split("\n")
    if len(lines) > 2 and _FENCE.fullmatch(lines[0].strip()) and lines[-1].strip() == "```":
        lines = lines[1:-1]
    if lines[0].strip() != _BEGIN:
        raise Refused(f"a patch begins with the line {_BEGIN!r}")
    if lines[-1].strip() != _END:
        raise Refused(f"a patch ends with the line {_END!r}: this one seems to be cut off")
    return lines[1:-1]


@define
class _Parser:
    lines: list[str]
    at: int = 0
    operations: list[Operation] = field(factory=list[Operation])

    def parse(self) -> tuple[Operation, ...]:
        while self.at < len(self.lines):
            if self._line.strip():
                self.operations.append(self._operation())
            else:
                self.at += 1
        if not self.operations:
            raise Refused("the patch is empty")
        if len(self.operations) > MOST_OPERATIONS:
            raise Refused(f"a patch changes at most {MOST_OPERATIONS} files at once")
        return tuple(self.operations)

    @property
    def _line(self) -> str:
        return self.lines[self.at]

    def _wrong(self, said: str) -> Refused:
        # The first line of the patch is line 1, and was taken off.
        return Refused(f"line {self.at + 2} of the patch: {said}")

    def _operation(self) -> Operation:
        header = _HEADER.fullmatch(self._line)
        if header is None:
            raise self._wrong("expected *** Update File:, *** Add File:, *** Delete File: or *** Move File:")
        self.at += 1
        kind, path = header.groups()
        if kind == "Update":
            return self._update(path)
        if kind == "Add":
            return Add(path, self._content())
        if kind == "Delete":
            return Delete(path)
        source, arrow, target = path.partition(" -> ")
        if not arrow or not target.strip():
            self.at -= 1
            raise self._wrong("expected *** Move File: path -> path")
        return Update(source.strip(), (), target.strip())

    def _content(self) -> str:
        taken: list[str] = []
        while self._in_body() and self._line.startswith("+"):
            taken.append(self._line[1:])
            self.at += 1
        while self._in_body():
            if self._line.strip():
                raise self._wrong("each line of a new file begins with a plus")
            self.at += 1
        return "".join(f"{line}\n" for line in taken)

    def _update(self, path: str) -> Update:
        move = _MOVE_TO.fullmatch(self._line) if self.at < len(self.lines) else None
        self.at += move is not None
        hunks: list[Hunk] = []
        while self._in_body():
            hunks.append(self._hunk())
        hunks = [hunk for hunk in hunks if hunk.lines]
        if not hunks and move is None:
            raise self._wrong(f"nothing is changed in {path}")
        return Update(path, tuple(hunks), move.group(1) if move else "")

    def _in_body(self) -> bool:
        return self.at < len(self.lines) and (not self._line.startswith("*** ") or self._line.strip() == _END_OF_FILE)

    def _hunk(self) -> Hunk:
        anchors: list[str] = []
        while self._in_body() and (anchor := _ANCHOR.fullmatch(self._line)):
            anchors += [anchor.group(1).strip()] if anchor.group(1).strip() else []
            self.at += 1
        lines: list[tuple[str, str]] = []
        while self._in_body() and not self._line.startswith("@@"):
            if self._line.strip() == _END_OF_FILE:
                self.at += 1
                return Hunk(tuple(lines), tuple(anchors), at_end=True)
            lines.append(self._hunk_line())
            self.at += 1
        return Hunk(tuple(lines[: len(lines) - self._blanks_before(len(lines))]), tuple(anchors))

    def _blanks_before(self, most: int) -> int:
        """Wholly empty lines just before this one: they set the parts of a patch apart, and are no context."""
        before = self.lines[self.at - most : self.at]
        return next((count for count, line in enumerate(reversed(before)) if line), most)

    def _hunk_line(self) -> tuple[str, str]:
        line = self._line or " "
        if line[0] not in " -+":
            raise self._wrong("each line of a change begins with a blank, a minus or a plus")
        return line[0], line[1:]
