"""A request that waits for the end of its run, as long as somebody waits for it."""

import trio
from starlette.requests import ClientDisconnect, Request

from adapters.api.runs import Run


async def until_ended(run: Run, request: Request) -> None:
    """Wait for the end of a run. Raises ``ClientDisconnect`` when nobody waits with us; the run goes on."""
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone = True
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await run.ended.wait()
        nursery.cancel_scope.cancel()
    if gone:
        raise ClientDisconnect
