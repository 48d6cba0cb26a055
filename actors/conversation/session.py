"""What a conversation keeps in memory of its session: the frozen prompt and the transcript before the running turn."""

import trio

from actors.conversation.services import Services
from hermes.messages import Message
from hermes.store.interface import Turn


class SessionMemory:
    """Loaded at the first turn, extended by each, dropped when a command changes the transcript."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._session_id: str = ""
        self.system: str = ""
        self.history: list[Message] = []

    async def prepare(self, turn: Turn) -> None:
        """Make prompt and history those of the turn's session."""
        if turn.lease.session_id == self._session_id:
            return
        store, lease = self._services.store, turn.lease
        platform = self._services.outlets.platform(turn.rows[-1].event.source)
        built = await trio.to_thread.run_sync(self._services.build_prompt, platform)
        self.system = await store.freeze_prompt(lease.session_id, built)
        self.history = list(await store.history(lease.session_id, before_turn=lease.turn_id))
        self._session_id = lease.session_id

    def extend(self, messages: tuple[Message, ...]) -> None:
        """A turn is over: what it said is history."""
        self.history.extend(messages)

    def forget(self) -> None:
        """The stored transcript changed: read it anew before the next turn."""
        self._session_id = ""
        self.history = []
