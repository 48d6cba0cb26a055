"""The requests of one turn, and the compression before one that would be too long.

1. Between two compressions each request begins with the bytes of the one before.
2. A summary is made by a call like any other: it has a permit, is counted against the caps, and is made again after a
   failure that may pass. One that fails leaves everything as it was; the next try waits, unless a person or the
   provider asks for it. Whoever asked is told.
3. Cancelled or killed anywhere, a compression is there or it is not. The next claim goes on with what the store has.
"""

import logging
import math
import secrets
import time

import trio

from actors.conversation import wording
from actors.conversation.model_call import CUT_OFF, FILTERED, MODEL_STATE, ModelCalls
from actors.conversation.services import Services
from actors.conversation.session import Prefix, Session
from hermes.agent import compression
from hermes.agent.budget import SUM_UP
from hermes.agent.turnio import ModelReplied
from hermes.errors import HermesError
from hermes.failpoints import failpoint
from hermes.messages import Message, Role, Usage
from hermes.models.contract import ContextOverflow, ModelRequest
from hermes.models.sizes import message_size, prefix_size, request_size, text_size
from hermes.store.compression_interface import ModelContext
from hermes.store.rows import Turn

# Where a session keeps that a person asked for a compression.
ASKED_STATE = "compress"

# Where it keeps until when, in Unix time, none is made by itself: in the store, since actors of idle conversations go.
REST_STATE = "compress_rests"

# Seconds after a summary that failed: the next message would fail alike, and each try costs.
PAUSE = 600.0

# Times that a summary is asked for when even that is too long, of half as much each time.
_TRIES = 3

_UNBOUNDED = 2**62

log = logging.getLogger(__name__)


class _SummaryFailed(Exception):
    """There is no summary, and why."""


class TurnRequests:
    """Builds what the model of one turn is asked."""

    def __init__(self, services: Services, session: Session, turn: Turn, calls: ModelCalls) -> None:
        self._services = services
        self._settings = services.settings.compression
        self._summary_timeout = services.settings.summary_timeout
        self._session = session
        self._turn = turn
        self._calls = calls
        self._prefix: Prefix | None = None
        self._asked = False
        self._rest_until = 0.0
        self._failed = ""
        self.note = ""
        """What the person is to know of a compression that was not made, in markdown."""

    async def build(self, messages: tuple[Message, ...], *, final: bool) -> ModelRequest:
        """A request with the turn's ``messages`` so far. Raises ``ConfigError`` when no prompt can be made."""
        if self._prefix is None:
            self._prefix = await self._session.prefix(self._turn)
            states = self._prefix.states
            self._asked = bool(states.get(ASKED_STATE))
            self._rest_until = float(states.get(REST_STATE) or 0)
            chosen = states.get(MODEL_STATE)
        else:
            # A person may choose another while the turn goes on.
            chosen = await self._services.store.get_state(self._turn.lease.session_id, MODEL_STATE)
        # Said to the model and not kept: the person never wrote it.
        closing = (Message(Role.USER, SUM_UP),) if final else ()
        return ModelRequest(
            model=chosen or "",
            system=self._prefix.system,
            tools=self._services.schemas,
            messages=(*self._prefix.before, *messages[self._prefix.covered :], *closing),
            may_call=not final,
        )

    def is_due(self, request: ModelRequest) -> bool:
        """Whether to compress before ``request`` is sent."""
        if self._asked:
            return True
        # Longer than it ever is: the clock was set back since.
        if not self._settings.enabled or 0 < self._rest_until - time.time() <= PAUSE:
            return False
        if self._has_too_many(request):
            return True
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
        if refused and (self._failed or not self._settings.enabled):
            self.note = self._failed or wording.COMPRESSION_IS_OFF
            return False
        done, note, many = False, "", self._has_too_many(request)
        try:
            done = await self._compress(request, messages, refused=refused, wanted=asked or refused or many)
            note = "" if done else wording.NOTHING_TO_SUM_UP
        except _SummaryFailed as error:
            log.warning("the conversation was not compressed: %s", error)
            note = self._failed = wording.NOT_COMPRESSED.format(reason=error)
            await self._rest()
        if asked:
            await self._services.store.put_state(self._turn.lease.session_id, ASKED_STATE, "")
        # Who waits for it is told; what a turn tries by itself is told by the log.
        self.note = note if asked or refused else ""
        if done:
            self._prefix = None
        return done

    async def _rest(self) -> None:
        self._rest_until = time.time() + PAUSE
        await self._services.store.put_state(self._turn.lease.session_id, REST_STATE, str(self._rest_until))

    async def _compress(
        self, request: ModelRequest, messages: tuple[Message, ...], *, refused: bool, wanted: bool
    ) -> bool:
        """False: there is nothing to sum up. Raises ``_SummaryFailed``, and nothing has changed then."""
        length = min(self._calls.context_length, self._tokens(request_size(request)) if refused else _UNBOUNDED)
        left = _TRIES
        while True:
            try:
                return await self._compress_for(length, request, messages, wanted=wanted)
            except ContextOverflow as error:
                left -= 1
                if not left:
                    raise _SummaryFailed(str(error)) from error
                # A model that somebody chose may take far less than the one that is configured.
                length //= 2

    async def _compress_for(
        self, length: int, request: ModelRequest, messages: tuple[Message, ...], *, wanted: bool
    ) -> bool:
        """As for a model that takes ``length`` tokens. Raises ``ContextOverflow`` when it does not take as many."""
        store, lease = self._services.store, self._turn.lease
        room = self._room(request, length)
        context = await store.model_context(lease.session_id, lease.turn_id)
        plan = compression.plan(context, self._message_tokens, room, self._settings, wanted=wanted)
        if plan is None:
            return False
        failpoint("compression.before_summary")
        reply = await self._sum_up(request.model, context, plan, length)
        usage = reply.usage + reply.wasted
        try:
            self._check(reply, context, plan, room)
        except _SummaryFailed:
            self._calls.waste(usage)
            raise
        failpoint("compression.after_summary")
        text = compression.summary(reply.message.content, compression.own_covered(context, plan, messages))
        made = compression.made(secrets.token_hex(8), context, plan, self._services.redactor.redact(text))
        if not await store.compress(lease, made, usage, time.time()):
            self._calls.waste(usage)
            raise _SummaryFailed("something was taken back while it was summed up")
        failpoint("compression.after_commit")
        return True

    async def _sum_up(self, model: str, context: ModelContext, plan: compression.Plan, length: int) -> ModelReplied:
        """Raises ``ContextOverflow`` where even that is too long, and ``_SummaryFailed``."""
        summarizer, covered = self._calls.summarizer, [line.message for line in plan.covered]
        length = min(length, summarizer.context_length)
        earlier = context.summary.text if context.summary else ""
        words = compression.words(sum(map(self._message_tokens, covered)), summarizer.max_output_tokens)
        question = compression.question(earlier, covered, self._session.gauge.bytes(length // 2), words)
        request = ModelRequest(self._settings.summary_model or model, compression.SYSTEM, (), (question,))
        try:
            with trio.move_on_after(self._summary_timeout or math.inf):
                return await self._calls.ask(request)
        except ContextOverflow:
            raise
        except HermesError as error:
            raise _SummaryFailed(str(error)) from error
        raise _SummaryFailed(f"it took longer than {self._summary_timeout:g} s (auxiliary.compression.timeout)")

    def _check(self, reply: ModelReplied, context: ModelContext, plan: compression.Plan, room: int) -> None:
        """Raises ``_SummaryFailed`` for what cannot take the place of what was said."""
        text, reason = reply.message.content.strip(), reply.message.finish_reason
        if not text or reason in FILTERED:
            raise _SummaryFailed("the model had no words for a summary")
        if reason in CUT_OFF:
            raise _SummaryFailed("the summary was cut off at the bound of its length")
        earlier = text_size(context.summary.text) if context.summary else 0
        if text_size(text) >= earlier + sum(message_size(line.message) for line in plan.covered):
            raise _SummaryFailed("the summary is longer than what it sums up")
        if self._tokens(text_size(text)) > compression.longest(room):
            raise _SummaryFailed("the summary is too long")

    def _has_too_many(self, request: ModelRequest) -> bool:
        """Messages, whatever they come to. Below twice what is protected nothing would be gained."""
        limit, protected = self._settings.hygiene_hard_message_limit, self._settings.protect_first_n
        protected += self._settings.protect_last_n
        return 0 < limit < len(request.messages) and len(request.messages) > 2 * protected

    def _room(self, request: ModelRequest, length: int) -> int:
        return compression.room(self._settings, length, self._tokens(prefix_size(request)))

    def _tokens(self, size: int) -> int:
        return self._session.gauge.tokens(size)

    def _message_tokens(self, message: Message) -> int:
        return self._tokens(message_size(message))
