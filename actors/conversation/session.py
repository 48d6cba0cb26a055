"""What stands before a turn in each of its requests: the session's frozen prompt and its transcript so far."""

from collections.abc import Mapping

import trio
from attrs import frozen

from actors.conversation.services import Services, readers
from hermes.agent.compression import Gauge
from hermes.agent.prompt import with_instructions
from hermes.errors import ConfigError
from hermes.messages import Message
from hermes.store.requests import INSTRUCTIONS
from hermes.store.rows import Turn


@frozen
class Prefix:
    """Byte-identical from turn to turn but for what was said since, and for a compression."""

    system: str
    before: tuple[Message, ...]
    """What stands before the messages of the turn."""
    covered: int
    """The first so many messages of the turn are told of in ``before`` already."""
    states: Mapping[str, str]
    """What the session kept when it was read."""


class Session:
    """Reads the prefix of each turn.

    The transcript is read anew for each: a command may have taken an exchange back, and a session that a terminal has
    resumed is talked to by two programs. So nothing of it stays in memory between turns.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._session_id = ""
        self._system = ""
        self.gauge = Gauge()

    async def prefix(self, turn: Turn) -> Prefix:
        """What comes before ``turn``. Raises ``ConfigError`` when no prompt can be made."""
        store, lease = self._services.store, turn.lease
        if lease.session_id != self._session_id:
            self._system = await store.freeze_prompt(lease.session_id, await self._build(turn))
            self._session_id = lease.session_id
        context = await store.model_context(lease.session_id, lease.turn_id)
        return Prefix(self._system, context.before, context.covered, context.states)

    async def _build(self, turn: Turn) -> str:
        outlets, event = self._services.outlets, turn.rows[-1].event
        platform, audience = outlets.platform(event.source), readers(outlets, event)
        instructions = await self._services.store.get_state(turn.lease.session_id, INSTRUCTIONS)
        try:
            prompt = await trio.to_thread.run_sync(self._services.build_prompt, platform, audience)
        except OSError as error:
            what = error.filename or "a file of the prompt"
            raise ConfigError(f"{what} cannot be read: {error.strerror or error}") from error
        return with_instructions(prompt, instructions or "")
