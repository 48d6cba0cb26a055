"""The terminal as a chat platform.

Rules:

1. What is typed is durable before it is shown as sent. While the store does not take it, it is offered again, under
   the same id, until it does.
2. What a terminal shows lives as long as its process: a new one draws itself from the transcript. So a message whose
   key this process has shown, or found in the transcript that it drew, is shown already, and a repeated key is the
   same message for good.
3. A message counts as delivered when the view has taken it over: a terminal that is stopped (Ctrl-S) or slow delays
   nobody, and what a killed one had not painted stands in the transcript.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol

import trio
from attrs import define, field

from adapters.contract import AdapterHost, Drafts, Idempotency, Limits, Receipt
from adapters.terminal.chats import PLATFORM
from adapters.terminal.outgoing import Outgoing
from hermes.errors import ActorCrashed, Refused, TransientError, Unavailable
from hermes.events import Draft, Inbound, Outbound

# Seconds between two tries to make a message durable.
RETRY = 0.5

# Keys that are remembered: a row is repeated within moments of its first send, never thousands of messages later.
MAX_SHOWN = 4096

LIMITS = Limits(
    # A terminal scrolls: an answer is one message, whatever a model can write at once.
    message_length=1_000_000,
    idempotency=Idempotency.TRANSACTION,
    drafts=Drafts.EPHEMERAL,
)


class View(Protocol):
    """What the person sees. Only ``opened`` and ``show_draft`` raise, and only what the host raises to them."""

    async def opened(self, host: AdapterHost) -> Iterable[str]:
        """The chat can be read and written. Draws what it holds, the first time; returns the keys that stand there."""
        ...

    async def show(self, message: Outbound) -> None:
        """Take over a message."""
        ...

    async def show_draft(self, draft: Draft) -> None: ...

    async def accepted(self, event: Inbound) -> None:
        """It is durable: it was sent."""
        ...

    async def delayed(self, event: Inbound, why: str) -> None:
        """It is not durable yet, and is offered again."""
        ...

    async def refused(self, event: Inbound, why: str) -> None:
        """It will never be taken."""
        ...


@define(eq=False)
class TerminalAdapter:
    """One terminal: ``adapters.contract.Adapter``."""

    account: str
    view: View
    outgoing: Outgoing
    connected: bool = field(default=False, init=False)
    """Whether it has run: then the store was there."""
    _shown: OrderedDict[str, None] = field(factory=OrderedDict[str, None], init=False)

    @property
    def name(self) -> str:
        return PLATFORM

    @property
    def limits(self) -> Limits:
        return LIMITS

    @property
    def probe_interval(self) -> float | None:
        return None

    async def run(self, host: AdapterHost, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take what is typed until cancelled; what was in hand then is offered by the next run."""
        self._remember(await self.view.opened(host))
        self.connected = True
        task_status.started()
        while True:
            await self._offer(host, await self.outgoing.first())

    async def send(self, message: Outbound, *, marked: bool = False) -> Receipt:
        """Show a message once, however often it comes. ``marked`` has no meaning here (rule 2).

        Raises ``Refused`` for one that is too long.
        """
        if len(message.text) > LIMITS.message_length:
            raise Refused(f"{len(message.text)} characters are more than a terminal shows ({LIMITS.message_length})")
        if message.key not in self._shown:
            self._remember((message.key,))
            await self.view.show(message)
        return Receipt(message.key)

    async def edit(self, message: Outbound, message_id: str) -> Receipt:
        """What was printed stays. Nothing asks for this, as drafts are no messages here."""
        raise Refused("a terminal does not change what it has shown")

    async def show_draft(self, draft: Draft) -> None:
        await self.view.show_draft(draft)

    async def probe(self) -> None:
        """There is no connection that could be deaf."""

    async def _offer(self, host: AdapterHost, event: Inbound) -> None:
        while True:
            try:
                await host.accept(event)
            except (TransientError, Unavailable, ActorCrashed) as error:
                await self.view.delayed(event, str(error))
                await trio.sleep(RETRY)
            except Refused as error:
                self.outgoing.drop(event)
                await self.view.refused(event, str(error))
                return
            else:
                self.outgoing.drop(event)
                await self.view.accepted(event)
                return

    def _remember(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._shown[key] = None
        while len(self._shown) > MAX_SHOWN:
            self._shown.popitem(last=False)
