import weakref
from collections.abc import Callable

import pytest
import trio
from attrs import frozen
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.runtime import Address, ChildSpec, Context, Reply, Restart, What
from actors.runtime.ask import Asked, ask
from hermes.errors import ActorCrashed, HermesError, Refused, Unavailable
from tests.actors.runtime.stage import Puppet, Stage, acting, resting, supervisor


@frozen
class Question:
    text: str
    reply: Reply[str]


async def oracle(context: Context[Question], *, task_status: trio.TaskStatus[None]) -> None:
    """Answers by the text of the question."""
    task_status.started()
    kept: list[Question] = []
    async for question in context.mailbox:
        match question.text:
            case "crash":
                raise ValueError("bug")
            case "return":
                return
            case "keep":
                kept.append(question)
            case "refuse":
                question.reply.fail(Refused("too large"))
            case "twice":
                question.reply.answer("first")
                question.reply.answer("second")
                question.reply.fail(Refused("third"))
            case "slow":
                await trio.sleep(60)
                question.reply.answer("late")
            case text:
                question.reply.answer(f"{text} at {context.attempt}")


def asking(text: str) -> Callable[[Reply[str]], Question]:
    return lambda reply: Question(text, reply)


ORACLE = ChildSpec("oracle", oracle, mailbox=2)


def oracle_of(stage: Stage) -> Address[Question]:
    return stage.root.address("oracle")  # type: ignore[attr-defined, no-any-return]


async def test_an_ask_brings_the_answer(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ORACLE)) as stage:
        assert await oracle_of(stage).ask(asking("yes"), within=1) == "yes at 0"


async def test_the_first_settlement_wins_and_later_ones_do_nothing(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ORACLE)) as stage:
        assert await oracle_of(stage).ask(asking("twice"), within=1) == "first"
        assert stage.told(What.RESTARTING) == []


async def test_what_the_actor_fails_it_with_is_raised_in_the_asker(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ORACLE)) as stage:
        with pytest.raises(Refused, match="too large"):
            await oracle_of(stage).ask(asking("refuse"), within=1)


@pytest.mark.parametrize("text", ["refuse", "slow"])
async def test_a_failed_ask_leaves_nothing_to_the_garbage_collector(
    text: str, autojump_clock: MockClock, uncollected: None
) -> None:
    slots: list[weakref.ref[Reply[str]]] = []

    def make(reply: Reply[str]) -> Question:
        slots.append(weakref.ref(reply))
        return Question(text, reply)

    async with acting(supervisor(ORACLE)) as stage:
        failed = False
        try:
            await oracle_of(stage).ask(make, within=1)
        except HermesError:
            failed = True
        await trio.sleep(100)
        # It has received something else, which its frame holds now.
        await oracle_of(stage).ask(asking("next"), within=1)
        assert failed
        assert slots[0]() is None


async def test_past_its_deadline_an_ask_is_unavailable_and_its_slot_abandoned(autojump_clock: MockClock) -> None:
    slots: list[Reply[str]] = []

    def make(reply: Reply[str]) -> Question:
        slots.append(reply)
        return Question("slow", reply)

    async with acting(supervisor(ORACLE)) as stage:
        began = trio.current_time()
        with pytest.raises(Unavailable, match=r"root/oracle did not answer within 5 s"):
            await oracle_of(stage).ask(make, within=5)
        assert trio.current_time() - began == 5
        assert slots[0].abandoned
        await trio.sleep(100)
        assert await oracle_of(stage).ask(asking("still there"), within=1) == "still there at 0"


async def test_the_deadline_covers_the_wait_for_room(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ORACLE)) as stage:
        address = oracle_of(stage)
        for _ in range(3):
            with pytest.raises(Unavailable):
                await address.ask(asking("slow"), within=1)
        with pytest.raises(Unavailable, match="within 1 s"):
            await address.ask(asking("no room"), within=1)
        assert stage.status("oracle").mailbox is not None


async def test_an_answer_that_stands_when_the_deadline_strikes_counts(autojump_clock: MockClock) -> None:
    async def put_too_slowly(asked: Asked) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(6)
        asked.reply.answer("just in time")

    assert await ask(put_too_slowly, asking("anything"), 5.0, "root/oracle") == "just in time"


async def test_an_ask_in_hand_at_a_crash_has_an_unknown_outcome(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ORACLE)) as stage:
        with pytest.raises(ActorCrashed, match="root/oracle ended before it answered"):
            await oracle_of(stage).ask(asking("crash"), within=1)


async def test_asks_taken_earlier_fail_with_the_crash_too(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ORACLE)) as stage:
        address = oracle_of(stage)
        async with trio.open_nursery() as nursery:

            async def ask_and_lose() -> None:
                with pytest.raises(ActorCrashed):
                    await address.ask(asking("keep"), within=1)

            nursery.start_soon(ask_and_lose)
            await wait_all_tasks_blocked()
            with pytest.raises(ActorCrashed):
                await address.ask(asking("crash"), within=1)


async def test_an_ask_in_the_queue_is_answered_by_the_next_incarnation(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ORACLE)) as stage:
        address = oracle_of(stage)
        answers: list[str] = []

        async def ask_while_it_crashes() -> None:
            answers.append(await address.ask(asking("queued"), within=10))

        async with trio.open_nursery() as nursery:
            assert address.tell_nowait(Question("crash", Reply()))
            nursery.start_soon(ask_while_it_crashes)
        assert answers == ["queued at 1"]


@pytest.mark.parametrize("restart", [Restart.TRANSIENT, Restart.TEMPORARY])
async def test_after_a_child_is_done_asks_and_tells_are_unavailable(
    restart: Restart, autojump_clock: MockClock
) -> None:
    async with acting(supervisor(ChildSpec("oracle", oracle, restart))) as stage:
        address = oracle_of(stage)
        with pytest.raises(ActorCrashed):
            await address.ask(asking("return"), within=1)
        for _ in range(2):
            with pytest.raises(Unavailable, match="root/oracle is gone"):
                await address.ask(asking("anyone?"), within=1)
        with pytest.raises(Unavailable):
            await address.tell(Question("anyone?", Reply()))
        with pytest.raises(Unavailable):
            address.tell_nowait(Question("anyone?", Reply()))


async def test_an_ask_that_waits_in_the_queue_when_the_child_goes_is_unavailable(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ChildSpec("oracle", oracle, Restart.TEMPORARY))) as stage:
        address = oracle_of(stage)
        assert address.tell_nowait(Question("return", Reply()))
        with pytest.raises(Unavailable, match="root/oracle is gone"):
            await address.ask(asking("too late"), within=60)
        assert autojump_clock.current_time() < 1


async def test_a_cancelled_ask_is_abandoned_and_disturbs_nobody(autojump_clock: MockClock) -> None:
    slots: list[Reply[str]] = []

    def make(reply: Reply[str]) -> Question:
        slots.append(reply)
        return Question("keep", reply)

    async with acting(supervisor(ORACLE)) as stage:
        with trio.move_on_after(1) as cancelled:
            await oracle_of(stage).ask(make, within=60)
        assert cancelled.cancelled_caught
        assert slots[0].abandoned
        assert await oracle_of(stage).ask(asking("next"), within=1) == "next at 0"


async def test_an_ask_abandoned_before_it_was_received_is_in_nobodys_hands(autojump_clock: MockClock) -> None:
    puppet = Puppet()
    async with acting(supervisor(ChildSpec("puppet", puppet, mailbox=4))) as stage:
        address = stage.root.address("puppet")  # type: ignore[attr-defined]
        await address.tell(resting(10))
        with pytest.raises(Unavailable):
            await address.ask(asking("slow"), within=1)
        await trio.sleep(20)
        assert puppet.context.mailbox.quiet
