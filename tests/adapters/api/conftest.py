"""The interface on the page's port, over a whole tree with a real store and a model by script."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import frozen

from actors.conversation.services import Platform
from actors.tree import Attached
from adapters.api.adapter import ApiAdapter
from adapters.api.adapter import create as create_api
from adapters.api.settings import ApiSettings
from adapters.web.adapter import WebAdapter
from adapters.web.adapter import create as create_page
from adapters.web.settings import WebSettings
from hermes.config.schema import Settings
from hermes.models.contract import ChatModel
from tests.actors.house import House, house
from tests.actors.house import settings as configuration

KEY = "sesame-open"


@frozen
class Served:
    """A gateway whose interface is served, and a client of it that shows the key where there is one."""

    house: House
    page: WebAdapter
    api: ApiAdapter
    client: httpx.AsyncClient

    def count(self, table: str) -> int:
        """Rows of a table of the store."""
        return len(self.rows(f"SELECT 1 FROM {table}"))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.house.folder / "home/state.db")) as connection:
            return connection.execute(query).fetchall()


@asynccontextmanager
async def serving(
    folder: Path,
    *,
    key: str | None = None,
    settings: ApiSettings | None = None,
    configured: Settings | None = None,
    **rest: Any,
) -> AsyncIterator[Served]:
    """``configured`` and ``rest`` are the house's."""
    api = create_api(settings or ApiSettings(keyed=key is not None))
    page = create_page(WebSettings(port=0, key=key, require_key=key is not None), api)
    neighbours = (
        Attached(page, Platform("web", owner=True, message_length=2000, every_command=key is None)),
        Attached(
            api,
            Platform("api_server", owner=True, message_length=4_000_000, every_command=key is None, attended=False),
            on="web",
        ),
    )
    async with house(folder, neighbours=neighbours, settings=configured or configuration(), **rest) as running:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        async with httpx.AsyncClient(base_url=page.address, headers=headers, timeout=60, trust_env=False) as client:
            yield Served(running, page, api, client)


Serve = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """``serve(model=..., key=..., settings=...)``; again over the same home it is a restart."""

    def over(model: ChatModel | None = None, **rest: Any) -> AbstractAsyncContextManager[Served]:
        return serving(tmp_path, model=model, **rest)

    return over


def user(text: str, **more: Any) -> dict[str, Any]:
    """A body that asks one thing."""
    return {"model": "any", "messages": [{"role": "user", "content": text}], **more}
