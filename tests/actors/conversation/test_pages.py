"""A page read in a chat: through the real converter, under the settings that a person would write."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from hermes.config.schema import Web
from hermes.config.variables import Search
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest
from tests.actors.house import house, settings
from tests.actors.scripted import ScriptedModel, echo
from tests.hermes.tools.web.site import answer, serving


async def _reads(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    last = request.messages[-1]
    if last.role is Role.USER:
        call = ToolCall("call1", "web_extract", json.dumps({"urls": [last.content]}))
        yield Completed(Message(Role.ASSISTANT, "", tool_calls=(call,)), Usage())
    else:
        yield Completed(Message(Role.ASSISTANT, last.content), Usage())


@pytest.mark.parametrize(("allowed", "said"), [(("127.0.0.0/8",), "# Tea"), ((), "not on the public internet")])
async def test_a_page_of_the_own_network_is_read_when_the_configuration_allows_it(
    tmp_path: Path, allowed: tuple[str, ...], said: str
) -> None:
    async with (
        serving({"/": answer("<h1>Tea</h1>")}) as site,
        house(tmp_path, settings=settings(web=Web(allowed)), model=ScriptedModel(_reads)) as gateway,
    ):
        await gateway.chat.say("1", site.url())
        assert said in await gateway.chat.answer("1")


@pytest.mark.parametrize("search", [Search(), Search(brave_key="key"), Search(searxng_url="http://127.0.0.1:1")])
async def test_there_is_no_search_without_an_engine(tmp_path: Path, search: Search) -> None:
    model = ScriptedModel(echo)
    async with house(tmp_path, settings=settings(search=search), model=model) as gateway:
        await gateway.chat.say("1", "hello")
        await gateway.chat.answer("1")
    offered = {tool.name for tool in model.asked[0].tools}
    assert "web_extract" in offered
    assert ("web_search" in offered) == (search != Search())
