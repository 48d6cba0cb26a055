"""One call of the model, in a task of the turn: a permit, a stream, and each piece as an event of the turn machine."""

from collections.abc import Awaitable, Callable

from actors.conversation.services import Services
from hermes.agent.turnio import ModelFailed, ModelReplied, ModelText, TurnEvent
from hermes.errors import AuthError, ConfigError, HermesError, RateLimited, RemoteProtocolError, TransientError
from hermes.failpoints import failpoint
from hermes.models.contract import Completed, ModelRequest, TextDelta

Emit = Callable[[TurnEvent], Awaitable[None]]


async def call_model(services: Services, request: ModelRequest, emit: Emit) -> None:
    """Stream one reply into ``emit``: ``ModelText`` as it grows, then ``ModelReplied`` or ``ModelFailed``.

    Cancelled: the stream is closed and the permit given back.
    """
    failpoint("turn.before_model")
    try:
        permit = await services.permits.acquire()
        try:
            await _stream(services, request, emit)
        finally:
            services.permits.release(permit)
    except HermesError as error:
        await emit(ModelFailed(explain(error)))


async def _stream(services: Services, request: ModelRequest, emit: Emit) -> None:
    async with services.model.stream(request) as pieces:
        async for piece in pieces:
            if isinstance(piece, TextDelta):
                await emit(ModelText(piece.text))
            elif isinstance(piece, Completed):
                failpoint("turn.after_model")
                await emit(ModelReplied(piece.message, piece.usage))
                return
    raise RemoteProtocolError("its stream ended before the message did")


def explain(error: HermesError) -> str:
    """The failure as a person in the chat can act on it."""
    if isinstance(error, RateLimited):
        return f"The model's service asks for a pause of {error.retry_after:.0f} s: {error}"
    if isinstance(error, AuthError):
        return f"The model refused its key: {error}"
    if isinstance(error, ConfigError):
        return f"The model is not set up right: {error}"
    if isinstance(error, TransientError):
        return f"The model cannot be reached just now: {error}. `/retry` tries again."
    return f"The model's answer could not be used: {error}"
