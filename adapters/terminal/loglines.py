"""Log records above the prompt, for who asked to see them (`hermes chat -v`). The files get theirs in any case."""

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol

from adapters.terminal.blocks import Block, Remark


class Poster(Protocol):
    """A screen that takes blocks without waiting, from any thread."""

    def post(self, *what: Block) -> None: ...


class ScreenLog(logging.Handler):
    """Shows each record as a remark; what cannot be formatted or redacted is left out."""

    def __init__(self, screen: Poster, redact: Callable[[str], str], level: int) -> None:
        super().__init__(level)
        self._screen = screen
        self._redact = redact

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self._redact(f"{record.levelname} {record.name}: {record.getMessage()}")
        except Exception:
            self.handleError(record)
        else:
            self._screen.post(Remark(line))

    def handleError(self, record: logging.LogRecord) -> None:
        """logging would print a traceback over the prompt."""
        self._screen.post(Remark(f"{record.levelname} {record.name}: (a record that cannot be shown)"))


@contextmanager
def shown(screen: Poster, redact: Callable[[str], str], verbosity: int) -> Generator[None]:
    """Show what is logged inside the block: nothing at 0, what happens at 1, everything from 2."""
    if verbosity <= 0:
        yield
        return
    handler = ScreenLog(screen, redact, logging.INFO if verbosity == 1 else logging.DEBUG)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(min(before, handler.level))
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
