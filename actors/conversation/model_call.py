"""The model calls of one turn: a permit, a stream, and each piece as an event of the turn machine.

1. A call is made again, after a pause, or of the next model, only while the chat has seen nothing of its answer: words
   that stand there are not taken back.
2. A model that a fallback has taken over from is not asked again in this turn: thoughts and calls of one turn are of
   one model, as far as that can be. The next turn begins with the first again.
3. With a fallback behind it, a provider that asks for a pause is not waited for.
4. A request that is too long is asked once more with less, and then told of.
5. Each call is held against the caps before it is made and while its answer comes in (metering.py). An answer that a
   cap ends stands as far as it came, with the cap's own words below it; tools that it was about to call do not run.
6. What calls cost that brought nothing goes with the next event, so that the session counts it too.
"""

import logging
import random
from collections.abc import Awaitable, Callable, Sequence

import trio
from attrs import define, evolve, field

from actors.conversation import wording
from actors.conversation.metering import Meter, metered
from actors.conversation.services import Services
from actors.conversation.work import Emit
from actors.models import SERVED, UNKNOWN, outcome_of
from hermes.agent.endings import paragraphs
from hermes.agent.turnio import ModelFailed, ModelReplied, ModelText, TurnEvent
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
from hermes.messages import Message, Role, Usage
from hermes.models.contract import (
    ChatModel,
    Completed,
    ContextOverflow,
    ModelPiece,
    ModelRequest,
    ReasoningDelta,
    TextDelta,
)
from hermes.models.retry import others_may_do, retry_after
from hermes.spending import CapReached
from hermes.store.rows import Lease

Shorten = Callable[[], Awaitable[ModelRequest | None]]
"""A request in the place of one that is too long; None: there is none."""


async def _no_shorter() -> None:
    return None


# A model's own words for an answer that was cut short by a bound, and by a filter.
CUT_OFF = frozenset({"length", "max_tokens", "model_context_window_exceeded"})
FILTERED = frozenset({"content_filter", "refusal"})

# Where a session keeps the name of the model that a person chose for it.
MODEL_STATE = "model"

log = logging.getLogger(__name__)


@define
class _Call:
    """One call: what is asked, and what has come of the answer."""

    request: ModelRequest
    emit: Emit
    unseen: bool = False
    """Its answer is not for the chat."""
    shown: bool = False
    """The chat has seen something of it."""
    text: list[str] = field(factory=list[str])
    thoughts: list[str] = field(factory=list[str])

    def begin(self) -> None:
        """It is made, perhaps once more."""
        self.text.clear()
        self.thoughts.clear()

    async def take(self, piece: ModelPiece) -> None:
        """One more piece of the answer."""
        if isinstance(piece, ReasoningDelta):
            self.thoughts.append(piece.text)
        elif isinstance(piece, TextDelta):
            self.text.append(piece.text)
            self.shown = not self.unseen
            await self.emit(ModelText(piece.text))

    def so_far(self, note: str) -> Message:
        """The answer as far as it came, with why it ends there."""
        content = paragraphs("".join(self.text), note)
        return Message(Role.ASSISTANT, content, reasoning="".join(self.thoughts), finish_reason="length")


class ModelCalls:
    """Calls the models of one turn."""

    def __init__(self, services: Services, lease: Lease) -> None:
        self._store = services.store
        self._caps = services.settings.caps
        self._lease = lease
        self._permits = services.permits
        self._models = (services.model, *services.fallbacks)
        self._summarizer = services.summarizer
        self._retries = services.settings.model_retries
        self._first = 0
        self._wasted = Usage()

    @property
    def context_length(self) -> int:
        """Of the model that is asked next, in tokens."""
        return self._models[self._first].context_length

    @property
    def summarizer(self) -> ChatModel:
        """Who is asked first for what the chat sees nothing of."""
        return self._summarizer or self._models[self._first]

    async def call(self, request: ModelRequest, emit: Emit, shorten: Shorten = _no_shorter) -> None:
        """Stream one reply into ``emit``: ``ModelText`` as it grows, then ``ModelReplied`` or ``ModelFailed``.

        ``shorten`` is asked once for another request when this one is too long for the model.
        Cancelled: the stream is closed and the permit given back.
        """
        failpoint("turn.before_model")
        call = _Call(request, emit)
        try:
            await self._fitting(call, shorten)
        except HermesError as error:
            log.warning("a model call failed: %s", error)
            if isinstance(error, CapReached) and call.shown:
                await emit(ModelReplied(call.so_far(f"_{explain(error)}_"), Usage(), self._take_wasted()))
            else:
                await emit(ModelFailed(explain(error), self._take_wasted()))

    def waste(self, usage: Usage) -> None:
        """A reply that cost this was of no use: the next event tells of it."""
        self._wasted += usage

    async def ask(self, request: ModelRequest) -> ModelReplied:
        """One reply that the chat sees nothing of. Raises ``HermesError``.

        It decides nothing about who answers next: a model of another name may be wanted here.
        Cancelled: the stream is closed and the permit given back.
        """
        replies = list[ModelReplied]()

        async def keep(event: TurnEvent) -> None:
            if isinstance(event, ModelReplied):
                replies.append(event)

        own = (self._summarizer,) if self._summarizer else ()
        await self._of_any(_Call(request, keep, unseen=True), (*own, *self._models[self._first :]))
        return replies[-1]

    async def _fitting(self, call: _Call, shorten: Shorten) -> None:
        try:
            self._first += await self._of_any(call, self._models[self._first :])
        except ContextOverflow as error:
            shorter = None if call.shown else await shorten()
            if shorter is None:
                raise
            log.info("%s: asked again with less", error)
            call.request = shorter
            self._first += await self._of_any(call, self._models[self._first :])

    async def _of_any(self, call: _Call, models: Sequence[ChatModel]) -> int:
        """Which of them answered."""
        last = len(models) - 1
        for number, model in enumerate(models):
            if model is not self._models[0]:
                # A name that was chosen for the first means nothing to another.
                call.request = evolve(call.request, model="")
            try:
                await self._of_one(model, call, eager=number < last)
            except HermesError as error:
                if number == last or call.shown or not others_may_do(error):
                    raise
                log.warning("%s: %s is asked instead", error, models[number + 1].name)
            else:
                return number
        raise AssertionError("there is always one model")

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
            async with metered(self._store, self._caps, self._lease, model, call.request) as meter:
                try:
                    await self._stream(model, call, meter)
                    outcome = SERVED
                except BaseException as error:
                    self._wasted += meter.cost_of(error)
                    # A cap of ours tells nothing of the provider.
                    if isinstance(error, HermesError) and not isinstance(error, CapReached):
                        outcome = outcome_of(error)
                    raise
        finally:
            self._permits.release(permit, outcome)

    async def _stream(self, model: ChatModel, call: _Call, meter: Meter) -> None:
        call.begin()
        async with model.stream(meter.bounded(call.request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Completed):
                    usage = meter.complete(piece.message, piece.usage)
                    failpoint("turn.after_model")
                    await call.emit(ModelReplied(_noted(piece.message), usage, self._take_wasted()))
                    return
                await call.take(piece)
                await meter.take(piece)
        raise RemoteProtocolError("its stream ended before the message did")

    def _take_wasted(self) -> Usage:
        wasted, self._wasted = self._wasted, Usage()
        return wasted


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
