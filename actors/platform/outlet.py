"""The way out of one platform account, as conversations see it: nudges for its delivery actor, and the latest draft
of each chat."""

import trio

from actors.conversation.services import Platform
from actors.messages import LOOK, Look
from actors.platform.drafts import DraftBoard
from actors.platform.late import LateEdits
from actors.runtime import Address
from adapters.contract import Adapter, Ambiguous
from hermes.errors import Refused
from hermes.events import Draft, Outbound, Source


class Outlet:
    """One account's."""

    def __init__(
        self, adapter: Adapter, platform: Platform, delivery: Address[Look], drafts: DraftBoard, late: LateEdits
    ) -> None:
        self.adapter = adapter
        self.platform = platform
        self._delivery = delivery
        self._drafts = drafts
        self._late = late

    async def edit(self, message: Outbound, message_id: str) -> None:
        try:
            await self.adapter.edit(message, message_id)
        except (Ambiguous, trio.Cancelled):
            self._late.note((message.source.chat_id, message_id))
            raise

    def look(self) -> None:
        # A full mailbox holds a nudge already, and one is as good as many.
        self._delivery.tell_nowait(LOOK)

    def show(self, draft: Draft) -> None:
        self._drafts.put(draft)


class Outlets:
    """All accounts', by platform and account: the conversations' ``Outlets`` port."""

    def __init__(self, outlets: dict[tuple[str, str], Outlet]) -> None:
        self._outlets = outlets

    def look(self, source: Source) -> None:
        if outlet := self._of(source):
            outlet.look()

    def look_everywhere(self) -> None:
        for outlet in self._outlets.values():
            outlet.look()

    def show(self, draft: Draft) -> None:
        if outlet := self._of(draft.source):
            outlet.show(draft)

    async def send(self, message: Outbound) -> str:
        receipt = await self._connected(message).adapter.send(message)
        return receipt.message_id

    async def edit(self, message: Outbound, message_id: str) -> None:
        await self._connected(message).edit(message, message_id)

    def platform(self, source: Source) -> Platform:
        outlet = self._of(source)
        return outlet.platform if outlet else _unknown(source)

    def _connected(self, message: Outbound) -> Outlet:
        outlet = self._of(message.source)
        if outlet is None:
            raise Refused(f"{message.source.platform} is not connected")
        return outlet

    def _of(self, source: Source) -> Outlet | None:
        # A platform that is no longer configured has rows and no outlet: they wait in the store.
        return self._outlets.get((source.platform, source.account))


def _unknown(source: Source) -> Platform:
    """A platform that was configured when the message came, and is no longer."""
    return Platform(hint=source.platform, owner=False, message_length=4000, every_command=True)
