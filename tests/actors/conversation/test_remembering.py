"""Notes over sessions and people: what is kept counts for the next session, and for nobody else."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from attrs import define, evolve

from hermes.config.schema import Memory
from hermes.events import ChatType, Inbound, InboundKind
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest
from tests.actors.house import Chat, house, settings
from tests.actors.scripted import ScriptedModel, echo


async def _keeps(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    """Notes down whatever a person says."""
    last = request.messages[-1]
    if last.role is Role.USER:
        arguments = json.dumps({"action": "add", "target": "user", "content": last.content})
        call = ToolCall(f"call{len(request.messages)}", "memory", arguments)
        yield Completed(Message(Role.ASSISTANT, "", tool_calls=(call,)), Usage())
    else:
        yield Completed(Message(Role.ASSISTANT, last.content), Usage())


async def _told(gateway: Any, event_id: str, text: str, chat: str = "c", **rest: Any) -> str:
    await gateway.chat.say(event_id, text, chat, **rest)
    answer: str = await gateway.chat.answer(event_id)
    return answer


async def test_a_note_counts_for_the_next_session_and_leaves_the_running_prompt_as_it_is(tmp_path: Path) -> None:
    model = ScriptedModel(_keeps)
    async with house(tmp_path, model=model) as gateway:
        assert (await _told(gateway, "1", "Likes tea.")).startswith("Done. USER.md has 1 entry")
        await _told(gateway, "2", "No sugar.")
    async with house(tmp_path, model=model) as gateway:
        await _told(gateway, "3", "Has two cats.")
        before = {request.system for request in model.asked}
        await _told(gateway, "4", "/new", kind=InboundKind.COMMAND)
        await _told(gateway, "5", "Speaks German.")
    assert len(before) == 1
    assert "Likes tea." not in before.pop()
    assert "# The person\nLikes tea.\n§\nNo sugar.\n§\nHas two cats." in model.asked[-1].system
    kept = (tmp_path / "home" / "memories" / "USER.md").read_text()
    assert kept == "Likes tea.\n§\nNo sugar.\n§\nHas two cats.\n§\nSpeaks German.\n"


@define(eq=False)
class Party(Chat):
    """Chats of several people: the chat's name is the group and who writes, ``group/user``."""

    def event(self, event_id: str, text: str, chat: str = "c", **rest: Any) -> Inbound:
        event = super().event(event_id, text, chat, **rest)
        group, _, user = chat.partition("/")
        source = evolve(event.source, chat_id=group, chat_type=ChatType.GROUP, user_id=user)
        return evolve(event, source=source)


async def test_in_shared_chats_nobody_learns_what_another_circle_keeps(tmp_path: Path) -> None:
    model = ScriptedModel(_keeps)
    async with house(tmp_path, model=model) as gateway:
        await _told(gateway, "1", "The owner's secret.")
    async with house(tmp_path, chat=Party(), model=model) as gateway:
        await _told(gateway, "2", "Ada's secret.", "family/ada")
        await _told(gateway, "3", "Bob's secret.", "family/bob")
        for number, chat in enumerate(("family/ada", "family/bob", "friends/ada")):
            await _told(gateway, f"new{number}", "/new", chat, kind=InboundKind.COMMAND)
            await _told(gateway, f"next{number}", "Hello.", chat)
    ada, bob, friends = (
        next(request.system for request in model.asked[first:] if request.messages[-1].content == "Hello.")
        for first in (6, 8, 10)
    )
    for system in (ada, bob, friends):
        assert "The owner's secret." not in system
    assert ("Ada's secret." in ada, "Bob's secret." in ada) == (True, False)
    assert ("Ada's secret." in bob, "Bob's secret." in bob) == (False, True)
    assert "secret" not in friends


async def test_without_notes_there_is_no_tool_for_them_and_a_prompt_without_them(tmp_path: Path) -> None:
    model = ScriptedModel(echo)
    async with house(tmp_path, settings=settings(memory=Memory(False, False)), model=model) as gateway:
        (tmp_path / "home" / "memories" / "MEMORY.md").write_text("Likes tea.")
        await _told(gateway, "1", "Hello.")
    assert "memory" not in {tool.name for tool in model.asked[0].tools}
    assert "Likes tea" not in model.asked[0].system
