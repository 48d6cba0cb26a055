"""SIGKILL with Telegram between: nothing is lost, and what stands twice says so."""

import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from hermes.failpoints import FAILPOINTS
from tests.kill.bot import FIRST_USER, Bot, bot
from tests.kill.process import Gateway

pytestmark = pytest.mark.kill

# Seconds for one scenario, restarts included, on a machine that is busy with other tests.
WITHIN = 120.0

CONVERSATIONS = 50

# An answer, a tool with its question, a tool without one.
SAID = ("say hello", "run touch ran.txt; chmod 777 ran.txt; echo ran >> ran.txt", "todo a; b")

# A point that is also passed before the first message is armed for later hits.
LATER = {"store.before_commit": (1, 3, 5), "store.after_commit": (1, 3, 5)}

DRAFTS = ("draft.after_begin", "draft.after_send", "draft.after_sent")

# These are reached in tests/kill/test_patch.py, tests/kill/test_compression.py, and below.
ELSEWHERE = ("patch.", "compression.", "draft.")

CASES = [(name, hit) for name in sorted(FAILPOINTS) if not name.startswith(ELSEWHERE) for hit in LATER.get(name, (1,))]

STREAMING = "streaming: {enabled: true, edit_interval: 0.05, buffer_threshold: 1}\n"


async def _say_all(chat: Bot) -> None:
    for text in SAID:
        await chat.until_answered(chat.write(text))


@pytest.mark.parametrize(("name", "hit"), CASES)
async def test_a_kill_at_a_failpoint_loses_nothing_and_doubles_nothing_unmarked(
    gateway: Gateway, name: str, hit: int
) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway) as chat, trio.open_nursery() as nursery:
            await gateway.start(f"{name}=kill@{hit}", wait=False)
            nursery.start_soon(_say_all, chat)
            assert await gateway.wait() == -signal.SIGKILL, f"{name} was not reached:\n{gateway.output()}"
            await gateway.start()
            while len(chat.said_by_people()) < len(SAID) or chat.count()["lost"]:
                await chat.api.change()
            await gateway.kill()
            polls = len(chat.api.of("getUpdates"))
            await gateway.start()
            await chat.api.until(lambda: len(chat.api.of("getUpdates")) > polls + 1)
    assert chat.count() == {"messages": 3, "lost": 0, "doubled": 0, "out of order": 0}
    ran = gateway.home / "ran.txt"
    assert not ran.exists() or ran.read_text() in {"", "ran\n"}


@pytest.mark.parametrize("name", [*DRAFTS, "turn.before_finish", "turn.after_finish", "outbox.after_send"])
async def test_a_kill_while_an_answer_grows_leaves_one_answer_or_a_marked_one(gateway: Gateway, name: str) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway, more=STREAMING) as chat:
            await gateway.start(f"{name}=kill", wait=False)
            asked = chat.write("count to 8 slowly")
            assert await gateway.wait() == -signal.SIGKILL, f"{name} was not reached:\n{gateway.output()}"
            await gateway.start()
            assert (await chat.until_answered(asked)).endswith("8")
            assert await gateway.stop() == 0
    assert chat.count() == {"messages": 1, "lost": 0, "doubled": 0, "out of order": 0}
    # A beginning whose id the kill took stays in the chat, so the answer below it has to say so.
    assert chat.marked() == (name in {"draft.after_begin", "draft.after_send"})


async def test_what_no_bot_needs_of_its_library_is_not_in_memory(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway) as chat:
            await gateway.start()
            await chat.until_answered(chat.write("say hello"))
            assert "cryptography" not in Path(f"/proc/{gateway.process.pid}/maps").read_text()
            assert await gateway.stop() == 0


async def test_an_answer_grows_by_edits_of_one_message(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway, more=STREAMING) as chat:
            await gateway.start()
            asked = chat.write("count to 8 slowly")
            await chat.until_answered(asked)
            assert await gateway.stop() == 0
    assert len(chat.api.by_bot(FIRST_USER)) == 1
    assert len(chat.api.of("sendMessage")) == 1
    assert len(chat.api.of("editMessageText")) > 2


async def test_what_was_written_while_the_gateway_was_down_is_answered(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway) as chat:
            written = [chat.write(f"say {number}") for number in range(20)]
            await gateway.start()
            for message_id in written:
                await chat.until_answered(message_id)
            assert await gateway.stop() == 0
    assert chat.count() == {"messages": 20, "lost": 0, "doubled": 0, "out of order": 0}
    assert chat.api.token not in gateway.output()
    logs = "".join(path.read_text() for path in (gateway.home / "logs").iterdir())
    assert chat.api.token not in logs
    assert chat.api.token.partition(":")[2] not in logs


async def _round(chat: Bot, user: int, number: int) -> None:
    """One message a conversation: the next is written once this one is answered."""
    await chat.until_answered(chat.write(f"count to {3 + number % 5} slowly", user), user)


async def _kill_rounds(gateway: Gateway, chat: Bot, kills: int, seed: int) -> None:
    moments = random.Random(seed)
    users = range(FIRST_USER, FIRST_USER + CONVERSATIONS)
    await gateway.start()
    for number in range(kills):
        with trio.fail_after(WITHIN):
            async with trio.open_nursery() as talking:
                for user in users:
                    talking.start_soon(_round, chat, user, number)
                await trio.sleep(moments.uniform(0.0, 0.8))
                await gateway.kill()
                await gateway.start()
    assert await gateway.stop() == 0


async def _prove(gateway: Gateway, kills: int, seed: int, streaming: bool) -> tuple[dict[str, int], dict[str, int]]:
    """What went wrong, and what the chats were told of."""
    more = f"streaming: {{enabled: {str(streaming).lower()}, edit_interval: 0.2}}\n"
    async with bot(gateway, CONVERSATIONS, more) as chat:
        await _kill_rounds(gateway, chat, kills, seed)
        return chat.count(), {"marked": chat.marked(), "given up": chat.given_up()}


@pytest.mark.parametrize("streaming", [False, True])
async def test_random_kills_lose_nothing_and_double_nothing_unmarked(gateway: Gateway, streaming: bool) -> None:
    found, _ = await _prove(gateway, 5, seed=1 + streaming, streaming=streaming)
    assert found == {"messages": 5 * CONVERSATIONS, "lost": 0, "doubled": 0, "out of order": 0}


@pytest.mark.proof
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("seed", range(10))
async def test_five_hundred_random_kills_lose_nothing_and_double_nothing_unmarked(
    gateway: Gateway, seed: int, streaming: bool, record_property: Callable[[str, object], None]
) -> None:
    found, told = await _prove(gateway, 25, seed=2000 + seed, streaming=streaming)
    for name, value in {"kills": 25, **found, **told}.items():
        record_property(name, value)
    assert found == {"messages": 25 * CONVERSATIONS, "lost": 0, "doubled": 0, "out of order": 0}
