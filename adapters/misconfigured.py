"""Stands in the place of a platform whose settings are wrong: says so in the tree, and keeps its messages waiting."""

from typing import NoReturn

import trio
from attrs import frozen

from adapters.contract import AdapterHost, Drafts, Idempotency, Limits, Receipt
from hermes.errors import ConfigError, TransientError
from hermes.events import Draft, Outbound


@frozen
class Misconfigured:
    """The adapter of ``name`` until a person has mended ``error``."""

    name: str
    error: ConfigError

    @property
    def account(self) -> str:
        """None that has messages: which account it would be, the settings do not tell."""
        return ""

    @property
    def limits(self) -> Limits:
        return Limits(message_length=1000, idempotency=Idempotency.NONE, drafts=Drafts.NONE)

    @property
    def probe_interval(self) -> float | None:
        return None

    async def run(self, host: AdapterHost, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Raises ``ConfigError``."""
        await trio.lowlevel.checkpoint()
        raise self.error

    async def send(self, message: Outbound, *, marked: bool = False) -> Receipt:
        await self._wait()

    async def edit(self, message: Outbound, message_id: str) -> Receipt:
        await self._wait()

    async def show_draft(self, draft: Draft) -> None:
        await trio.lowlevel.checkpoint()

    async def probe(self) -> None:
        await self._wait()

    async def _wait(self) -> NoReturn:
        await trio.lowlevel.checkpoint()
        raise TransientError(f"{self.name} is not set up right: {self.error}")
