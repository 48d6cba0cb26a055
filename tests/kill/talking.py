"""A provider that the gateway is set up for, and a page that stays over its restarts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from tests.hermes.models.provider import Answer, Line, Provider, event, said, serving
from tests.kill.page import Page
from tests.kill.process import Gateway

# Seconds for one scenario, restarts included, on a machine that is busy with other tests.
WITHIN = 120.0


@asynccontextmanager
async def talking(
    gateway: Gateway, *answers: Answer, model: str = "", config: str = ""
) -> AsyncIterator[tuple[Provider, Page]]:
    """``gateway`` is not started yet. ``model`` and ``config`` are further settings: of the model, and lines of their
    own."""
    async with serving(*answers) as provider, trio.open_nursery() as nursery:
        with (gateway.home / "config.yaml").open("a") as file:
            file.write(f"model: {{base_url: '{provider.url}/v1', default: m{model}}}\n{config}")
        page = Page(gateway.port, "chat")
        with trio.fail_after(WITHIN):
            nursery.start_soon(page.run)
            yield provider, page
        nursery.cancel_scope.cancel()


async def never_ending(line: Line) -> None:
    await line.head()
    await line.send(event(said("It begins ")))
    await line.until_closed()
