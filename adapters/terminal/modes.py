"""The modes of the terminal: in which of them the prompt reads, and how they are put back.

prompt_toolkit goes back to the terminal's usual modes whenever something is printed above the prompt. A key pressed in
that moment is echoed into the picture, a Ctrl-D is an end of file that nobody reads, and a Ctrl-C a signal. Only
another program needs those modes: here they are for the shell alone, while this one is stopped (Ctrl-Z).
"""

import contextlib
import os
import termios
from contextlib import AbstractContextManager

from prompt_toolkit.input import Input
from prompt_toolkit.input.vt100 import Vt100Input, cooked_mode


class PromptInput(Vt100Input):
    """A terminal that stays in raw mode while something is printed."""

    def cooked_mode(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()


def handed_over(source: Input) -> AbstractContextManager[None]:
    """Within this the terminal has its usual modes, for another program."""
    return cooked_mode(source.fileno()) if isinstance(source, PromptInput) else contextlib.nullcontext()


class Modes:
    """The modes of standard input as they were when this was made."""

    def __init__(self) -> None:
        self._before = termios.tcgetattr(0) if os.isatty(0) else None

    def restore(self) -> None:
        if self._before is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(0, termios.TCSANOW, self._before)
