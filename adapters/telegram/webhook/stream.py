"""The stream of updates by webhook: Telegram asks us, behind whatever speaks TLS for this machine.

Rules:

1. Updates can flow once we listen and Telegram knows where; it keeps what waited. What waits is asked for anew at each
   start, since the pauses between Telegram's own tries have grown to minutes by then.
2. The webhook stays when the stream ends: Telegram keeps the updates for it. Polling takes it away.
3. A look at Telegram's side is a proven round trip, and so is each request with the secret. While updates wait, none
   arrives and Telegram tells of an error, the stream says so and is unhealthy.
4. Whatever ends the stream is raised, a webhook that somebody else has set in the place of ours too: the supervisor
   waits and starts anew.
"""

import logging

import trio
from attrs import define, field

from adapters.contract import AdapterHost
from adapters.telegram.calls import Calls, WebhookState
from adapters.telegram.failures import says
from adapters.telegram.incoming.events import KINDS
from adapters.telegram.incoming.intake import Intake
from adapters.telegram.webhook.door import MOST_AT_A_TIME, WebhookDoor
from adapters.telegram.webhook.settings import HOST, PORT, URL, Webhook
from adapters.web.listen import Keys, listen
from adapters.web.server import serve
from hermes.errors import ConfigError, Refused, TransientError

LOOK_EVERY = 60.0
"""Seconds between two looks at Telegram's side."""

# What Telegram may say of an address that is right (its own words; lower case).
_PASSING = ("resolve", "timed out", "timeout", "try again")

log = logging.getLogger(__name__)


@define(eq=False)
class WebhookStream:
    """One incarnation of it."""

    _settings: Webhook
    _calls: Calls
    _intake: Intake
    _host: AdapterHost
    _heard_since: bool = field(default=False, init=False)
    """Whether anything arrived since the last look."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled. Raises ``ConfigError`` when the port cannot be had or Telegram refuses the address, and
        ``TransientError`` when it cannot be reached, or when the webhook is not ours any more.
        """
        listener = await listen(self._settings.host, self._settings.port, Keys("the webhook", HOST, PORT))
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._serve, listener)
                set_to = await self._set()
                self._host.beat()
                task_status.started()
                await self._watch(set_to)
        finally:
            listener.socket.close()

    async def _serve(self, listener: trio.SocketListener) -> None:
        try:
            await serve(WebhookDoor(self._settings, self._intake, self._heard), listener)
        except OSError as error:
            raise TransientError(f"the webhook can accept no connection: {error.strerror}") from error

    def _heard(self) -> None:
        self._heard_since = True
        self._host.beat()

    async def _set(self) -> str:
        """The address as Telegram writes it."""
        before = await self._calls.webhook()
        if before.url and before.pending:
            await self._calls.delete_webhook()
        try:
            await self._calls.set_webhook(self._settings.url, self._settings.secret, KINDS, most=MOST_AT_A_TIME)
        except Refused as refusal:
            if says(refusal, *_PASSING):
                raise TransientError(str(refusal)) from None
            raise ConfigError(f"{URL}: {refusal}", key=URL) from None
        return (await self._calls.webhook()).url

    async def _watch(self, set_to: str) -> None:
        while True:
            self._heard_since = False
            await trio.sleep(LOOK_EVERY)
            state = await self._calls.webhook()
            if state.url != set_to:
                raise TransientError(
                    "another program receives this bot's messages: it has taken the webhook away. End it, or use "
                    "another token"
                )
            self._judge(state)

    def _judge(self, state: WebhookState) -> None:
        if state.pending and state.error and not self._heard_since:
            self._host.retrying(f"Telegram cannot hand over {state.pending} updates: {state.error}")
        else:
            self._host.beat()
