"""The interactive prompt as a prompt_toolkit application: what is typed below, what happens above it.

Rules:

1. Everything here runs in the thread of the application's own event loop. ``Hands`` takes what the person does
   elsewhere.
2. Enter sends, Alt-Enter and Esc-Enter make a new line, a paste stays whole. Ctrl-J is Enter: that is how an Enter
   arrives which was typed before the start, while the terminal was in its usual modes.
3. A question that has just appeared cannot be answered by a key for ``ASK_GUARD``: that key was meant for what stood
   there before.
4. Ctrl-C stops what runs, else clears the line, else leaves when it is pressed twice. Ctrl-D leaves at an empty line.
"""

import os
import signal
import time
from collections.abc import Callable
from typing import Protocol

from attrs import define, field
from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import History
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output

from adapters.terminal import asks
from adapters.terminal.asks import OpenAsk
from adapters.terminal.completion import CLEAR, EXIT, QUIT, SlashCompleter
from adapters.terminal.history import HistoryFile
from adapters.terminal.layout import STYLE, make_layout
from adapters.terminal.outgoing import MAX_WAITING
from adapters.terminal.scene import Scene

# Seconds in which a key is not yet an answer to a question that has just appeared.
ASK_GUARD = 0.8

# Seconds within which the second Ctrl-C leaves.
LEAVE_WITHIN = 2.0


class Hands(Protocol):
    """What the person did. Each returns at once."""

    def type_text(self, text: str, ask_id: str) -> None:
        """A line was sent; ``ask_id``: the question that stood there, or empty."""
        ...

    def choose(self, ask_id: str, choice: str) -> None: ...

    def interrupt(self) -> None: ...

    def leave(self) -> None: ...


class FileBackedHistory(History):
    """The prompt's history, kept in a file."""

    def __init__(self, file: HistoryFile) -> None:
        super().__init__()
        self._file = file

    def load_history_strings(self) -> list[str]:
        return self._file.read()[::-1]

    def store_string(self, string: str) -> None:
        self._file.append(string)


@define(eq=False)
class Prompt:
    """The application and what it shows."""

    hands: Hands
    history: HistoryFile
    scene: Scene
    input: Input | None = None
    output: Output | None = None
    clock: Callable[[], float] = time.monotonic
    buffer: Buffer = field(init=False)
    application: Application[None] = field(init=False)
    _armed_at: float = field(default=0.0, init=False)
    _ctrl_c_at: float = field(default=float("-inf"), init=False)

    def __attrs_post_init__(self) -> None:
        self.buffer = Buffer(
            multiline=True,
            history=FileBackedHistory(self.history),
            completer=SlashCompleter(),
            complete_while_typing=Condition(lambda: self.buffer.text.startswith("/")),
        )
        self.application = Application(
            layout=make_layout(self),
            key_bindings=self._keys(),
            style=STYLE,
            erase_when_done=True,
            # Its own look at the size takes the first one that it sees for the one that was drawn, and erases while
            # something else is printed: ``TerminalScreen`` looks itself.
            terminal_size_polling_interval=None,
            input=self.input,
            output=self.output,
        )

    def show(self, scene: Scene) -> None:
        """Paint this from now on."""
        if (scene.ask and scene.ask.ask_id) != (self.scene.ask and self.scene.ask.ask_id):
            self._armed_at = self.clock() + ASK_GUARD
        self.scene = scene
        self.application.invalidate()

    @property
    def armed(self) -> OpenAsk | None:
        """The question that a key answers now."""
        return self.scene.ask if self.clock() >= self._armed_at else None

    @property
    def leaving(self) -> bool:
        """Whether one more Ctrl-C leaves."""
        return self.clock() - self._ctrl_c_at < LEAVE_WITHIN

    def stop_or_leave(self) -> None:
        """Ctrl-C, by key or by signal."""
        if self.scene.running:
            self.hands.interrupt()
        elif self.buffer.text:
            self.buffer.reset()
        elif self.leaving:
            self.hands.leave()
        else:
            self._ctrl_c_at = self.clock()
        self.application.invalidate()

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        at_empty = Condition(lambda: not self.buffer.text)
        keys.add("enter")(self._enter)
        keys.add("escape", "enter")(_new_line)
        keys.add("c-c")(self._ctrl_c)
        keys.add("c-d", filter=at_empty)(self._ctrl_d)
        keys.add("c-z")(self._ctrl_z)
        for key in (*"osadOSAD", *"123456789"):
            keys.add(key, filter=at_empty & self._answers(key))(self._choose)
        return keys

    def _answers(self, key: str) -> Condition:
        return Condition(lambda: self._chosen(key) is not None)

    def _chosen(self, key: str) -> str | None:
        ask = self.armed
        return asks.by_key(ask, key) if ask else None

    def _choose(self, event: KeyPressEvent) -> None:
        ask, choice = self.armed, self._chosen(event.data)
        if ask is not None and choice is not None:
            self.hands.choose(ask.ask_id, choice)

    def _ctrl_c(self, event: KeyPressEvent) -> None:
        self.stop_or_leave()

    def _ctrl_d(self, event: KeyPressEvent) -> None:
        self.hands.leave()

    def _ctrl_z(self, event: KeyPressEvent) -> None:
        # As the terminal itself does: to all of this job. ``TerminalScreen`` takes its own and stops after the others.
        os.kill(0, signal.SIGTSTP)

    def _enter(self, event: KeyPressEvent) -> None:
        buffer = self.buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
            return
        text = buffer.text.rstrip()
        command = text.strip().lower()
        if len(self.scene.sending) >= MAX_WAITING:
            self.application.output.bell()
        elif command in {f"/{QUIT.name}", f"/{EXIT.name}"}:
            self.hands.leave()
        elif command == f"/{CLEAR.name}":
            buffer.reset()
            self.application.renderer.clear()
        elif command:
            buffer.append_to_history()
            buffer.reset()
            self.hands.type_text(text, self.armed.ask_id if self.armed else "")


def _new_line(event: KeyPressEvent) -> None:
    event.current_buffer.insert_text("\n")
