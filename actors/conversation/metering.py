"""What one call of a model costs, from before it is made until after its end (hermes/spending.py).

1. It is written down before it is made, and when it ends, however it ends.
2. What streams in is counted as it comes. Where it is more than what is reserved, more is reserved, in steps as long as
   the first; where the caps leave nothing, ``CapReached`` goes through the stream and closes it. So the answer is over
   by one piece at most.
3. Where a person has set a cap, or one leaves less than the usual, the provider is told how long the answer may be:
   thoughts that it keeps to itself do not stream.
"""

import logging
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio
from attrs import define, evolve, field

from hermes.config.choice import OFFLINE
from hermes.errors import HermesError, Unavailable
from hermes.messages import Message, Usage
from hermes.models.contract import ChatModel, ModelPiece, ModelRequest
from hermes.models.sizes import message_size, piece_size, request_size
from hermes.spending import LEAST_OUTPUT, CapReached, Caps, ModelCall, Spending, tokens_of
from hermes.store.rows import Lease

# Seconds for the store to take what a call did cost, also while the turn is being stopped.
WRITE_DOWN_WITHIN = 2.0

log = logging.getLogger(__name__)


@define
class Meter:
    """One call. Without a ledger, it is counted and held against nothing."""

    most: Usage
    """What it costs to ask, and the longest answer that is reckoned with."""
    ledger: Spending | None = None
    caps: Caps = field(factory=Caps)
    key: str = ""
    reserved: int = 0
    """Tokens of the answer."""
    written: int = 0
    """Bytes of the answer so far, thoughts included."""
    usage: Usage | None = None
    """What it did cost, once the whole answer is there."""

    def bounded(self, request: ModelRequest) -> ModelRequest:
        """The request as it goes to the provider."""
        if self.caps.chosen or self.reserved < self.most.output_tokens:
            return evolve(request, max_output_tokens=self.reserved)
        return request

    async def take(self, piece: ModelPiece) -> None:
        """One more piece. Raises ``CapReached`` where the answer has taken all that there is for it."""
        self.written += piece_size(piece)
        while self.ledger and (come := tokens_of(self.written)) > self.reserved:
            wanted = come + max(self.most.output_tokens, LEAST_OUTPUT)
            self.reserved = await self.ledger.extend_model_call(self.key, self.reserved, wanted, self.caps, time.time())

    def complete(self, message: Message, counted: Usage) -> Usage:
        """The whole answer is there. ``counted`` by the provider; some servers of one's own do not count."""
        self.written = message_size(message)
        self.usage = counted if counted.input_tokens + counted.output_tokens > 0 else self.estimate()
        return self.usage

    def estimate(self) -> Usage:
        """What it cost as far as can be seen from here: what it had read, and what it has written."""
        return Usage(self.most.input_tokens, tokens_of(self.written))

    def cost_of(self, error: BaseException | None) -> Usage:
        """What it cost when it ended with ``error``.

        One that is cut is billed for what it had read and written; one that was refused, for nothing. One that a cap
        has cut may have thought more than it showed, and counts as all that was reserved.
        """
        if self.usage is not None:
            return self.usage
        if isinstance(error, HermesError) and not self.written:
            return Usage()
        if isinstance(error, CapReached):
            return Usage(self.most.input_tokens, max(self.reserved, tokens_of(self.written)))
        return self.estimate()


def most_of(model: ChatModel, request: ModelRequest) -> Usage:
    """The most that a call is reckoned with at first."""
    return Usage(tokens_of(request_size(request)), request.max_output_tokens or model.max_output_tokens)


@asynccontextmanager
async def metered(
    ledger: Spending, caps: Caps, lease: Lease, model: ChatModel, request: ModelRequest
) -> AsyncGenerator[Meter]:
    """Write a call down, before and after. Raises ``CapReached`` before it. Cancelled: it counts as far as it came."""
    if model.provider == OFFLINE:
        yield Meter(Usage())
        return
    meter = Meter(most_of(model, request), ledger, caps, secrets.token_hex(8))
    name = request.model or model.name
    planned = ModelCall(meter.key, lease.session_id, lease.turn_id, model.provider, name, meter.most)
    meter.reserved = await _reserve(ledger, planned, caps)
    ended: BaseException | None = None
    try:
        yield meter
    except BaseException as error:
        ended = error
        raise
    finally:
        await _write_down(ledger, meter.key, meter.cost_of(ended))


async def _reserve(ledger: Spending, planned: ModelCall, caps: Caps) -> int:
    try:
        return await ledger.begin_model_call(planned, caps, time.time())
    except (trio.Cancelled, Unavailable):
        # Perhaps it stands there all the same: nobody makes it, and what is reserved for it would count for good.
        await _write_down(ledger, planned.key, Usage())
        raise


async def _write_down(ledger: Spending, key: str, usage: Usage) -> None:
    with trio.CancelScope(shield=True, deadline=trio.current_time() + WRITE_DOWN_WITHIN):
        try:
            await ledger.end_model_call(key, usage, time.time())
        except HermesError as error:
            log.warning("what a model call cost was not written down: %s", error)
