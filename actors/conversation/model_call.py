"""The model calls of one turn: a permit, a stream, and each piece as an event of the turn machine.

1. A call is made again, after a pause, or of the next model, only while the chat has seen nothing of its answer: words
   that stand there are not taken back.
2. A model that a fallback has taken over from is not asked again in this turn: thoughts and calls of one turn are of
   one model, as far as that can be. The next turn begins with the first again.
3. With a fallback behind it, a provider that asks for a pause is not waited for.
4. A request that is too long is asked once more with less, and then told of.
5. Each call is written down before it is made and when it ends, however it ends (hermes/spending.py).
"""

import logging
import random
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio
from attrs import define, evolve, field

from actors.conversation import wording
from actors.conversation.services import Services
from actors.models import SERVED, UNKNOWN, outcome_of
from hermes.agent.turnio import ModelFailed, ModelReplied, ModelText, TurnEvent
from hermes.config.choice import OFFLINE
from hermes.errors import (
    AuthError,
    ConfigError,
    HermesError,
    RateLimited,
    Refused,
    RemoteProtocolError,
    TransientError,
    Unavailable,
)
from hermes.failpoints import failpoint
from hermes.messages import Message, Usage
from hermes.models.contract import ChatModel, Completed, ContextOverflow, ModelRequest, ReasoningDelta, TextDelta
from hermes.models.retry import others_may_do, retry_after
from hermes.models.sizes import message_size, request_size, text_size
from hermes.spending import CapReached, ModelCall
from hermes.store.rows import Lease

Emit = Callable[[TurnEvent], Awaitable[None]]

Shorten = Callable[[], Awaitable[ModelRequest | None]]
"""A request in the place of one that is too long; None: there is none."""


async def _no_shorter() -> None:
    return None


# A model's own words for an answer that was cut short by a bound, and by a filter.
CUT_OFF = frozenset({"length", "max_tokens", "model_context_window_exceeded"})
FILTERED = frozenset({"content_filter", "refusal"})

# Where a session keeps the name of the model that a person chose for it.
MODEL_STATE = "model"

# Seconds for the store to take what a call did cost, also while the turn is being stopped.
WRITE_DOWN_WITHIN = 2.0

# Bytes of text a token, for what can only be estimated: fewer than of any usual text, so that the most is the most.
BYTES_A_TOKEN = 3

log = logging.getLogger(__name__)


@define
class _Call:
    """One call: what is asked, and whether the chat has seen anything of the answer."""

    request: ModelRequest
    emit: Emit
    unseen: bool = False
    """Its answer is not for the chat."""
    shown: bool = False
    most: Usage = field(factory=Usage)
    """What it can cost."""
    written: int = 0
    """Bytes of the answer so far, thoughts included."""
    usage: Usage | None = None
    """What it did cost, once the whole answer is there."""

    def begin(self, most: Usage) -> None:
        """It is made, perhaps once more."""
        self.most = most
        self.written = 0
        self.usage = None

    def estimate(self) -> Usage:
        """What it cost as far as can be seen from here: what it had read, and what it has written."""
        return Usage(self.most.input_tokens, _tokens(self.written))


class ModelCalls:
    """Calls the models of one turn."""

    def __init__(self, services: Services, lease: Lease) -> None:
        self._store = services.store
        self._caps = services.settings.caps
        self._lease = lease
        self._permits = services.permits
        self._models = (services.model, *services.fallbacks)
        self._retries = services.settings.model_retries
        self._first = 0

    @property
    def context_length(self) -> int:
        """Of the model that is asked next, in tokens."""
        return self._models[self._first].context_length

    @property
    def max_output_tokens(self) -> int:
        """Of the model that is asked next, in tokens; 0 where it is not known."""
        return self._models[self._first].max_output_tokens

    async def call(self, request: ModelRequest, emit: Emit, shorten: Shorten = _no_shorter) -> None:
        """Stream one reply into ``emit``: ``ModelText`` as it grows, then ``ModelReplied`` or ``ModelFailed``.

        ``shorten`` is asked once for another request when this one is too long for the model.
        Cancelled: the stream is closed and the permit given back.
        """
        failpoint("turn.before_model")
        try:
            await self._fitting(_Call(request, emit), shorten)
        except HermesError as error:
            log.warning("a model call failed: %s", error)
            await emit(ModelFailed(explain(error)))

    async def ask(self, request: ModelRequest) -> ModelReplied:
        """One reply that the chat sees nothing of. Raises ``HermesError``.

        It decides nothing about who answers next: a model of another name may be wanted here.
        Cancelled: the stream is closed and the permit given back.
        """
        replies, first = list[ModelReplied](), self._first

        async def keep(event: TurnEvent) -> None:
            if isinstance(event, ModelReplied):
                replies.append(event)

        try:
            await self._of_any(_Call(request, keep, unseen=True))
        finally:
            self._first = first
        return replies[-1]

    async def _fitting(self, call: _Call, shorten: Shorten) -> None:
        try:
            return await self._of_any(call)
        except ContextOverflow as error:
            shorter = None if call.shown else await shorten()
            if shorter is None:
                raise
            log.info("%s: asked again with less", error)
        call.request = shorter
        await self._of_any(call)

    async def _of_any(self, call: _Call) -> None:
        last = len(self._models) - 1
        for number in range(self._first, last + 1):
            if number:
                # A name that was chosen for the first means nothing to another.
                call.request = evolve(call.request, model="")
            try:
                await self._of_one(self._models[number], call, eager=number < last)
            except HermesError as error:
                if number == last or call.shown or not others_may_do(error):
                    raise
                log.warning("%s: %s is asked instead", error, self._models[number + 1].name)
            else:
                self._first = number
                return

    async def _of_one(self, model: ChatModel, call: _Call, *, eager: bool) -> None:
        failed = 0
        while True:
            try:
                return await self._once(model, call)
            except HermesError as error:
                failed += 1
                pause = None if call.shown else retry_after(error, failed, self._retries, random.random)
                if pause is None or (eager and isinstance(error, RateLimited)):
                    raise
                log.info("%s: tried again in %.1f s", error, pause)
                await trio.sleep(pause)

    async def _once(self, model: ChatModel, call: _Call) -> None:
        permit = await self._permits.acquire(model.provider)
        outcome = UNKNOWN
        try:
            async with self._written_down(model, call):
                try:
                    await _stream(model, call)
                    outcome = SERVED
                except HermesError as error:
                    outcome = outcome_of(error)
                    raise
        finally:
            self._permits.release(permit, outcome)

    @asynccontextmanager
    async def _written_down(self, model: ChatModel, call: _Call) -> AsyncGenerator[None]:
        """What the call can cost before it is made, and what it did cost after it. Raises ``CapReached``."""
        if model.provider == OFFLINE:
            yield
            return
        call.begin(_most(model, call.request))
        key, lease = secrets.token_hex(8), self._lease
        name = call.request.model or model.name
        planned = ModelCall(key, lease.session_id, lease.turn_id, model.provider, name, call.most)
        await self._store.begin_model_call(planned, self._caps, time.time())
        # One that is cut is billed for what it had read and written; one that was refused, for nothing.
        refused = False
        try:
            yield
        except HermesError:
            refused = not call.written
            raise
        finally:
            cost = call.usage or (Usage() if refused else call.estimate())
            with trio.CancelScope(shield=True, deadline=trio.current_time() + WRITE_DOWN_WITHIN):
                await self._write_down(key, cost)

    async def _write_down(self, key: str, usage: Usage) -> None:
        try:
            await self._store.end_model_call(key, usage, time.time())
        except HermesError as error:
            log.warning("what a model call cost was not written down: %s", error)


def _most(model: ChatModel, request: ModelRequest) -> Usage:
    """The most that a call can cost."""
    return Usage(_tokens(request_size(request)), request.max_output_tokens or model.max_output_tokens)


def _tokens(size: int) -> int:
    return -(-size // BYTES_A_TOKEN)


async def _stream(model: ChatModel, call: _Call) -> None:
    async with model.stream(call.request) as pieces:
        async for piece in pieces:
            if isinstance(piece, TextDelta | ReasoningDelta):
                call.written += text_size(piece.text)
            if isinstance(piece, TextDelta):
                call.shown = not call.unseen
                await call.emit(ModelText(piece.text))
            elif isinstance(piece, Completed):
                call.written = message_size(piece.message)
                # Some servers of one's own do not count.
                counted = piece.usage.input_tokens + piece.usage.output_tokens > 0
                call.usage = piece.usage if counted else call.estimate()
                failpoint("turn.after_model")
                await call.emit(ModelReplied(_noted(piece.message), call.usage))
                return
    raise RemoteProtocolError("its stream ended before the message did")


def _noted(message: Message) -> Message:
    """An answer that was cut short says so, to the person and to the next turn's model."""
    note = ""
    if message.finish_reason in CUT_OFF:
        note = wording.CUT_OFF
    elif message.finish_reason in FILTERED:
        note = wording.FILTERED
    if not note or message.tool_calls or not message.content.strip():
        return message
    return evolve(message, content=f"{message.content}\n\n{note}")


def explain(error: HermesError) -> str:
    """The failure as a person in the chat can act on it."""
    match error:
        case CapReached():
            return f"I stopped here: {error}."
        case RateLimited():
            return f"{error}. It can be asked again in {error.retry_after:.0f} s: `/retry` does."
        case TransientError() | Unavailable():
            return f"The model cannot be reached just now: {error}. `/retry` tries again."
        case AuthError():
            return f"The model cannot be used with its key: {error}."
        case ConfigError():
            return f"The model is not set up right: {error}."
        case ContextOverflow():
            return f"This conversation is longer than the model takes: {error}. `/new` begins a fresh one."
        case Refused():
            return f"The model did not answer: {error}."
        case _:
            return f"The model's answer could not be used: {error}."
