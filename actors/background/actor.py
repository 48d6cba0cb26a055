"""The background actor: owns every background process of this program, and what sessions may do with theirs.

Rules:

1. A process belongs to the conversation whose call started it: its session key. No other sees or touches it.
2. Bounded: in processes of one conversation and of all, in what is kept of their output, and in how many that ended are
   remembered.
3. The end of the actor, and so of the program, ends them. Its next start tells each conversation of those that were
   running, in its inbox, before any platform is connected; recovery wakes it (actors/platform/inbound.py).
"""

import secrets
import time
from collections.abc import Awaitable, Callable

import trio
from attrs import define, field, frozen

from actors.background.process import BackgroundProcess, Surroundings, event
from actors.messages import Look
from actors.runtime import Context
from hermes.agent.ports import Background, BackgroundCommand, BackgroundView, KeptOutput
from hermes.errors import Refused, Unavailable
from hermes.events import Source
from hermes.process import ProcessHost

MOST_OF_CONVERSATION = 8
"""Running at once: a server, a watcher and some builds; a model that starts more has forgotten them."""

MOST_RUNNING = 64
"""Of all conversations: each has a guardian (1 MB) and keeps up to 400 KB of output."""

MOST_UNATTENDED = 10
"""Started in a row in turns that no person asked for: a loop of start, word and start again costs tokens for ever."""

MOST_ENDED = 32
"""Remembered, so that their output can be read; the oldest make room."""

# Seconds to wait for a process that was ended: its grace, and the time in which a guardian gives up killing.
_END_WITHIN = 15.0

_NOT_NOW = "background processes cannot be started just now"

LEFT = (
    "[Background process {id} ({command}) was ended when the agent was stopped or restarted. What it had done by then"
    " is unknown, and nothing of it runs any more.]"
)


@define(eq=False)
class Backgrounds:
    """The processes of all conversations; the running incarnation opens it."""

    _present: Callable[[], Awaitable[ProcessHost]]
    """The host of child processes; raises ``Unavailable``."""
    _around: Surroundings | None = field(default=None, init=False)
    _nursery: trio.Nursery | None = field(default=None, init=False)
    _starting: set[trio.CancelScope] = field(factory=set[trio.CancelScope], init=False)
    _processes: dict[str, BackgroundProcess] = field(factory=dict[str, BackgroundProcess], init=False)

    def of(self, session_key: str, source: Source, *, unattended: bool = False) -> Background:
        """The port of one conversation for one turn; what its processes have to tell goes to ``source``."""
        return _OfConversation(self, session_key, source, unattended)

    def open(self, nursery: trio.Nursery, around: Surroundings) -> None:
        """From here on processes start in ``nursery``."""
        self._nursery, self._around = nursery, around

    def close(self) -> None:
        """No process starts from here on; what is just starting is cancelled."""
        self._nursery = self._around = None
        for scope in self._starting:
            scope.cancel()

    def mine(self, session_key: str) -> list[BackgroundProcess]:
        """The processes of a conversation, oldest first."""
        return [process for process in self._processes.values() if process.session_key == session_key]

    async def start(
        self, session_key: str, source: Source, command: BackgroundCommand, *, unattended: bool
    ) -> BackgroundProcess:
        """Raises ``Refused``, ``SpawnError``, ``Unavailable``. Cancelled, it leaves no process."""
        nursery, around = self._nursery, self._around
        if nursery is None or around is None:
            raise Unavailable(_NOT_NOW)
        self._refuse_too_many(session_key)
        generation = self._generation(session_key) if unattended else 0
        process = BackgroundProcess(f"proc_{secrets.token_hex(5)}", session_key, source, command, generation, around)
        self._processes[process.id] = process
        try:
            await self._start_in(nursery, process)
        except BaseException:
            self._processes.pop(process.id, None)
            raise
        self._forget_oldest()
        return process

    async def _start_in(self, nursery: trio.Nursery, process: BackgroundProcess) -> None:
        host = await self._present()
        if self._nursery is not nursery:
            raise Unavailable(_NOT_NOW)
        # A task that starts is the caller's until it has started: the end of the nursery waits for it, and does not
        # cancel it.
        with trio.CancelScope() as scope:
            self._starting.add(scope)
            try:
                await nursery.start(process.run, host)
            finally:
                self._starting.discard(scope)
        if scope.cancelled_caught:
            raise Unavailable(_NOT_NOW)

    def _generation(self, session_key: str) -> int:
        generation = 1 + max((process.generation for process in self.mine(session_key)), default=0)
        if generation > MOST_UNATTENDED:
            raise Refused(
                f"{MOST_UNATTENDED} background processes in a row were started because of one before: tell the person "
                "how it stands, and start no other until they have said something"
            )
        return generation

    def _refuse_too_many(self, session_key: str) -> None:
        running = [process for process in self._processes.values() if not process.ending]
        own = [process for process in running if process.session_key == session_key]
        if len(own) >= MOST_OF_CONVERSATION:
            names = ", ".join(process.id for process in own)
            raise Refused(f"{MOST_OF_CONVERSATION} background processes run already ({names}): end one first")
        if len(running) >= MOST_RUNNING:
            raise Refused(f"{MOST_RUNNING} background processes run already, of all conversations together")

    def _forget_oldest(self) -> None:
        ended = [process.id for process in self._processes.values() if process.ending]
        for process_id in ended[: max(0, len(ended) - MOST_ENDED)]:
            del self._processes[process_id]


@frozen
class _OfConversation(Background):
    _backgrounds: Backgrounds
    _session_key: str
    _source: Source
    _unattended: bool

    async def start(self, command: BackgroundCommand) -> BackgroundView:
        start = self._backgrounds.start
        return (await start(self._session_key, self._source, command, unattended=self._unattended)).view()

    def listed(self) -> tuple[BackgroundView, ...]:
        return tuple(process.view() for process in self._backgrounds.mine(self._session_key))

    def view(self, process_id: str) -> BackgroundView:
        return self._find(process_id).view()

    def output(self, process_id: str) -> KeptOutput:
        return self._find(process_id).kept.output()

    async def wait(self, process_id: str, seconds: float) -> BackgroundView:
        process = self._find(process_id)
        await process.wait(seconds)
        return process.view()

    async def end(self, process_id: str) -> BackgroundView:
        process = self._find(process_id)
        with trio.move_on_after(_END_WITHIN):
            await process.end()
        return process.view()

    async def write(self, process_id: str, data: bytes) -> None:
        await self._find(process_id).write(data)

    def unfinished(self, process_id: str) -> str:
        return self._find(process_id).unfinished

    async def close_input(self, process_id: str) -> None:
        await self._find(process_id).close_input()

    def _find(self, process_id: str) -> BackgroundProcess:
        own = self._backgrounds.mine(self._session_key)
        found = next((process for process in own if process.id == process_id), None)
        if found is None:
            names = ", ".join(process.id for process in own) or "none"
            raise Refused(f"there is no background process {process_id[:100]!r}; known: {names}")
        return found


async def background_actor(
    context: Context[Look], backgrounds: Backgrounds, around: Surroundings, *, task_status: trio.TaskStatus[None]
) -> None:
    """Tell of what an earlier incarnation left, then hold processes until cancelled, which ends them."""
    await _tell_left(around)
    async with trio.open_nursery() as nursery:
        backgrounds.open(nursery, around)
        try:
            task_status.started()
            await trio.sleep_forever()
        finally:
            backgrounds.close()


async def _tell_left(around: Surroundings) -> None:
    # One turn for all that a restart ended.
    utterance = f"background:{secrets.token_hex(8)}"
    for record in await around.store.left_background(around.owner):
        text = LEFT.format(id=record.id, command=record.command)
        word = event(record.id, record.session_key, record.source, "left", text, utterance)
        await around.store.end_background(record.id, word, time.time())
