"""SIGKILL while an answer grows that is longer than a message: each part stands once, or the second one says so."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from adapters.telegram.adapter import MESSAGE_LENGTH
from adapters.telegram.outgoing.message import MARK
from hermes.split import split
from hermes.store.tables.drafts import TAKEN_BACK
from tests.hermes.models.provider import Answer, event, finished, said, serving, stream
from tests.kill.bot import CURSOR, FIRST_USER, Bot, bot
from tests.kill.process import Gateway
from tests.kill.test_telegram import DRAFTS, STREAMING

pytestmark = pytest.mark.kill

# Seconds for one scenario, restarts included, on a machine that is busy with other tests.
WITHIN = 90.0

WORDS = [f"word{number} " for number in range(700)]
TEXT = "".join(WORDS).strip()


def slowly(*pieces: str) -> Answer:
    return stream(*(event(each) for each in (*map(said, pieces), finished(), "[DONE]")), pause=0.1)


PIECES = ["".join(WORDS[start : start + 50]) for start in range(0, len(WORDS), 50)]


@asynccontextmanager
async def growing(gateway: Gateway, *answers: Answer) -> AsyncIterator[Bot]:
    async with serving(*answers) as provider:
        model = f"model: {{base_url: '{provider.url}/v1', default: m}}\n"
        async with bot(gateway, more=STREAMING + model) as chat:
            yield chat


@pytest.mark.parametrize("hit", [1, 2])
@pytest.mark.parametrize("name", DRAFTS)
async def test_a_kill_leaves_each_part_once_or_marked(gateway: Gateway, name: str, hit: int) -> None:
    with trio.fail_after(WITHIN):
        async with growing(gateway, slowly(*PIECES), slowly(*PIECES)) as chat:
            await gateway.start(f"{name}=kill@{hit}", wait=False)
            chat.write("tell me")
            assert await gateway.wait() == -signal.SIGKILL, f"{name} was not reached:\n{gateway.output()}"
            await gateway.start()
            await chat.api.until(lambda: any(text.endswith(TEXT[-20:]) for text in chat.api.said(FIRST_USER)))
            assert await gateway.stop() == 0
            texts = chat.api.said(FIRST_USER)
    marked = [text for text in texts if text.startswith(MARK.strip())]
    ended = [text.removeprefix(MARK).strip() for text in texts if not text.endswith(CURSOR)]
    assert ended == split(TEXT, MESSAGE_LENGTH)
    # A beginning whose id the kill took stays in the chat, so what follows it has to say so.
    assert len(marked) == (name != "draft.after_sent")
    assert len(texts) - len(ended) == (name == "draft.after_send")


async def test_an_answer_that_is_shorter_after_the_kill_takes_back_what_stood_below_it(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        async with growing(gateway, slowly(*PIECES), slowly("Short.")) as chat:
            await gateway.start("draft.after_sent=kill@2", wait=False)
            chat.write("tell me")
            assert await gateway.wait() == -signal.SIGKILL
            await gateway.start()
            taken_back = TAKEN_BACK.strip("_")
            await chat.api.until(lambda: chat.api.said(FIRST_USER) == ["Short.", taken_back])
            assert await gateway.stop() == 0
