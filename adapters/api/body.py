"""The body of a request: bounded, and an object of JSON."""

import json
from contextlib import aclosing

import trio
from starlette.requests import ClientDisconnect, Request

from adapters.api.content import Json, section
from adapters.api.problem import ApiError, Problem, bad, too_large

MAX_BODY = 10 * 1024 * 1024
"""Bytes: what the established product takes."""

BODY_WITHIN = 60.0
"""Seconds for a body to arrive whole: 10 MB over a slow link, and no longer for one that never ends."""

IN_A_THREAD = 256 * 1024
"""Bytes from which reading JSON takes so long that others would feel it."""


async def read(request: Request) -> Json:
    """Raises ``ApiError``, and starlette's ``ClientDisconnect`` when the client went away."""
    content = await _content(request)
    try:
        if len(content) < IN_A_THREAD:
            value: object = json.loads(content)
        else:
            value = await trio.to_thread.run_sync(json.loads, content)
    except (ValueError, RecursionError) as error:
        bad(f"the body is not JSON: {error}"[:200], code="invalid_json")
    found = section(value)
    if found is None:
        bad("the body has to be an object of JSON", code="invalid_json")
    return found


async def _content(request: Request) -> bytes:
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > MAX_BODY:
        raise ApiError(_too_large())
    pieces = bytearray()
    with trio.move_on_after(BODY_WITHIN):
        async with aclosing(request.stream()) as stream:
            async for piece in stream:
                pieces += piece
                if len(pieces) > MAX_BODY:
                    raise ApiError(_too_large())
        return bytes(pieces)
    raise ApiError(Problem(408, f"the body did not come within {BODY_WITHIN:g} s", "timeout"))


def _too_large() -> Problem:
    return too_large(f"a request may have {MAX_BODY // (1024 * 1024)} MB")


__all__ = ["ClientDisconnect", "read"]
