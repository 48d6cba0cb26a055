"""What the chat learns of a call of the model: its words, not its thoughts, and its failures with their remedy."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from actors.platform.drafts import DraftBoard
from hermes.errors import AuthError, ConfigError, HermesError, Refused
from hermes.events import Draft
from hermes.messages import Message, Role, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest, ReasoningDelta, TextDelta
from tests.actors.house import house
from tests.actors.scripted import ScriptedModel


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (AuthError("401"), "cannot be used with its key: 401"),
        (ConfigError("no such model"), "not set up right: no such model"),
        (Refused("too long"), "did not answer: too long"),
    ],
)
async def test_a_failure_of_the_model_is_told_with_its_remedy_and_the_chat_goes_on(
    tmp_path: Path, error: HermesError, told: str
) -> None:
    async def fail_once(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if len(model.asked) == 1:
            raise error
        yield Completed(Message(Role.ASSISTANT, "well again"), Usage())

    model = ScriptedModel(fail_once)
    async with house(tmp_path, model=model) as gateway:
        await gateway.chat.say("1", "hello")
        assert told in await gateway.chat.answer("1")
        await gateway.chat.say("2", "hello")
        assert await gateway.chat.answer("2") == "well again"
        assert gateway.children()["conversations/session:c"].restarts == 0


async def test_what_a_model_thinks_is_shown_to_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put, drafts = DraftBoard.put, list[str]()

    def watched(self: DraftBoard, draft: Draft) -> None:
        drafts.append(draft.text)
        put(self, draft)

    async def think(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        yield ReasoningDelta("a thought ")
        yield TextDelta("an answer")
        yield Completed(Message(Role.ASSISTANT, "an answer", reasoning="a thought"), Usage())

    monkeypatch.setattr(DraftBoard, "put", watched)
    async with house(tmp_path, model=ScriptedModel(think)) as gateway:
        await gateway.chat.say("1", "hello")
        assert await gateway.chat.answer("1") == "an answer"
    assert "an answer" in drafts
    assert not any("thought" in draft for draft in drafts)
