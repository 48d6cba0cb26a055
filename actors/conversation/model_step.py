"""One call of the model by its turn: the request, shortened where it is too long, and what its answer tells of it."""

from collections.abc import Callable

from actors.conversation.model_call import ModelCalls
from actors.conversation.turn_requests import TurnRequests
from actors.conversation.work import Emit
from hermes.agent.turnio import ModelFailed, ModelReplied, TurnEvent
from hermes.errors import ConfigError
from hermes.events import DraftState
from hermes.messages import Message
from hermes.models.contract import ModelRequest

Show = Callable[[DraftState], None]
"""Tell the chat what goes on."""


class ModelStep:
    """The calls of one turn, one after another."""

    def __init__(self, requests: TurnRequests, model: ModelCalls) -> None:
        self._requests = requests
        self._model = model

    async def run(self, emit: Emit, show: Show, messages: tuple[Message, ...], *, final: bool) -> None:
        """Stream one reply to ``messages`` into ``emit``, or why there is none. Cancelled: the stream is closed."""
        try:
            request = await self._requests.build(messages, final=final)
        except ConfigError as error:
            # A person has to mend it, so the chat is told; ending the actor would leave it silent until then.
            await emit(ModelFailed(str(error)))
            return

        async def shorten(*, refused: bool = True) -> ModelRequest | None:
            nonlocal request
            show(DraftState.COMPRESSING)
            done = await self._requests.compress(request, messages, refused=refused)
            show(DraftState.THINKING)
            if done:
                request = await self._requests.build(messages, final=final)
            return request if done else None

        async def heard(event: TurnEvent) -> None:
            if isinstance(event, ModelReplied):
                self._requests.learn(request, event.usage)
            await emit(event)

        if self._requests.is_due(request):
            await shorten(refused=False)
        await self._model.call(request, heard, shorten)
