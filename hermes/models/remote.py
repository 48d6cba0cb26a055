"""A model behind HTTP: a wire's request builder and reader of replies, over one provider's connections."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from attrs import field, frozen

from hermes.errors import HermesError, Refused, RemoteProtocolError, TransientError
from hermes.models.contract import Completed, ModelPiece, ModelRequest, ReasoningDelta, TextDelta, Unshown
from hermes.models.failures import Speaker
from hermes.models.http import Events, Http
from hermes.models.wires.parse import dump
from hermes.models.wires.sse import SseEvent


class Reply(Protocol):
    """One reply of a wire while it comes in."""

    def take(self, event: SseEvent) -> Iterator[ModelPiece]: ...

    def end(self) -> Completed: ...


@frozen
class Wire:
    """One wire format, set up for one model."""

    path: str
    build: Callable[[ModelRequest], dict[str, object]]
    reply: Callable[[ModelRequest], Reply]


@frozen
class RemoteModel:
    """A ``ChatModel``. ``aclose`` ends its idle connections; a stream under way goes on."""

    speaker: Speaker
    provider: str
    context_length: int
    max_output_tokens: int
    wire: Wire = field(repr=False)
    http: Http = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.speaker.model}"

    def stream(self, request: ModelRequest) -> AbstractAsyncContextManager[AsyncIterator[ModelPiece]]:
        """See ``ChatModel.stream``. Cancelled: the connection is closed."""
        return self._open(request)

    async def aclose(self) -> None:
        await self.http.aclose()

    @asynccontextmanager
    async def _open(self, request: ModelRequest) -> AsyncGenerator[AsyncIterator[ModelPiece]]:
        body = _encoded(dump(self.wire.build(request)))
        async with self.http.stream(self.wire.path, body) as events:
            yield _Pieces(self.speaker, events, self.wire.reply(request))


class _Pieces:
    """Not a generator, so that it can be left anywhere without a trace."""

    def __init__(self, speaker: Speaker, events: Events, reply: Reply) -> None:
        self._speaker = speaker
        self._events = events
        self._reply = reply
        self._ready: Iterator[ModelPiece] = iter(())
        self._over = False

    def __aiter__(self) -> "_Pieces":
        return self

    async def __anext__(self) -> ModelPiece:
        try:
            return await self._next()
        except (Refused, RemoteProtocolError, TransientError) as error:
            raise self._named(error) from error

    async def _next(self) -> ModelPiece:
        while not self._over:
            for piece in self._ready:
                self._over = isinstance(piece, Completed)
                return piece
            events = await self._events.next()
            if not events:
                self._over = True
                return self._reply.end()
            self._ready = joined(piece for event in events for piece in self._reply.take(event))
        raise StopAsyncIteration

    def _named(self, error: HermesError) -> HermesError:
        """A wire knows no names: its complaints begin with "it" or "the connection"."""
        said = str(error)
        if type(error) not in {Refused, RemoteProtocolError, TransientError} or self._speaker.label in said:
            return error
        return type(error)(f"{self._speaker.label}: {said}")


def joined(pieces: Iterable[ModelPiece]) -> Iterator[ModelPiece]:
    """The same with neighbours of a kind as one: what came together need not travel apart.

    What came before an error is given before it is raised.
    """
    grown: TextDelta | ReasoningDelta | Unshown | None = None
    try:
        for piece in pieces:
            if isinstance(piece, TextDelta) and isinstance(grown, TextDelta):
                grown = TextDelta(grown.text + piece.text)
            elif isinstance(piece, ReasoningDelta) and isinstance(grown, ReasoningDelta):
                grown = ReasoningDelta(grown.text + piece.text)
            else:
                if grown is not None:
                    yield grown
                grown = None
                if isinstance(piece, Completed):
                    yield piece
                else:
                    grown = piece
    except HermesError:
        if grown is not None:
            yield grown
        raise
    if grown is not None:
        yield grown


def _encoded(text: str) -> bytes:
    """As UTF-8. Half of a surrogate pair, out of a JSON escape of a model, is replaced: no server takes it."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
