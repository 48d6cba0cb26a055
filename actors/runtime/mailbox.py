"""Mailboxes: a bounded trio memory channel that the supervisor owns and each incarnation gets a receiving end of.

1. The channel belongs to the child, not to its incarnation: senders never notice a crash, and what was not received
   yet is received by the next incarnation, in order.
2. A mailbox is memory, not a journal. A message that was received is gone when its incarnation ends; the asks among
   those fail with ``ActorCrashed``.
3. The bound pushes back: ``put`` waits while the mailbox is full.
4. When the child is gone for good the channel closes: waiting and later senders learn it, asks in the queue fail with
   ``Unavailable``, other messages in the queue are dropped.
5. The end of an incarnation closes its receiving end, and so does a granted passivation: from then on it yields the
   end of the channel, and no message can slip into hands that are about to let go.
"""

from typing import Generic, Never, TypeVar, cast

import trio
from attrs import define, field

from actors.runtime.ask import Asked, Reply
from hermes.errors import ActorCrashed, Unavailable

M_co = TypeVar("M_co", covariant=True)

# Mailboxes hold nudges ("look at the journal"), not work: a longer queue would only hide a slow actor for longer.
DEFAULT_BOUND = 64


@define(eq=False, repr=False)
class Mailbox(Generic[M_co]):
    """The receiving side for one incarnation: ``async for message in mailbox``, or one of the methods."""

    _channel: trio.MemoryReceiveChannel[object]
    bound: int
    """Messages that fit before senders wait."""
    touched: bool = field(default=False, init=False)
    """The runtime's: this incarnation has received something."""
    _receiving: int = field(default=0, init=False)
    _in_hand: set[Reply[object]] | None = field(default=None, init=False)

    @property
    def depth(self) -> int:
        """Messages in the queue, at most ``bound``; those of senders that wait for room are not among them."""
        return self._channel.statistics().current_buffer_used

    async def receive(self) -> M_co:
        """The next message, in order of arrival. Cancelled, it leaves the message in the queue.

        Raises ``trio.EndOfChannel`` once this incarnation has ended or its passivation was granted.
        """
        self._receiving += 1
        try:
            item = await self._channel.receive()
        except trio.ClosedResourceError:
            raise trio.EndOfChannel from None
        finally:
            self._receiving -= 1
        return self._take(item)

    def receive_nowait(self) -> M_co:
        """The next message; ``trio.WouldBlock`` when there is none, ``trio.EndOfChannel`` as ``receive``."""
        try:
            item = self._channel.receive_nowait()
        except trio.ClosedResourceError:
            raise trio.EndOfChannel from None
        return self._take(item)

    def drain_nowait(self, limit: int) -> list[M_co]:
        """What waits now, at most ``limit`` messages. Empty when nothing waits or the mailbox has ended."""
        messages: list[M_co] = []
        while len(messages) < limit:
            try:
                messages.append(self.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                break
        return messages

    def __aiter__(self) -> "Mailbox[M_co]":
        return self

    async def __anext__(self) -> M_co:
        try:
            return await self.receive()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None

    @property
    def quiet(self) -> bool:
        """The runtime's: nothing queued, no sender waiting, nothing on its way to a receiver, no ask in hand."""
        channel = self._channel.statistics()
        on_its_way = self._receiving - channel.tasks_waiting_receive
        return not (channel.current_buffer_used or channel.tasks_waiting_send or on_its_way or self._in_hand)

    def settled(self, reply: Reply[object]) -> None:
        """The runtime's: an ask in hand was answered or given up."""
        if self._in_hand is not None:
            self._in_hand.discard(reply)

    def close(self) -> None:
        """The runtime's: no further message comes out of this end."""
        self._channel.close()

    def end(self, whose: str) -> None:
        """The runtime's: the incarnation has ended; the asks in its hands fail."""
        self.close()
        in_hand, self._in_hand = self._in_hand, None
        for reply in in_hand or ():
            reply.fail(ActorCrashed(f"{whose} ended before it answered"))

    def _take(self, item: object) -> M_co:
        self.touched = True
        # The one cast from what senders put in to what the actor declared: the address carries the same type.
        if type(item) is not Asked:
            return cast(M_co, item)
        if item.reply.taken_by(self):
            if self._in_hand is None:
                self._in_hand = set()
            self._in_hand.add(item.reply)
        return cast(M_co, item.message)


@define(eq=False, repr=False)
class Queue:
    """The channel behind a child's mailboxes, in its supervisor's hands."""

    bound: int
    _send: trio.MemorySendChannel[object] = field(init=False)
    _receive: trio.MemoryReceiveChannel[object] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[object](self.bound)

    async def put(self, item: object) -> None:
        """Add ``item``, waiting for room. Cancelled, it has added nothing.

        Raises ``trio.BrokenResourceError`` or ``trio.ClosedResourceError`` when the child is gone for good.
        """
        await self._send.send(item)

    def put_nowait(self, item: object) -> bool:
        """Add ``item`` if there is room, else False. Raises as ``put``."""
        try:
            self._send.send_nowait(item)
        except trio.WouldBlock:
            return False
        return True

    @property
    def depth(self) -> int:
        return self._send.statistics().current_buffer_used

    def open_mailbox(self) -> Mailbox[Never]:
        """A receiving end for one incarnation. ``Mailbox[Never]`` is a mailbox of any messages."""
        return Mailbox(self._receive.clone(), self.bound)

    def close(self, whose: str) -> None:
        """The child is gone for good: rule 4."""
        # The sending end goes first: a sender that waits for room shall learn it, not succeed into a queue that is
        # dropped.
        self._send.close()
        while True:
            try:
                item = self._receive.receive_nowait()
            except (trio.EndOfChannel, trio.ClosedResourceError):
                break
            if type(item) is Asked:
                item.reply.fail(Unavailable(f"{whose} is gone"))
        self._receive.close()

    def reopen(self) -> None:
        """A child that was gone is wanted again: addresses serve once more."""
        self.__attrs_post_init__()
