"""The bridge to the prompt's thread: prompt_toolkit needs asyncio, so it has a loop of its own in a thread of its
own, and trio keeps the main thread and the signals.

Rules:

1. Into the thread goes only ``call_soon_threadsafe``, out of it only ``run_sync_soon``: neither side ever waits in
   the other.
2. Of scenes only the latest is kept. Blocks wait in a queue whose writers wait for their own block, so it is as short
   as there are writers.
3. The thread ends when the person leaves, when the terminal is gone, or when ``run`` is cancelled; the terminal's
   modes are restored before ``run`` returns. What was written by then is painted, unless the terminal is gone.
4. SIGTSTP (Ctrl-Z) stops the process from inside the prompt's thread, with the terminal in its usual modes, so that
   nothing is painted over the shell; after SIGCONT the prompt is drawn anew.
"""

import asyncio
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import trio
from attrs import define, field, frozen
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import Input
from prompt_toolkit.output import Output

from adapters.terminal.blocks import Block
from adapters.terminal.history import HistoryFile
from adapters.terminal.modes import Modes, PromptInput, handed_over
from adapters.terminal.prompt import ASK_GUARD, Hands, Prompt
from adapters.terminal.render import Paper, render
from adapters.terminal.scene import Scene

# Seconds between two paintings of what only changes by time passing.
TICK = 0.5


# Seconds for the last painting of an ending prompt; longer means that the terminal is stopped (Ctrl-S) or nobody reads.
PAINT_GRACE = 2.0


# Items that wait to be painted, beyond which nobody may add one without waiting for it: a slow terminal is behind then.
MAX_POSTED = 100


@frozen
class _Item:
    blocks: tuple[Block, ...]
    painted: trio.Event


@frozen
class _Posted:
    """The person's hands, from the other thread."""

    hands: Hands
    post: Callable[..., None]

    def type_text(self, text: str, ask_id: str) -> None:
        self.post(self.hands.type_text, text, ask_id)

    def choose(self, ask_id: str, choice: str) -> None:
        self.post(self.hands.choose, ask_id, choice)

    def interrupt(self) -> None:
        self.post(self.hands.interrupt)

    def leave(self) -> None:
        self.post(self.hands.leave)


@define(eq=False)
class TerminalScreen:
    """``adapters.terminal.desk.Screen`` on this process's terminal."""

    history: HistoryFile
    scene: Scene
    stuck: Callable[[], None]
    """Called when the thread hangs in painting (nobody reads the terminal) and everything else is to end: nothing can
    end such a thread but the end of the process."""
    colour: bool = True
    input: Input | None = None
    """None: standard input."""
    output: Output | None = None
    """None: standard output."""
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)
    _prompt: Prompt | None = field(default=None, init=False)
    _items: deque[_Item] = field(factory=deque[_Item], init=False)
    _news: asyncio.Event = field(factory=asyncio.Event, init=False)
    _stopping: asyncio.Event = field(factory=asyncio.Event, init=False)
    _ended: bool = field(default=False, init=False)
    _failure: BaseException | None = field(default=None, init=False)

    async def run(self, hands: Hands, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Show the prompt until cancelled. Returns when the terminal is gone; raises on a bug."""
        posted = _Posted(hands, trio.lowlevel.current_trio_token().run_sync_soon)
        try:
            async with trio.open_nursery() as nursery:
                gone = trio.Event()
                await nursery.start(self._end_on_cancel, gone)
                await nursery.start(self._watch_stops)
                task_status.started()
                try:
                    await trio.to_thread.run_sync(self._thread, posted, limiter=trio.CapacityLimiter(1))
                finally:
                    gone.set()
                nursery.cancel_scope.cancel()
        finally:
            self._ended = True
            for item in self._items:
                item.painted.set()

    def show(self, scene: Scene) -> None:
        self.scene = scene
        self._call(self._show)

    async def write(self, *what: Block) -> None:
        if self._ended or not what:
            return
        await self._add(what).wait()

    def post(self, *what: Block) -> None:
        if not self._ended and len(self._items) < MAX_POSTED:
            self._add(what)

    def _add(self, what: tuple[Block, ...]) -> trio.Event:
        item = _Item(what, trio.Event())
        self._items.append(item)
        self._call(self._news.set)
        return item.painted

    def interrupt(self) -> None:
        """As if Ctrl-C was pressed: a signal came."""
        self._call(self._interrupt)

    async def _end_on_cancel(self, gone: trio.Event, *, task_status: trio.TaskStatus[None]) -> None:
        modes = Modes()
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            self._ended = True
            self._call(self._exit)
            with trio.move_on_after(PAINT_GRACE, shield=True):
                await gone.wait()
            if not gone.is_set():
                modes.restore()
                self.stuck()

    async def _watch_stops(self, *, task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(signal.SIGTSTP) as stops:
            task_status.started()
            async for _ in stops:
                self._call(self._stopping.set)

    def _call(self, function: Callable[[], object]) -> None:
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(function)
            except RuntimeError:
                return  # the loop has just been closed: nothing is painted any more

    def _thread(self, hands: _Posted) -> None:
        try:
            asyncio.run(self._application(hands))
        except (EOFError, OSError):
            return  # the terminal is gone
        finally:
            self._loop = None

    async def _application(self, hands: _Posted) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed)
        source = self.input or PromptInput(sys.stdin)
        prompt = self._prompt = Prompt(hands, self.history, self.scene, source, self.output)
        self._loop = loop
        await prompt.application.run_async(
            pre_run=partial(self._begin, hands), set_exception_handler=False, handle_sigint=False
        )
        if self._failure is not None:
            raise self._failure
        while self._items:
            self._print(self._render(self._items[0]), hands)

    def _begin(self, hands: _Posted) -> None:
        assert self._prompt is not None, "made just before"
        application = self._prompt.application
        application.create_background_task(self._paint(hands))
        application.create_background_task(self._tick())
        application.create_background_task(self._follow_size(application.output.get_size()))
        application.create_background_task(self._stop_when_told(application.input))
        self._show()
        self._news.set()
        if self._ended:
            self._exit()

    def _show(self) -> None:
        if self._prompt is not None:
            self._prompt.show(self.scene)
            if self.scene.ask is not None and self._loop is not None:
                self._loop.call_later(ASK_GUARD, self._prompt.application.invalidate)

    def _interrupt(self) -> None:
        if self._prompt is not None:
            self._prompt.stop_or_leave()

    def _exit(self) -> None:
        if self._prompt is not None and self._prompt.application.is_running and not self._prompt.application.is_done:
            self._prompt.application.exit()

    def _failed(self, loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        error = context.get("exception")
        if self._failure is None and isinstance(error, BaseException):
            self._failure = error
            self._exit()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            if self._prompt is not None and (self.scene.running or self._prompt.leaving):
                self._prompt.application.invalidate()

    async def _follow_size(self, drawn: Size) -> None:
        """Draw anew when the window has another size."""
        assert self._prompt is not None, "made before"
        while True:
            await asyncio.sleep(TICK)
            size = self._prompt.application.output.get_size()
            if size != drawn:
                drawn = size
                # Erases the prompt, does nothing, and draws it as for the first time.
                await run_in_terminal(lambda: None)

    async def _stop_when_told(self, source: Input) -> None:
        while True:
            await self._stopping.wait()
            self._stopping.clear()
            await run_in_terminal(partial(_stop_here, source))

    async def _paint(self, hands: _Posted) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._news.wait()
            self._news.clear()
            while self._items:
                text = await loop.run_in_executor(None, self._render, self._items[0])
                await run_in_terminal(partial(self._print, text, hands))

    def _render(self, item: _Item) -> str:
        assert self._prompt is not None, "made before"
        paper = Paper(self._prompt.application.output.get_size().columns, self.colour)
        return "".join(render(block, paper) for block in item.blocks)

    def _print(self, text: str, hands: _Posted) -> None:
        """Print the first item, and be done with it in the same step, so that no cancellation prints it twice."""
        assert self._prompt is not None, "made before"
        output = self._prompt.application.output
        output.write_raw(text)
        output.flush()
        hands.post(self._items.popleft().painted.set)


def _stop_here(source: Input) -> None:
    """Stop the process; returns when it goes on. A signal to its own thread takes effect before the call returns."""
    with handed_over(source):
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


def wants_colour(environ: Mapping[str, str]) -> bool:
    """Whether escape sequences for colours are welcome (no-color.org, and terminals that say they are dumb)."""
    return not environ.get("NO_COLOR") and environ.get("TERM", "") not in {"", "dumb"}
