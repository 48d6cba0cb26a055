"""The adapter before a server whose answers make no sense: what became of a call is unknown, and nothing crashes."""

from typing import Any

import pytest

from adapters.contract import Ambiguous
from hermes.errors import RateLimited, TransientError
from tests.adapters.fakehost import outbound
from tests.adapters.telegram.botapi import OWNER
from tests.adapters.telegram.faults import saying, telling
from tests.adapters.telegram.scenes import SESSION, SOURCE, scene

CHAT = {"id": OWNER, "type": "private"}

NONSENSE = [
    [],
    [{"result": True}],
    {"ok": True, "description": "done"},
    *(
        {"ok": True, "result": result}
        for result in (
            None,
            False,
            [],
            [1],
            {},
            "sent",
            {"message_id": "seven", "date": 1, "chat": CHAT},
            {"date": 1, "chat": CHAT},
            {"message_id": 7, "date": "today", "chat": CHAT},
            {"message_id": 7, "date": 10**30, "chat": CHAT},
            {"message_id": 7, "date": 1, "chat": []},
            {"message_id": 7, "date": 1, "chat": {"id": 1}},
        )
    ),
]


@pytest.mark.parametrize("answer", NONSENSE, ids=repr)
@pytest.mark.parametrize("method", ["sendMessage", "editMessageText"])
async def test_an_answer_that_is_none_to_what_was_asked_leaves_its_outcome_unknown(method: str, answer: Any) -> None:
    async with scene() as it:
        it.api.fail(method, telling(answer))

        async def send_and_edit() -> None:
            receipt = await it.send("hello")
            await it.adapter.edit(outbound(SOURCE, SESSION, "hello you"), receipt.message_id)

        with pytest.raises(Ambiguous) as caught:
            await send_and_edit()
        assert type(caught.value) is Ambiguous
        assert it.api.said() == ["hello" if method == "sendMessage" else "hello you"]


@pytest.mark.parametrize("result", [None, True, [], {"id": "me"}, {"id": 1, "is_bot": True, "first_name": None}])
async def test_who_does_not_say_who_the_bot_is_is_asked_again_later(result: Any) -> None:
    async with scene() as it:
        it.api.fail("getMe", telling({"ok": True, "result": result}))
        assert type(await it.run()) is Ambiguous


@pytest.mark.parametrize("answer", [{"ok": True, "description": "done"}, {"ok": False, "description": ["no"]}])
async def test_an_answer_to_a_poll_without_a_result_is_the_worlds_fault(answer: Any) -> None:
    async with scene() as it:
        it.api.fail("getUpdates", telling(answer))
        assert isinstance(await it.run(), TransientError)


async def test_a_refusal_whose_words_make_no_sense_is_none() -> None:
    async with scene() as it:
        for body in ({"description": 7}, {"description": "moved", "parameters": [1]}):
            it.api.fail("sendMessage", saying(400, body))
            with pytest.raises(Ambiguous):
                await it.send("hello")


@pytest.mark.parametrize("pause", ["1e999", "1" + "0" * 400, "NaN", '"soon"'])
async def test_a_pause_without_an_end_is_a_short_one(pause: str) -> None:
    async with scene() as it:
        it.api.fail("sendMessage", saying(429, f'{{"parameters": {{"retry_after": {pause}}}}}'))
        with pytest.raises(RateLimited) as caught:
            await it.send("hello")
        assert caught.value.retry_after <= 1.0
