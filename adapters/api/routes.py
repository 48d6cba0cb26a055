"""What answers on the interface's paths, once the door has let a request in.

A handler raises ``ApiError`` for what it refuses, which becomes the answer here. A bug ends its own request with 500
and is logged.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager

from attrs import define, field, frozen
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.api.problem import SERVER, ApiError, Problem, busy
from adapters.api.writing import BoundedSend
from adapters.web.server import transport_of

MAX_REQUESTS = 64
"""Requests in hand at one time, whatever they want: each may hold a body of 10 MB while it is read."""

Handler = Callable[[Request], Awaitable[ASGIApp]]
"""Answers a request by a response; the groups of its path are the request's ``path_params``."""

log = logging.getLogger(__name__)


@frozen
class Path:
    """A path and what answers there, by method."""

    pattern: re.Pattern[str]
    handlers: dict[str, Handler]


def path(pattern: str, **handlers: Handler) -> Path:
    """``pattern`` is a regular expression for all of the path."""
    return Path(re.compile(pattern), handlers)


@define(eq=False)
class Api:
    """The interface, behind its door."""

    _paths: Sequence[Path]
    _in_hand: Callable[[], AbstractContextManager[None]]
    """Entered while a request is answered."""
    _open: int = field(default=0, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        send = BoundedSend(send, transport_of(scope).cut)
        if self._open >= MAX_REQUESTS:
            await busy(f"{MAX_REQUESTS} requests are open").response()(scope, receive, send)
            return
        self._open += 1
        try:
            with self._in_hand():
                answer = await self._answer(Request(scope, receive))
                await answer(scope, receive, send)
        except ClientDisconnect:
            log.debug("a client went away before it was answered")
        finally:
            self._open -= 1

    async def _answer(self, request: Request) -> ASGIApp:
        try:
            return await self._handler(request)(request)
        except ApiError as error:
            return error.problem.response()
        except ClientDisconnect:
            raise
        except Exception:
            log.exception("a request to %s failed", request.scope["path"])
            # What was done before the bug would be done again.
            return Problem(500, "a bug of ours ended the request; it is in the log", "internal_error", type=SERVER,
                           headers={"x-should-retry": "false"}).response()  # fmt: skip

    def _handler(self, request: Request) -> Handler:
        """Raises ``ApiError`` when nothing answers there."""
        # The path that the door has judged: the one of ``request.url`` can be another, by a Host that holds one. Some
        # clients end each path with a slash.
        asked = str(request.scope["path"]).removesuffix("/")
        for each in self._paths:
            match = each.pattern.fullmatch(asked)
            if match is None:
                continue
            handler = each.handlers.get(request.method)
            if handler is None:
                allowed = ", ".join(each.handlers)
                raise ApiError(
                    Problem(405, f"{request.method} is not for this path", "method_not_allowed",
                            headers={"allow": allowed})
                )  # fmt: skip
            request.scope["path_params"] = match.groupdict()
            return handler
        raise ApiError(Problem(404, f"nothing answers at {asked[:200]}", "unknown_url"))
