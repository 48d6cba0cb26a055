"""The requests that are worked on: accepted, followed to their answer, and watched by whoever waits for it.

Rules:

1. A run is one event of the inbox. It counts until its answer stands in the store, whether or not its client still
   waits: a client that goes away stops nothing and makes no room.
2. The store says what became of it. A message that is sent, or a draft, is only a nudge to look; without one there is a
   look every ``LOOK_EVERY`` seconds, so that a turn that ends without a word, and a nudge that got lost, keep nobody
   waiting.
3. Two requests of one id are one run; the second waits with the first. One that asks for something else under the id is
   refused.
4. When the interface ends, each run looks once more: only one whose answer is not there yet is told that it goes on.
5. Nothing here waits for a client: a watcher has one slot for the latest draft, which is its own affair to take.
"""

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Protocol

import trio
from attrs import define, evolve, field

from adapters.api.problem import ApiError, Problem, at_most_once, busy, of_error
from adapters.contract import AdapterHost
from hermes.errors import HermesError, NotTaken, Refused, TransientError, Unavailable
from hermes.events import Draft, DraftState, Inbound, Outbound
from hermes.store.requests import Beginning, Progress

LAST_LOOK_WITHIN = 2.0
"""Seconds for the store to say, when the interface ends, what became of a run whose answer may stand there already."""

LOOK_EVERY = 2.0
"""Seconds; one small read for each of the few runs."""

KEPT_DRAFTS = 64
"""Sessions whose last draft is kept for a run that does not know its turn yet: more than there are runs."""

log = logging.getLogger(__name__)

_INTERRUPTED = of_error(Unavailable("the interface ends or is being restarted; what was asked goes on: ask again"))

# The official clients repeat a 503 by themselves, which would do all of it twice.
_OUT_OF_REACH = of_error(
    Unavailable(
        "the interface ends or is being restarted; what was asked goes on, and is asked for again by an "
        "Idempotency-Key alone, which this request had not"
    )
).having({"x-should-retry": "false"})


class Watcher(Protocol):
    """Somebody who is shown the text while it grows."""

    def show(self, text: str) -> None: ...

    def end(self) -> None:
        """The run has ended."""
        ...


@define(eq=False)
class Run:
    """One request, from its acceptance to its answer."""

    event: Inbound
    repeatable: bool = True
    """Whether its client can name it again."""
    progress: Progress | None = None
    problem: Problem | None = None
    """Why it will not be followed to its end."""
    text: str = ""
    """What the running turn has written so far, redacted and settled."""
    watchers: set[Watcher] = field(factory=set[Watcher])
    accepted: trio.Event = field(factory=trio.Event)
    ended: trio.Event = field(factory=trio.Event)
    news: trio.Event = field(factory=trio.Event)

    async def outcome(self) -> Progress:
        """Wait for the end. Raises ``ApiError`` when it cannot be followed there. Cancelled: it goes on."""
        await self.ended.wait()
        if self.problem is not None or self.progress is None:
            raise ApiError(self.problem or Problem(500, "the request came to no end", "internal_error"))
        return self.progress

    def end(self, problem: Problem | None = None) -> None:
        self.problem = self.problem or problem
        self.accepted.set()
        self.ended.set()
        for watcher in tuple(self.watchers):
            watcher.end()

    def interrupt(self) -> None:
        """Nobody follows it any more; it goes on without."""
        self.end(_INTERRUPTED if self.repeatable else _OUT_OF_REACH)

    def told_once(self, problem: Problem) -> Problem:
        """What its client is told where it may have been taken."""
        return problem if self.repeatable else at_most_once(problem)

    @contextmanager
    def taken(self) -> Generator[None]:
        """What goes wrong inside the block, since it was taken, has no client that cannot name it do it again."""
        try:
            yield
        except ApiError as error:
            raise ApiError(self.told_once(error.problem)) from error

    @contextmanager
    def watched(self, watcher: Watcher) -> Generator[None]:
        """``watcher`` is shown what there is, and what comes inside the block."""
        self.watchers.add(watcher)
        try:
            if self.text:
                watcher.show(self.text)
            if self.ended.is_set():
                watcher.end()
            yield
        finally:
            self.watchers.discard(watcher)

    def look(self) -> None:
        """Something may have become of it."""
        self.news.set()

    def show(self, draft: Draft) -> None:
        if draft.state is DraftState.WRITING and self.progress and draft.turn_id == self.progress.turn_id:
            self.text = draft.text
            for watcher in tuple(self.watchers):
                watcher.show(draft.text)


@define(eq=False)
class Runs:
    """All of one time that the adapter runs; ``spawn`` starts a task that ends with it."""

    _host: AdapterHost
    _spawn: Callable[..., None]
    most: int
    """Runs at one time."""
    _active: dict[str, Run] = field(factory=dict[str, Run], init=False)
    _drafts: dict[str, Draft] = field(factory=dict[str, Draft], init=False)
    _closed: bool = field(default=False, init=False)

    @property
    def count(self) -> int:
        """Runs that are worked on."""
        return len(self._active)

    async def begin(self, event: Inbound, beginning: Beginning, *, repeatable: bool) -> Run:
        """The run of ``event``, durable; one that has ended already when the event came before.

        Raises ``ApiError``: too many runs, an id that stands for another request, or what the store refused.
        Cancelled: it may have been accepted.
        """
        if repeatable and event.event_id not in self._active:
            earlier = await self._find(event)
            if earlier is not None and earlier.over:
                known = Run(event, progress=earlier)
                known.end()
                return known
        run = self._active.get(event.event_id)
        if run is None:
            return await self._start(Run(event, repeatable), beginning)
        _check_same(event, run.event.message_id)
        await run.accepted.wait()
        if run.problem is not None:
            raise ApiError(run.problem)
        return run

    def sent(self, message: Outbound) -> None:
        """A message went out: those that it answers look at the store."""
        for event_id in message.answers:
            if run := self._active.get(event_id):
                run.look()

    def show(self, draft: Draft) -> None:
        """A turn has written something, begins or ends."""
        self._remember(draft)
        for run in [run for run in self._active.values() if run.event.session_key == draft.session_key]:
            run.show(draft)
            if draft.state is DraftState.ENDED or not (run.progress and run.progress.turn_id):
                run.look()

    def close(self) -> None:
        """Nobody follows what is still being accepted; it goes on without."""
        self._closed = True

    async def _start(self, run: Run, beginning: Beginning) -> Run:
        if len(self._active) >= self.most:
            raise ApiError(busy(f"{self.most} requests are being worked on, which is the most at one time"))
        # Before the first wait, so that the same id twice at once is one run.
        self._active[run.event.event_id] = run
        try:
            await self._accept(run, beginning)
        except BaseException as error:
            del self._active[run.event.event_id]
            run.end(error.problem if isinstance(error, ApiError) else of_error(Unavailable("ask again")))
            raise
        run.accepted.set()
        if self._closed:
            self._leave(run)
        else:
            self._spawn(self._follow, run)
        return run

    async def _accept(self, run: Run, beginning: Beginning) -> None:
        try:
            accepted = await self._host.accept(run.event, beginning)
        except (TransientError, Refused, NotTaken) as error:
            raise ApiError(of_error(error)) from error
        except HermesError as error:
            raise ApiError(run.told_once(of_error(error))) from error
        with run.taken():
            run.progress = await self._find(run.event)
            if run.progress is None:
                raise ApiError(Problem(500, f"row {accepted.row_id} is not there", "internal_error"))

    async def _find(self, event: Inbound) -> Progress | None:
        try:
            found = await self._host.progress(event.source, event.event_id)
        except HermesError as error:
            raise ApiError(of_error(error)) from error
        if found is not None:
            _check_same(event, found.message_id)
        return found

    async def _follow(self, run: Run) -> None:
        try:
            while run.progress is not None and not run.progress.over:
                with trio.move_on_after(LOOK_EVERY):
                    await run.news.wait()
                run.news = trio.Event()
                await self._look(run)
        except trio.Cancelled:
            patience = trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_LOOK_WITHIN)
            with patience, suppress(HermesError):
                await self._look(run)
            raise
        finally:
            self._leave(run)

    def _leave(self, run: Run) -> None:
        del self._active[run.event.event_id]
        self._drafts.pop(run.event.session_key, None)
        if run.progress is None or run.progress.over:
            run.end()
        else:
            run.interrupt()

    async def _look(self, run: Run) -> None:
        try:
            run.progress = await self._host.progress(run.event.source, run.event.event_id)
        except (TransientError, Unavailable) as error:
            log.warning("what became of %s is read later: %s", run.event.event_id, error)
            return
        draft = self._drafts.get(run.event.session_key)
        if draft is not None and not run.text:
            run.show(draft)

    def _remember(self, draft: Draft) -> None:
        if draft.state is DraftState.ENDED:
            self._drafts.pop(draft.session_key, None)
        elif draft.state is DraftState.WRITING and (
            draft.session_key in self._drafts or len(self._drafts) < KEPT_DRAFTS
        ):
            self._drafts[draft.session_key] = draft


def _check_same(event: Inbound, digest: str) -> None:
    if event.message_id != digest:
        raise ApiError(
            evolve(
                Problem(422, "this Idempotency-Key was used for another request", "idempotency_key_reused"),
                headers={"x-should-retry": "false"},
            )
        )
