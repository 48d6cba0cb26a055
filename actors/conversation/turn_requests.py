"""The requests of one turn, and the compression before one that would be too long.

1. Between two compressions each request begins with the bytes of the one before.
2. A summary is made by a call like any other: it has a permit, is counted against the caps, and is made again after a
   failure that may pass. One that fails leaves everything as it was; the next try waits.
3. Cancelled or killed anywhere, a compression is there or it is not. The next claim goes on with what the store has.
"""

import logging
import secrets
import time

import trio

from actors.conversation.model_call import FILTERED, MODEL_STATE, ModelCalls
from actors.conversation.services import Services
from actors.conversation.session import Prefix, Session
from hermes.agent import compression
from hermes.agent.budget import SUM_UP
from hermes.agent.turnio import ModelReplied
from hermes.errors import HermesError
from hermes.failpoints import failpoint
from hermes.messages import Message, Role, Usage
from hermes.models.contract import ModelRequest
from hermes.models.sizes import message_size, prefix_size, request_size, text_size
from hermes.store.compression_interface import Context
from hermes.store.interface import Turn

# Where a session keeps that a person asked for a compression.
ASKED_STATE = "compress"

# Seconds after a summary that failed: the next message would fail alike, and each try costs.
PAUSE = 600.0

_UNBOUNDED = 2**62

log = logging.getLogger(__name__)


class _SummaryFailed(Exception):
    """There is no summary, and why."""


class TurnRequests:
    """Builds what the model of one turn is asked."""

    def __init__(self, services: Services, session: Session, turn: Turn, calls: ModelCalls) -> None:
        self._services = services
        self._settings = services.settings.compression
        self._session = session
        self._turn = turn
        self._calls = calls
        self._prefix: Prefix | None = None
        self._asked = False

    async def build(self, messages: tuple[Message, ...], *, final: bool) -> ModelRequest:
        """A request with the turn's ``messages`` so far. Raises ``ConfigError`` when no prompt can be made."""
        store, session_id = self._services.store, self._turn.lease.session_id
        if self._prefix is None:
            self._prefix = await self._session.prefix(self._turn)
            self._asked = bool(await store.get_state(session_id, ASKED_STATE))
        # Said to the model and not kept: the person never wrote it.
        closing = (Message(Role.USER, SUM_UP),) if final else ()
        return ModelRequest(
            model=await store.get_state(session_id, MODEL_STATE) or "",
            system=self._prefix.system,
            tools=self._services.schemas,
            messages=(*self._prefix.history, *messages[self._prefix.covered :], *closing),
            may_call=not final,
        )

    def is_due(self, request: ModelRequest) -> bool:
        """Whether to compress before ``request`` is sent."""
        if self._asked:
            return True
        if not self._settings.enabled or trio.current_time() < self._session.rest_until:
            return False
        room = self._room(request, self._calls.context_length)
        return 0 < room < self._tokens(request_size(request) - prefix_size(request))

    def learn(self, request: ModelRequest, usage: Usage) -> None:
        """What the provider counted."""
        self._session.gauge.learn(request_size(request), usage.input_tokens)

    async def compress(self, request: ModelRequest, messages: tuple[Message, ...], *, refused: bool = False) -> bool:
        """Compress, so that a request like this one, with the turn's ``messages``, takes less. False: it does not.

        ``refused``: it was too long for the provider, whatever is known of its model.
        """
        asked, self._asked = self._asked, False
        if refused and not self._settings.enabled:
            return False
        try:
            done = await self._compress(request, messages, refused=refused, asked=asked)
        except _SummaryFailed as error:
            log.warning("the conversation was not compressed: %s", error)
            self._session.rest_until = trio.current_time() + PAUSE
            done = False
        if asked:
            await self._services.store.put_state(self._turn.lease.session_id, ASKED_STATE, "")
        if done:
            self._prefix = None
        return done

    async def _compress(
        self, request: ModelRequest, messages: tuple[Message, ...], *, refused: bool, asked: bool
    ) -> bool:
        store, lease = self._services.store, self._turn.lease
        length = min(self._calls.context_length, self._tokens(request_size(request)) if refused else _UNBOUNDED)
        room = self._room(request, length)
        context = await store.context(lease.session_id, lease.turn_id)
        plan = compression.plan(context, self._message_tokens, room, self._settings, wanted=asked or refused)
        if plan is None:
            return False
        failpoint("compression.before_summary")
        reply = await self._sum_up(request.model, context, plan, length)
        failpoint("compression.after_summary")
        kept = [line.message for line in plan.first]
        working_on = [message for message in messages[: context.covered + plan.own] if message not in kept]
        text = compression.summary(reply.message.content, working_on)
        made = compression.made(secrets.token_hex(8), context, plan, self._services.redactor.redact(text))
        if not await store.compress(lease, made, reply.usage, time.time()):
            raise _SummaryFailed("the transcript has changed since it was summed up")
        failpoint("compression.after_commit")
        return True

    async def _sum_up(self, model: str, context: Context, plan: compression.Plan, length: int) -> ModelReplied:
        covered = [line.message for line in plan.covered]
        earlier = context.summary.text if context.summary else ""
        words = compression.words(sum(map(self._message_tokens, covered)))
        question = compression.question(earlier, covered, self._session.gauge.bytes(length // 2), words)
        request = ModelRequest(self._settings.summary_model or model, compression.SYSTEM, (), (question,))
        try:
            reply = await self._calls.ask(request)
        except HermesError as error:
            raise _SummaryFailed(str(error)) from error
        text = reply.message.content.strip()
        if not text or reply.message.finish_reason in FILTERED:
            raise _SummaryFailed("the model had no words for a summary")
        if text_size(text) >= text_size(earlier) + sum(map(message_size, covered)):
            raise _SummaryFailed("the summary is longer than what it sums up")
        return reply

    def _room(self, request: ModelRequest, length: int) -> int:
        return compression.room(self._settings, length, self._tokens(prefix_size(request)))

    def _tokens(self, size: int) -> int:
        return self._session.gauge.tokens(size)

    def _message_tokens(self, message: Message) -> int:
        return self._tokens(message_size(message))
