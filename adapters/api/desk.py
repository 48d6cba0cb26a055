"""Where a request meets the gateway: it is made durable here, and waited for.

Rule: what a handler needs of the running adapter it finds here, or a refusal for now while there is none.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager

import trio
from attrs import define, field

from adapters.api.asked import Asked
from adapters.api.chats import PLATFORM, chat_of, inbound
from adapters.api.problem import ApiError, missing, of_error
from adapters.api.runs import Run, Runs
from adapters.api.settings import ApiSettings
from adapters.contract import AdapterHost
from hermes.errors import HermesError, Unavailable
from hermes.store.requests import Beginning

MAX_SESSION = 200
"""Characters of a session's id; ours have twenty-two."""


@define(eq=False)
class Desk:
    """One for all requests. ``host`` and ``runs`` are there while the adapter runs."""

    settings: ApiSettings
    host: AdapterHost | None = None
    runs: Runs | None = None
    _in_hand: int = field(default=0, init=False)
    _answered: trio.Event = field(factory=trio.Event, init=False)

    @contextmanager
    def in_hand(self) -> Generator[None]:
        """A request is answered inside the block."""
        self._in_hand += 1
        try:
            yield
        finally:
            self._in_hand -= 1
            self._answered.set()

    async def until_answered(self) -> None:
        """Wait until no request is in hand."""
        while self._in_hand:
            self._answered = trio.Event()
            await self._answered.wait()

    def connected(self) -> tuple[AdapterHost, Runs]:
        """Raises ``ApiError`` while the gateway has no use for requests."""
        if self.host is None or self.runs is None:
            raise ApiError(of_error(Unavailable("the interface is being started: ask again")))
        return self.host, self.runs

    async def begin(self, asked: Asked, chat: str, beginning: Beginning) -> Run:
        """The run of a request in a chat, durable. Raises ``ApiError``. Cancelled: it may have been accepted."""
        _, runs = self.connected()
        return await runs.begin(inbound(asked, chat, time.time()), beginning, repeatable=asked.repeatable)

    async def begin_in(self, asked: Asked, session: str) -> Run:
        """As ``begin``, in the session of an id, or in a new one when that is empty."""
        if not session:
            return await self.begin(asked, asked.id, Beginning(asked.history, asked.instructions))
        return await self.begin(asked, await self.chat(session), Beginning(resumes=session))

    async def chat(self, session: str) -> str:
        """The chat of a session. Raises ``ApiError`` when this interface has no such session."""
        host, _ = self.connected()
        key = None
        if len(session) <= MAX_SESSION:
            with refusing():
                key = await host.session_key(session, PLATFORM)
        if key is None:
            missing(f"there is no session {session[:MAX_SESSION]} of this interface", code="session_not_found")
        return chat_of(key)


@contextmanager
def refusing() -> Generator[None]:
    """What the store cannot do just now refuses the request."""
    try:
        yield
    except HermesError as error:
        raise ApiError(of_error(error)) from error
