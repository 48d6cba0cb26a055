"""The unfinished calls of one reply: which run, which wait for a person, which wait for their turn.

1. Calls are taken in the order the model gave. Ones that are read-only with their arguments and stand side by side run
   together; any other runs alone, so that a call sees what the one before it did.
2. A batch ends when each of its calls has a result; an open ask holds back what comes after it.
"""

from collections import deque
from collections.abc import Iterable, Mapping

from attrs import define, evolve, field

from hermes.agent.turnio import PlannedCall
from hermes.asks import Ask
from hermes.errors import LocalProtocolError
from hermes.tools.contract import Effect

# Beyond a handful, reads only queue for the same disk and threads.
MAX_TOGETHER = 8


@define
class _Asking:
    planned: PlannedCall
    ask: Ask


def _queue(calls: Iterable[PlannedCall]) -> deque[PlannedCall]:
    return deque(calls)


@define
class ToolWork:
    """Raises ``LocalProtocolError``, unchanged, when told of a call or an ask that it does not wait for."""

    _queue: deque[PlannedCall] = field(converter=_queue)
    _open: Mapping[str, Ask] = field(factory=dict[str, Ask])
    """By call id: asks that were open before a crash. Their calls wait for them instead of running."""
    _running: dict[str, PlannedCall] = field(factory=dict[str, PlannedCall], init=False)
    _asking: dict[str, _Asking] = field(factory=dict[str, _Asking], init=False)

    @property
    def running(self) -> bool:
        return bool(self._running)

    @property
    def done(self) -> bool:
        return not (self._queue or self._running or self._asking)

    @property
    def asks(self) -> tuple[Ask, ...]:
        """Open ones."""
        return tuple(asking.ask for asking in self._asking.values())

    def next_batch(self) -> tuple[PlannedCall, ...]:
        """Calls to run now; empty while a batch is unfinished, when all wait for a person, or when nothing is left."""
        if self._running or self._asking:
            return ()
        for planned in self._take():
            ask = self._open.get(planned.call.id)
            if ask is None:
                self._running[planned.call.id] = planned
            else:
                self._asking[ask.id] = _Asking(planned, ask)
        return tuple(self._running.values())

    def _take(self) -> list[PlannedCall]:
        taken = [self._queue.popleft()] if self._queue else []
        if taken and taken[0].effect is Effect.READ_ONLY:
            while self._queue and self._queue[0].effect is Effect.READ_ONLY and len(taken) < MAX_TOGETHER:
                taken.append(self._queue.popleft())
        return taken

    def returned(self, call_id: str) -> PlannedCall:
        """A running call has its result."""
        if call_id not in self._running:
            raise LocalProtocolError(f"no such call is running: {call_id}")
        return self._running.pop(call_id)

    def asked(self, call_id: str, ask: Ask) -> None:
        """A running call waits for a person from here."""
        self._asking[ask.id] = _Asking(self.returned(call_id), ask)

    def answered(self, ask_id: str, answer: str) -> PlannedCall:
        """The call that asked, to be run again."""
        if ask_id not in self._asking:
            raise LocalProtocolError(f"no such ask is open: {ask_id}")
        planned = evolve(self._asking.pop(ask_id).planned, answer=answer)
        self._running[planned.call.id] = planned
        return planned

    def unfinished(self) -> tuple[tuple[PlannedCall, bool], ...]:
        """Each call without a result, and whether it is running at this moment."""
        asking = ((waiting.planned, False) for waiting in self._asking.values())
        running = ((planned, True) for planned in self._running.values())
        return (*running, *asking, *((planned, False) for planned in self._queue))
