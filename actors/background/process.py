"""One background process, from its start to the word of its end.

Rules:

1. Its record is in the store before it starts, and goes with the word of its end (hermes/store/tables/background.py).
   What stands between a start and an end is a record: a crash anywhere leaves one, and the next start tells the
   session.
2. Its output is read as it comes, and the end of it kept; one that floods is slowed down, and not the gateway.
3. The session is told only what it does not know: not of an end that a call waits for or brought about.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import trio
from attrs import define, field, frozen

from actors.background.kept import Kept, Watch
from hermes.agent.ports import BackgroundCommand, BackgroundView
from hermes.errors import Refused, TransientError, Unavailable
from hermes.events import Inbound, InboundKind, Source
from hermes.process import Command, OutcomeUnknown, Process, ProcessHost, Stdin, TerminalSize
from hermes.redact import Redactor
from hermes.store.background_interface import BackgroundRecord
from hermes.store.interface import Store
from hermes.tools.commands.output import cut_middle, presentable

# When nothing is left of the child its last output is in the pipe already; a stranger that was handed the pipe is not
# waited for.
_DRAIN_SECONDS = 2.0
# Bytes a second. Nobody reads more of it, and reading at full speed would take a core for as long as the process runs.
_READ_RATE = 16_000_000
# A child that does not read has its pipe full with 64 KB.
_WRITE_SECONDS = 10.0
# Seconds before a write that the store could not take is tried again.
_STORE_PAUSE = 5.0
# A start that was cancelled waits so long for the store; if it takes longer, a restart tells of it needlessly.
_FORGET_SECONDS = 2.0
# Of a line that was written and is not ended yet.
_UNFINISHED_CHARACTERS = 10_000
# Of the output, in the word of an end.
_TOLD_CHARACTERS = 2_000
_TOLD_LINE_CHARACTERS = 500
_END_OF_INPUT = b"\x04"

EVENT_PREFIX = "background:"
"""Of the id of each word to a session about one of its processes."""

log = logging.getLogger(__name__)


@frozen
class Surroundings:
    """What a background process needs of the gateway."""

    store: Store
    owner: str
    redactor: Redactor
    wake: Callable[[str], object]
    """There is something in the inbox of this session key."""


@define(eq=False)
class BackgroundProcess:
    """Made for one command; ``run`` once."""

    id: str
    session_key: str
    source: Source
    command: BackgroundCommand
    generation: int
    """How many processes in a row, this one included, were started because of one before, with nobody saying a word."""
    _around: Surroundings
    ending: str = field(default="", init=False)
    unfinished: str = field(default="", init=False)
    """What was written to it since the last end of a line."""
    ended: trio.Event = field(factory=trio.Event, init=False)
    kept: Kept = field(factory=Kept, init=False)
    _process: Process | None = field(default=None, init=False)
    _begun: float = field(factory=trio.current_time, init=False)
    _ran: float = field(default=0.0, init=False)
    _waiting: int = field(default=0, init=False)
    _known: bool = field(default=False, init=False)
    """The session has learnt of its end by a call."""
    _alone: trio.Event = field(factory=trio.Event, init=False)
    """Set when nobody waits any more."""
    _writing: trio.Lock = field(factory=trio.Lock, init=False)

    def view(self) -> BackgroundView:
        """As it is now."""
        seconds = self._ran if self.ending else trio.current_time() - self._begun
        pid = self._process.pid if self._process else 0
        return BackgroundView(self.id, self.command.shown, pid, self.ending, seconds, self.kept.total)

    async def run(self, host: ProcessHost, *, task_status: trio.TaskStatus[None]) -> None:
        """Start it and stay until it has ended and the session knows.

        Raises ``SpawnError`` and ``OutcomeUnknown`` of the start before ``started``. Cancelled: it is ended, and its
        record stays.
        """
        record = BackgroundRecord(
            self.id, self._around.owner, self.session_key, self.source, time.time(), self.command.shown
        )
        try:
            await self._around.store.begin_background(record)
            process = await self._start(host)
        except BaseException:
            # Nothing runs, so that nobody is to be told of it.
            with trio.move_on_after(_FORGET_SECONDS, shield=True):
                await self._around.store.end_background(self.id, None, time.time())
            raise
        # Around its life: what it printed last is told when it has ended, and before the word of that.
        async with trio.open_nursery() as telling:
            try:
                async with process:
                    self._process = process
                    task_status.started()
                    self.ending = await self._follow(process, telling)
            finally:
                self._finish()
        await self._tell_end()

    async def wait(self, seconds: float) -> None:
        """Until it has ended, ``seconds`` at most."""
        self._waiting += 1
        try:
            with trio.move_on_after(seconds):
                await self.ended.wait()
            self._known = self._known or bool(self.ending)
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._alone.set()
                self._alone = trio.Event()

    async def end(self) -> None:
        """End it, and return when nothing is left of it."""
        self._known = True
        if self._process is not None and not self.ending:
            with suppress(OutcomeUnknown):
                await self._process.terminate()
        await self.ended.wait()

    async def write(self, data: bytes) -> None:
        """Give it input. Raises ``Refused`` when it takes none. Cancelled: some of it may have been taken."""
        stdin = self._stdin()
        with trio.move_on_after(_WRITE_SECONDS):
            async with self._writing:
                try:
                    await stdin.send_all(data)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    raise Refused(f"{self.id} has closed its input") from None
                written = self.unfinished + data.decode("utf-8", "replace")
                self.unfinished = written.rpartition("\n")[2][-_UNFINISHED_CHARACTERS:]
                return
        raise Refused(f"{self.id} does not read its input: it took a part of it, or nothing")

    async def close_input(self) -> None:
        """The end of its input; a second one changes nothing."""
        if self.command.terminal:
            await self.write(_END_OF_INPUT)
            return
        await self._stdin().aclose()

    def _stdin(self) -> trio.abc.SendStream:
        if self.ending or self._process is None or self._process.stdin is None:
            raise Refused(f"{self.id} has ended: {self.ending}")
        return self._process.stdin

    async def _start(self, host: ProcessHost) -> Process:
        command = Command(self.command.argv, cwd=self.command.cwd, env=self.command.environment)
        terminal = TerminalSize() if self.command.terminal else None
        return await host.start(command, stdin=Stdin.PIPE, merge_stderr=True, terminal=terminal)

    async def _follow(self, process: Process, telling: trio.Nursery) -> str:
        """Read its output until it has ended; how it did. What is found in it is told by tasks of ``telling``."""
        async with trio.open_nursery() as nursery:
            drained = trio.Event()
            nursery.start_soon(self._drain, process, telling, drained)
            try:
                ending = str(await process.wait())
            except OutcomeUnknown as error:
                ending = f"unknown outcome: {error}"
            with trio.move_on_after(_DRAIN_SECONDS):
                await drained.wait()
            nursery.cancel_scope.cancel()
        return ending

    async def _drain(self, process: Process, telling: trio.Nursery, drained: trio.Event) -> None:
        watch = Watch(self.command.patterns)
        async for chunk in process.stdout:
            self.kept.feed(chunk)
            for pattern, line in watch.feed(chunk):
                telling.start_soon(self._tell_found, pattern, line)
            # Meanwhile the pipe fills, and the child waits.
            await trio.sleep(len(chunk) / _READ_RATE)
        drained.set()

    def _finish(self) -> None:
        self._ran = trio.current_time() - self._begun
        self.ending = self.ending or "ended with the part of the agent that held it"
        self.ended.set()

    async def _tell_end(self) -> None:
        # Those who wait are awake, and say so unless they were cancelled at that very moment.
        while self._waiting:
            await self._alone.wait()
        event = self._event("ended", self._end_text()) if self.command.notify and not self._known else None
        await _insist(partial(self._around.store.end_background, self.id, event, time.time()))
        if event is not None:
            self._around.wake(self.session_key)

    async def _tell_found(self, pattern: str, line: str) -> None:
        shown = cut_middle(presentable(line, self._around.redactor), _TOLD_LINE_CHARACTERS)
        number = self.command.patterns.index(pattern)
        text = f"[Background process {self.id} ({self.command.shown}) printed what was waited for:]\n{shown}"
        await _insist(partial(self._around.store.accept, self._event(f"found:{number}", text), time.time()))
        self._around.wake(self.session_key)

    def _end_text(self) -> str:
        kept = presentable(self.kept.output().text, self._around.redactor)
        head = f"[Background process {self.id} ({self.command.shown}) ended after {self._ran:.0f} s: {self.ending}."
        return f"{head} The end of its output:]\n{cut_middle(kept, _TOLD_CHARACTERS)}" if kept else f"{head}]"

    def _event(self, what: str, text: str) -> Inbound:
        return event(self.id, self.session_key, self.source, what, text)


def event(process_id: str, session_key: str, source: Source, what: str, text: str, utterance: str = "") -> Inbound:
    """A word to a session about one of its processes; of each ``what`` there is one."""
    event_id = f"{EVENT_PREFIX}{process_id}:{what}"
    return Inbound(event_id, source, session_key, InboundKind.EVENT, text, time.time(), utterance=utterance)


async def _insist(write: Callable[[], Awaitable[object]]) -> None:
    """Until the store has taken it: a full disk or a store that restarts is no reason for silence."""
    while True:
        try:
            await write()
        except (TransientError, Unavailable) as error:
            log.warning("a session is told of its background process later: %s", error)
            await trio.sleep(_STORE_PAUSE)
        else:
            return
