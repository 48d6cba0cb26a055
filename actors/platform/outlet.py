"""The way out of one platform account, as conversations see it: nudges for its delivery actor, and the latest draft
of each chat."""

import trio

from actors.conversation.services import Platform
from actors.messages import LOOK, Look
from actors.runtime import Address
from hermes.events import Draft, Source

# Chats that may have a draft waiting to be shown; beyond it drafts are skipped, which loses nothing but the view.
MAX_DRAFTS = 1024


class DraftBoard:
    """The newest draft of each turn, until the pump shows it. Latest wins."""

    def __init__(self) -> None:
        self._waiting: dict[str, Draft] = {}
        self._news = trio.Event()

    def put(self, draft: Draft) -> None:
        if draft.turn_id in self._waiting or len(self._waiting) < MAX_DRAFTS:
            self._waiting[draft.turn_id] = draft
            self._news.set()

    async def take(self) -> list[Draft]:
        """Wait until there is one, and take them all."""
        await self._news.wait()
        self._news = trio.Event()
        drafts = list(self._waiting.values())
        self._waiting.clear()
        return drafts


class Outlet:
    """One account's."""

    def __init__(self, platform: Platform, delivery: Address[Look], drafts: DraftBoard) -> None:
        self.platform = platform
        self._delivery = delivery
        self._drafts = drafts

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

    def show(self, draft: Draft) -> None:
        if outlet := self._of(draft.source):
            outlet.show(draft)

    def platform(self, source: Source) -> Platform:
        outlet = self._of(source)
        return outlet.platform if outlet else _unknown(source)

    def _of(self, source: Source) -> Outlet | None:
        # A platform that is no longer configured has rows and no outlet: they wait in the store.
        return self._outlets.get((source.platform, source.account))


def _unknown(source: Source) -> Platform:
    """A platform that was configured when the message came, and is no longer."""
    return Platform(hint=source.platform, owner=False, message_length=4000, every_command=True)
