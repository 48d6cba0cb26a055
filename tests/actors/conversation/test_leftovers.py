"""What has ended is gone by itself: a turn in a cycle would stay in memory with its messages until it is collected."""

import gc
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest
import trio

from actors.conversation.growing import GrowingAnswer
from actors.conversation.running import RunningTurn
from hermes.agent.turn import TurnMachine
from hermes.config.schema import Agent
from hermes.errors import Refused, TransientError
from hermes.models.contract import ModelPiece, ModelRequest, TextDelta
from tests.actors.conversation.test_growing import growing
from tests.actors.house import house, settings
from tests.actors.scripted import ScriptedModel

Gone = Callable[[], Awaitable[None]]

ENDED = RunningTurn | TurnMachine | GrowingAnswer


def kept() -> list[object]:
    return [one for one in gc.get_objects() if isinstance(one, ENDED)]


@pytest.fixture
def until_gone(uncollected: None) -> Gone:
    """Wait until the turns of this test are gone."""
    # A test that failed is kept with all that it had.
    others = {id(one) for one in kept()}

    async def wait() -> None:
        # A turn answers before its tasks have ended.
        with trio.move_on_after(5):
            while any(id(one) not in others for one in kept()):
                await trio.sleep(0.01)
            return
        pytest.fail("turns are left to the garbage collector", pytrace=False)

    return wait


@pytest.mark.parametrize("text", ["say hello", "count to 6 slowly"])
async def test_a_turn_is_gone_when_it_has_ended(tmp_path: Path, text: str, until_gone: Gone) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", text)
        await gateway.chat.answer("1")
        await until_gone()


async def test_a_turn_that_asked_and_ran_a_tool_is_gone_too(tmp_path: Path, until_gone: Gone) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "run echo hello")
        await gateway.chat.press(await gateway.chat.question(), "once")
        await gateway.chat.answer("1")
        await until_gone()


async def test_a_turn_whose_answer_grew_is_gone_too(tmp_path: Path, until_gone: Gone) -> None:
    async with growing(tmp_path) as (_, chat):
        await chat.say("e1", "count to 6 slowly")
        await chat.until_shown("1 2 3 4 5 6")
        await until_gone()


@pytest.mark.parametrize("error", [Refused, TransientError])
async def test_a_turn_that_failed_is_gone_too(
    tmp_path: Path, error: type[Exception], caplog: pytest.LogCaptureFixture, until_gone: Gone
) -> None:
    async def fail(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        raise error("it is down")
        yield TextDelta("")

    # pytest keeps what is logged, and with it the error.
    caplog.set_level(logging.CRITICAL + 1, "actors.conversation.model_call")
    once = settings(agent=Agent(api_max_retries=0))
    async with house(tmp_path, model=ScriptedModel(fail), settings=once) as gateway:
        await gateway.chat.say("1", "hello")
        await gateway.chat.answer("1")
        await until_gone()


async def test_a_turn_that_was_stopped_is_gone_too(tmp_path: Path, until_gone: Gone) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "count to 500 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        await gateway.chat.say("2", "/stop")
        await gateway.chat.answer("1")
        await until_gone()
