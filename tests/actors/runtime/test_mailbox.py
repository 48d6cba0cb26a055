import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors.runtime.ask import Asked, Reply
from actors.runtime.mailbox import Mailbox, Queue
from hermes.errors import ActorCrashed, Unavailable


@pytest.fixture
def queue() -> Queue:
    return Queue(2)


async def fill(queue: Queue, *items: object) -> None:
    for item in items:
        assert queue.put_nowait(item)


async def test_messages_come_out_in_order_one_way_or_another(queue: Queue) -> None:
    mailbox: Mailbox[str] = queue.open_mailbox()
    await fill(queue, "a", "b")
    assert (mailbox.depth, mailbox.bound) == (2, 2)
    assert await mailbox.receive() == "a"
    assert mailbox.receive_nowait() == "b"
    with pytest.raises(trio.WouldBlock):
        mailbox.receive_nowait()


async def test_draining_takes_what_waits_up_to_its_limit(queue: Queue) -> None:
    mailbox: Mailbox[str] = queue.open_mailbox()
    await fill(queue, "a", "b")
    assert mailbox.drain_nowait(1) == ["a"]
    assert mailbox.drain_nowait(9) == ["b"]
    assert mailbox.drain_nowait(9) == []


async def test_a_full_mailbox_pushes_back(queue: Queue) -> None:
    await fill(queue, "a", "b")
    assert not queue.put_nowait("c")
    with trio.move_on_after(0.01) as waited:
        await queue.put("c")
    assert waited.cancelled_caught
    mailbox: Mailbox[str] = queue.open_mailbox()
    assert mailbox.drain_nowait(9) == ["a", "b"]


async def test_what_was_not_received_is_there_for_the_next_incarnation(queue: Queue) -> None:
    await fill(queue, "a", "b")
    first: Mailbox[str] = queue.open_mailbox()
    assert await first.receive() == "a"
    first.end("root/x")
    second: Mailbox[str] = queue.open_mailbox()
    assert await second.receive() == "b"


async def test_a_mailbox_whose_incarnation_has_ended_yields_the_end(queue: Queue) -> None:
    mailbox: Mailbox[str] = queue.open_mailbox()
    mailbox.end("root/x")
    await fill(queue, "late")
    with pytest.raises(trio.EndOfChannel):
        await mailbox.receive()
    with pytest.raises(trio.EndOfChannel):
        mailbox.receive_nowait()
    assert mailbox.drain_nowait(9) == []
    assert [message async for message in mailbox] == []
    assert queue.depth == 1


async def test_closing_wakes_a_task_that_waits_to_receive(queue: Queue) -> None:
    mailbox: Mailbox[str] = queue.open_mailbox()
    seen: list[str] = []

    async def listen() -> None:
        seen.extend([message async for message in mailbox])
        seen.append("end")

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await queue.put("a")
            await wait_all_tasks_blocked()
            mailbox.close()
    assert seen == ["a", "end"]


async def test_an_ask_in_hand_fails_with_its_incarnation_and_one_in_the_queue_does_not(queue: Queue) -> None:
    in_hand, queued = Reply[object](), Reply[object]()
    await fill(queue, Asked("a", in_hand), Asked("b", queued))
    mailbox: Mailbox[str] = queue.open_mailbox()
    assert await mailbox.receive() == "a"
    mailbox.end("root/x")
    with pytest.raises(ActorCrashed, match="root/x ended before it answered"):
        await in_hand.outcome()
    assert not queued.settled


async def test_gone_for_good_fails_the_asks_in_the_queue_and_refuses_what_comes_later(queue: Queue) -> None:
    queued = Reply[object]()
    await fill(queue, Asked("a", queued), "b")
    refused: list[str] = []

    async def send_more() -> None:
        try:
            await queue.put("c")
        except trio.ClosedResourceError:
            refused.append("c")

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_more)
            await wait_all_tasks_blocked()
            queue.close("root/x")
    assert refused == ["c"]
    with pytest.raises(Unavailable, match="root/x is gone"):
        await queued.outcome()
    with pytest.raises(trio.ClosedResourceError):
        queue.put_nowait("d")
    queue.close("root/x")


async def test_a_reopened_queue_serves_again(queue: Queue) -> None:
    queue.close("root/x")
    queue.reopen()
    await queue.put("a")
    assert await queue.open_mailbox().receive() == "a"


def quiet(mailbox: Mailbox[str]) -> bool:
    return mailbox.quiet


async def test_quiet_means_nothing_queued_waiting_on_its_way_or_in_hand(queue: Queue) -> None:
    mailbox: Mailbox[str] = queue.open_mailbox()
    assert quiet(mailbox)
    await fill(queue, "a")
    assert not quiet(mailbox)
    await mailbox.receive()
    assert quiet(mailbox)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mailbox.receive)
        await wait_all_tasks_blocked()
        assert quiet(mailbox)
        # Handed over to the waiting task, which has not run yet: in no queue, and in nobody's hands.
        await fill(queue, "b")
        assert mailbox.depth == 0
        assert not quiet(mailbox)
    assert quiet(mailbox)
    reply = Reply[object]()
    await fill(queue, Asked("ask", reply))
    mailbox.receive_nowait()
    assert not quiet(mailbox)
    reply.answer(None)
    assert quiet(mailbox)
