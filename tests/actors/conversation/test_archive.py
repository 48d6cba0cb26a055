"""Which earlier conversations those who read along may find."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from attrs import evolve

from actors.conversation.archive import StoredArchive
from hermes.audience import Audience
from hermes.events import ChatType, InboundKind
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest
from tests.actors.house import house
from tests.actors.scripted import ScriptedModel
from tests.actors.stores import open_store
from tests.hermes.store.builders import SOURCE, exchange

ADA, BOB = evolve(SOURCE, user_id="ada"), evolve(SOURCE, user_id="bob", chat_id="bobs")
OTHER = evolve(ADA, platform="irc")
GROUP = evolve(ADA, chat_type=ChatType.GROUP)
EVERYBODY = {"ada", "bob", "irc", "group"}


@pytest.mark.parametrize(
    ("audience", "found"),
    [
        (Audience("web", "ada"), {"ada"}),
        (Audience("web", "bob"), {"bob"}),
        (Audience("irc", "ada"), {"irc"}),
        (Audience("web", ""), set[str]()),
        (Audience("web", "ada", owner=True), {"ada"}),
        (Audience("web", "ada", shared="group"), {"group"}),
        (Audience("web", "bob", shared="group"), {"group"}),
        (Audience("web", "ada", shared="another"), set[str]()),
        (Audience("terminal", "owner", owner=True, proven=True), EVERYBODY),
    ],
)
async def test_each_circle_finds_its_own_conversations(tmp_path: Path, audience: Audience, found: set[str]) -> None:
    async with open_store(tmp_path) as store:
        for name, source in (("ada", ADA), ("bob", BOB), ("irc", OTHER), ("group", GROUP)):
            await exchange(store, name, f"harbour of {name}", "aye", key=name, source=source)
        archive = StoredArchive(store, audience, "none")
        hits = await archive.search("harbour", roles=("user",), limit=10)
        latest = await archive.recent(limit=10)
    assert {hit.snippet.rpartition(" ")[2] for hit in hits} == found
    assert {one.snippet.rpartition(" ")[2] for one in latest} == found


async def test_the_running_session_is_left_out(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        turn = await exchange(store, "1", "harbour", "aye")
        archive = StoredArchive(store, Audience("web", "ada"), turn.lease.session_id)
        assert await archive.search("harbour", roles=(), limit=10) == ()
        assert await archive.recent(limit=10) == ()


async def _searches(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    last = request.messages[-1]
    if last.role is Role.USER and last.content.startswith("find "):
        call = ToolCall("call1", "session_search", json.dumps({"query": last.content.removeprefix("find ")}))
        yield Completed(Message(Role.ASSISTANT, "", tool_calls=(call,)), Usage())
    else:
        yield Completed(Message(Role.ASSISTANT, last.content), Usage())


async def test_what_was_said_before_new_is_found_again_in_a_chat(tmp_path: Path) -> None:
    async with house(tmp_path, model=ScriptedModel(_searches)) as gateway:
        for event_id, text in (("1", "The harbour lies north."), ("2", "/new")):
            kind = InboundKind.COMMAND if text == "/new" else InboundKind.MESSAGE
            await gateway.chat.say(event_id, text, kind=kind)
            await gateway.chat.answer(event_id)
        for event_id, query in (("3", "harbour"), ("4", 'har* OR "'), ("5", "AND NOT ((* :^ harbour")):
            await gateway.chat.say(event_id, f"find {query}")
            assert "The >>>harbour<<< lies north." in await gateway.chat.answer(event_id)
