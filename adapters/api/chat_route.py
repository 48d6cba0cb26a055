"""POST /v1/chat/completions: an answer whole, or as it grows."""

from attrs import frozen
from starlette.requests import Request
from starlette.types import ASGIApp

from adapters.api import body, chat_request
from adapters.api.answers import Completion, told
from adapters.api.asked import Asked
from adapters.api.desk import Desk
from adapters.api.growing import GrowingText
from adapters.api.problem import ApiError, Problem
from adapters.api.runs import Run
from adapters.api.sse import DONE, EventStream, Latest, Reader, event
from adapters.api.told import Told
from adapters.api.waiting import until_ended

KEY = "idempotency-key"
SESSION = "x-hermes-session-id"


@frozen
class ChatRoute:
    """The handler."""

    desk: Desk

    async def __call__(self, request: Request) -> ASGIApp:
        session = request.headers.get(SESSION, "").strip()
        asked = chat_request.parse(
            await body.read(request),
            key=request.headers.get(KEY),
            session=session,
            model_name=self.desk.settings.model_name,
        )
        run = await self.desk.begin_in(asked, session)
        return self._stream(request, run, asked) if asked.stream else await self._whole(request, run, asked)

    async def _whole(self, request: Request, run: Run, asked: Asked) -> ASGIApp:
        await until_ended(run, request)
        progress = await run.outcome()
        headers = session_header(run)
        try:
            text = told(progress)
        except ApiError as error:
            raise ApiError(error.problem.having(headers)) from error
        return Told(
            _completion(asked, run).whole(text, progress.usage), headers={"cache-control": "no-store", **headers}
        )

    def _stream(self, request: Request, run: Run, asked: Asked) -> ASGIApp:
        async def tell(reader: Reader) -> None:
            await ChatStream(reader, run, _completion(asked, run)).tell()

        return EventStream(tell, session_header(run))


@frozen
class ChatStream:
    """One answer to one reader, chunk by chunk."""

    _reader: Reader
    _run: Run
    _completion: Completion

    async def tell(self) -> None:
        """Write all of it. Cancelled: the reader has what it has, and the run goes on."""
        text = GrowingText()

        async def grow(draft: str) -> None:
            await self._more(text.grow(draft))

        await self._reader.write(event(self._completion.first()))
        latest = Latest()
        with self._run.watched(latest):
            await self._reader.texts(latest, grow)
        try:
            progress = await self._run.outcome()
            await self._more(text.finish(told(progress)))
        except ApiError as error:
            await self._fail(error.problem)
            return
        await self._reader.write(event(self._completion.last()))
        if self._completion.include_usage:
            await self._reader.write(event(self._completion.spent(progress.usage)))
        await self._reader.write(DONE)

    async def _more(self, text: str) -> None:
        if text:
            await self._reader.write(event(self._completion.more(text)))

    async def _fail(self, problem: Problem) -> None:
        """The status is sent already, so the stream says it, and ends without the word that all was well."""
        await self._reader.write(event(problem.body()))


def session_header(run: Run) -> dict[str, str]:
    """Which session it is, for the next request to go on with."""
    return {SESSION: run.progress.session_id} if run.progress else {}


def _completion(asked: Asked, run: Run) -> Completion:
    created = int(run.progress.received_at if run.progress else 0)
    return Completion(asked.id, asked.model, created, asked.include_usage)
