"""POST /v1/responses, and GET and DELETE of what was answered.

Rules:

1. A response that is to be kept stands on the shelf before its answer does, so that its id, which a stream tells at
   once, leads to it after a crash too: while the event is in the journal, its answer is looked up there.
2. A response goes on in the session of the one before, as long as nothing was said there since and the instructions
   are the same; otherwise in a new one, with a copy of all that was said up to there.
3. A conversation is a session under a name of the client's.
"""

import json
import time
from hashlib import sha256

from attrs import frozen
from starlette.requests import Request
from starlette.types import ASGIApp

from adapters.api import body, responses_request
from adapters.api.chat_route import KEY, SESSION, session_header
from adapters.api.chats import source
from adapters.api.content import Json
from adapters.api.desk import Desk, refusing
from adapters.api.growing import GrowingText
from adapters.api.problem import ApiError, Problem, missing
from adapters.api.response_objects import Event, ResponseEvents, begun, ended
from adapters.api.responses_request import ResponseAsked
from adapters.api.runs import Run
from adapters.api.sse import EventStream, Latest, Reader, event
from adapters.api.told import Told
from adapters.api.waiting import until_ended
from adapters.contract import AdapterHost
from hermes.store.requests import Beginning, Progress, Response, SessionMoved


@frozen
class ResponsesRoute:
    """The handlers."""

    desk: Desk

    async def create(self, request: Request) -> ASGIApp:
        wanted = responses_request.parse(
            await body.read(request),
            key=request.headers.get(KEY),
            session=request.headers.get(SESSION, "").strip(),
            model_name=self.desk.settings.model_name,
        )
        host, _ = self.desk.connected()
        run = await self._begin(host, wanted)
        response = begun(wanted, run.progress.received_at if run.progress else 0)
        keeper = Keeper(host, wanted.store)
        with run.taken():
            await keeper.begin(response, run.progress)
        if wanted.asked.stream:
            told = ResponseStream(run, response, keeper)
            return EventStream(told.tell, session_header(run))
        await until_ended(run, request)
        progress = await run.outcome()
        with run.taken():
            whole = await keeper.end(response, progress)
        return Told(whole, headers={"cache-control": "no-store", **session_header(run)})

    async def get(self, request: Request) -> ASGIApp:
        host, _ = self.desk.connected()
        _, response = await find(host, str(request.path_params["id"]))
        return Told(response, headers={"cache-control": "no-store"})

    async def delete(self, request: Request) -> ASGIApp:
        host, _ = self.desk.connected()
        kept, _ = await find(host, str(request.path_params["id"]))
        with refusing():
            await host.drop_response(kept.id)
        return Told({"id": kept.id, "object": "response", "deleted": True})

    async def _begin(self, host: AdapterHost, wanted: ResponseAsked) -> Run:
        asked, place = wanted.asked, wanted.place
        if place.previous:
            return await self._after(host, wanted)
        if place.conversation:
            name = sha256(place.conversation.encode("utf-8", "replace")).hexdigest()[:32]
            return await self.desk.begin(asked, f"conversation-{name}", Beginning(instructions=asked.instructions))
        return await self.desk.begin_in(asked, place.session)

    async def _after(self, host: AdapterHost, wanted: ResponseAsked) -> Run:
        asked = wanted.asked
        kept, previous = await find(host, wanted.place.previous, param="previous_response_id")
        if previous["status"] == "in_progress":
            raise ApiError(Problem(409, f"{kept.id} is still being answered", "response_in_progress"))
        if asked.instructions in ("", previous["instructions"]):
            chat = await self.desk.chat(kept.session_id)
            try:
                return await self.desk.begin(asked, chat, Beginning(resumes=kept.session_id, after=kept.turn_id))
            except ApiError as error:
                if not isinstance(error.__cause__, SessionMoved):
                    raise
        instructions = asked.instructions or str(previous["instructions"] or "")
        beginning = Beginning(instructions=instructions, copies=kept.session_id, after=kept.turn_id)
        return await self.desk.begin(asked, asked.id, beginning)


@frozen
class Keeper:
    """Puts one response on the shelf, where it is to be kept."""

    _host: AdapterHost
    _wanted: bool

    async def begin(self, response: Json, progress: Progress | None) -> None:
        """Keep the response without its answer, unless a repetition finds it there with one."""
        if progress is not None and progress.over:
            with refusing():
                if await self._host.use_response(str(response["id"])) is not None:
                    return
        await self.keep(response, progress)

    async def keep(self, response: Json, progress: Progress | None) -> None:
        if self._wanted and progress is not None:
            kept = Response(str(response["id"]), progress.session_id, progress.turn_id, json.dumps(response))
            with refusing():
                await self._host.keep_response(kept)

    async def end(self, response: Json, progress: Progress) -> Json:
        """The response with its answer, kept."""
        whole = ended(response, progress, time.time())
        await self.keep(whole, progress)
        return whole


async def find(host: AdapterHost, response_id: str, *, param: str | None = None) -> tuple[Response, Json]:
    """A kept response, with its answer if there is one by now. Raises ``ApiError`` when there is none."""
    with refusing():
        kept = await host.use_response(response_id)
        if kept is None:
            missing(f"there is no response {response_id[:200]}", code="response_not_found", param=param)
        response: Json = json.loads(kept.body)
        if response["status"] != "in_progress":
            return kept, response
        progress = await host.progress(source(""), kept.id)
    if progress is None:
        missing(f"the response {response_id[:200]} never came to its end", code="response_not_found", param=param)
    if progress.over:
        response = await Keeper(host, True).end(response, progress)
    return Response(kept.id, progress.session_id, progress.turn_id, kept.body), response


@frozen
class ResponseStream:
    """One answer to one reader, event by event."""

    _run: Run
    _response: Json
    _keeper: Keeper

    async def tell(self, reader: Reader) -> None:
        """Write all of it. Cancelled: the reader has what it has, and the run goes on."""
        events, text = ResponseEvents(self._response), GrowingText()

        async def write(told: Event) -> None:
            kind, fields = told
            await reader.write(event(fields, kind))

        async def more(added: str) -> None:
            if added:
                await write(events.more(added))

        for each in events.begin():
            await write(each)
        latest = Latest()
        with self._run.watched(latest):
            await reader.texts(latest, lambda draft: more(text.grow(draft)))
        try:
            response = await self._keeper.end(self._response, await self._run.outcome())
        except ApiError as error:
            await write(events.interrupt(error.problem.message))
            return
        if response["status"] == "failed":
            await write(events.fail(response))
            return
        await more(text.finish(response["output"][0]["content"][0]["text"]))
        for each in events.complete(response):
            await write(each)
