"""The interface for programs as a chat platform.

Rules:

1. It has no socket of its own: the page's port serves it (``adapters.web.beside``), while ``run`` makes its requests
   durable and follows them to their answers.
2. The answer is read from the store. A send is a nudge to whoever waits; nobody has to, so nothing is ever ambiguous
   and every key is recognised for good.
3. Nobody can be asked here, and messages of one session wait for each other (``Platform.attended`` of the
   conversations).
"""

from typing import TYPE_CHECKING

import trio
from attrs import define, field

from adapters.api.chats import ACCOUNT, PLATFORM
from adapters.api.desk import Desk
from adapters.api.runs import Runs
from adapters.api.settings import ApiSettings
from adapters.contract import AdapterHost, Drafts, Idempotency, Limits, Receipt
from adapters.web.login import Gatekeeper
from hermes.errors import Refused
from hermes.events import Draft, Outbound

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from adapters.web.guard import Bound

MESSAGE_LENGTH = 4_000_000
"""Characters of one answer: no model writes as much, so that an answer is one part; a bound all the same."""


TOLD_WITHIN = 2.0
"""Seconds for those who wait to take what they are told at the end: then the port may be closed below them."""


@define(eq=False)
class ApiAdapter:
    """The one account of this platform. Also what is served ``Beside`` the page."""

    _settings: ApiSettings
    _desk: Desk = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._desk = Desk(self._settings)

    @property
    def name(self) -> str:
        return PLATFORM

    @property
    def account(self) -> str:
        return ACCOUNT

    @property
    def limits(self) -> Limits:
        return Limits(
            message_length=MESSAGE_LENGTH, idempotency=Idempotency.TRANSACTION, drafts=Drafts.EPHEMERAL, buttons=False
        )

    @property
    def probe_interval(self) -> float | None:
        """None: the page proves the port."""
        return None

    async def run(self, host: AdapterHost, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow requests until cancelled; those that wait are then told their answer, or to come back for it."""
        try:
            async with trio.open_nursery() as nursery:
                runs = Runs(host, nursery.start_soon, self._settings.max_runs)
                self._desk.host, self._desk.runs = host, runs
                try:
                    task_status.started()
                    await trio.sleep_forever()
                finally:
                    self._desk.host = self._desk.runs = None
                    runs.close()
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + TOLD_WITHIN):
                await self._desk.until_answered()

    async def send(self, message: Outbound, *, marked: bool = False) -> Receipt:
        """Tell those who wait for it. Raises ``Refused`` for one beyond ``limits``."""
        if len(message.text) > MESSAGE_LENGTH:
            raise Refused(f"a message of {len(message.text)} characters; the interface takes {MESSAGE_LENGTH}")
        await trio.lowlevel.checkpoint()
        if self._desk.runs is not None:
            self._desk.runs.sent(message)
        return Receipt(message.key)

    async def edit(self, message: Outbound, message_id: str) -> Receipt:
        """As ``send``: what is shown is read from the store."""
        return await self.send(message)

    async def show_draft(self, draft: Draft) -> None:
        await trio.lowlevel.checkpoint()
        if self._desk.runs is not None:
            self._desk.runs.show(draft)

    async def probe(self) -> None:
        await trio.lowlevel.checkpoint()

    def serves(self, path: str) -> bool:
        return path.removesuffix("/") in {"/v1", "/health/detailed"} or path.startswith("/v1/")

    def application(self, gatekeeper: Gatekeeper, bound: "Bound") -> "ASGIApp":
        from adapters.api.site import application

        return application(self._desk, gatekeeper, bound)


def create(settings: ApiSettings) -> ApiAdapter:
    """The interface, not yet running."""
    return ApiAdapter(settings)
