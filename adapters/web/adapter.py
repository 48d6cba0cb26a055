"""The page as a chat platform.

Rules:

1. The transcript is the durable copy of whatever is sent: a send needs no open page, and a page that comes back draws
   itself anew. So every key is recognised for good, and nothing is ever ambiguous.
2. ``run`` owns the socket and every connection on it; when it ends, none is left.
3. Nobody writes to us by themselves, so a round trip is a connection to our own port.
"""

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

import trio
from attrs import define, evolve, field

from adapters.contract import AdapterHost, Drafts, Idempotency, Limits, Receipt
from adapters.web.beside import Beside
from adapters.web.chats import ACCOUNT, PLATFORM, entry_of_outbound
from adapters.web.hub import Hub
from adapters.web.listen import PAGE, Keys, listen
from adapters.web.protocol import Message
from adapters.web.settings import WebSettings
from hermes.errors import ConfigError, Refused, TransientError
from hermes.events import Draft, Outbound, OutboundKind
from hermes.hiding import IMPORTING

if TYPE_CHECKING:
    from starlette.types import ASGIApp

MESSAGE_LENGTH = 100_000
"""Characters of one message: a browser lays out this much text at once; a longer answer comes in parts."""

PROBE_INTERVAL = 30.0
"""Seconds between two connections to ourselves: a deaf page is noticed within a minute."""

PROBE_LIMIT = 5.0
"""Seconds for a connection on this machine to be answered, however busy it is."""

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@define(eq=False)
class WebAdapter:
    """The one account of this platform: the page itself."""

    _settings: WebSettings
    _beside: Beside | None = None
    _hub: Hub = field(factory=Hub, init=False)
    _port: int | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        return PLATFORM

    @property
    def account(self) -> str:
        return ACCOUNT

    @property
    def limits(self) -> Limits:
        return Limits(
            message_length=MESSAGE_LENGTH, idempotency=Idempotency.TRANSACTION, drafts=Drafts.EPHEMERAL, buttons=True
        )

    @property
    def probe_interval(self) -> float | None:
        return PROBE_INTERVAL

    @property
    def keyless(self) -> bool:
        """True when whoever writes has proven nothing: what is dangerous needs a word of theirs each time."""
        return not self._settings.key_required

    @property
    def port(self) -> int | None:
        """The port that is being listened on, or None while ``run`` does not listen."""
        return self._port

    @property
    def address(self) -> str:
        """What to type into a browser."""
        host = _reachable(self._settings.host)
        port = self._settings.port if self._port is None else self._port
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    async def run(self, host: AdapterHost, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen and serve until cancelled; then every page is told, and what is left after some seconds is cut.

        Raises ``ConfigError`` when the port cannot be had, and ``TransientError`` when no connection can be accepted
        any more.
        """
        keys = Keys(PAGE.name, self._settings.host_key, self._settings.port_key)
        listener = await listen(self._settings.host, self._settings.port, keys)
        self._port = int(listener.socket.getsockname()[1])
        try:
            app = await trio.to_thread.run_sync(self._application, host, self._port)
            from adapters.web.server import serve

            task_status.started()
            await serve(app, listener)
        except OSError as error:
            raise TransientError(f"the page can accept no connection: {error.strerror}") from error
        finally:
            self._port = None
            listener.socket.close()

    async def send(self, message: Outbound, *, marked: bool = False) -> Receipt:
        """Show a message on every open page of its chat. Raises ``Refused`` for one beyond ``limits``."""
        if len(message.text) > MESSAGE_LENGTH:
            raise Refused(f"a message of {len(message.text)} characters; the page takes {MESSAGE_LENGTH}")
        await trio.lowlevel.checkpoint()
        chat = message.source.chat_id
        if message.kind is OutboundKind.ANSWER:
            self._hub.settle(chat, message.turn_id)
        self._hub.publish(chat, Message(chat, entry_of_outbound(message, time.time()), marked))
        return Receipt(message.key)

    async def edit(self, message: Outbound, message_id: str) -> Receipt:
        """Show a message in the place of the one with the key ``message_id``."""
        return await self.send(evolve(message, key=message_id))

    async def show_draft(self, draft: Draft) -> None:
        await trio.lowlevel.checkpoint()
        self._hub.show(draft)

    async def probe(self) -> None:
        """Connect to our own port and ask for /health. Raises ``TransientError`` when no answer comes."""
        if self._port is None:
            raise TransientError("the page does not listen")
        try:
            with trio.fail_after(PROBE_LIMIT):
                answer = await _ask_health(_reachable(self._settings.host), self._port)
        except trio.TooSlowError:
            raise TransientError(f"the page did not answer itself within {PROBE_LIMIT:g} s") from None
        except (OSError, trio.BrokenResourceError) as error:
            raise TransientError(f"the page cannot be reached: {error}") from error
        if not answer.startswith(f"HTTP/1.1 {HTTPStatus.OK} ".encode()):
            raise TransientError(f"the page answered itself by {answer[:40]!r}")

    def _application(self, host: AdapterHost, port: int) -> "ASGIApp":
        """In a thread (see site.py)."""
        with IMPORTING:
            from adapters.web.site import application

        return application(self._settings, self._hub, host, port, self._beside)


def create(settings: WebSettings, beside: Beside | None = None) -> WebAdapter:
    """The page, not yet listening, and what is served on its port besides.

    Raises ``ConfigError`` when it has to ask for a key and none is set.
    """
    if settings.key_required and not settings.key:
        others = "others than you may write to a chat platform of it, or it is managed"
        why = others if settings.loopback else f"{settings.host_key} is {settings.host}, which other machines reach"
        raise ConfigError(f"the page needs a key ({why}): set API_SERVER_KEY in .env", key="API_SERVER_KEY")
    if not 0 <= settings.port <= 65535:
        raise ConfigError(f"{settings.port_key} is {settings.port}: a port is 0 to 65535", key=settings.port_key)
    return WebAdapter(settings, beside)


def _reachable(host: str) -> str:
    """An address at which this machine reaches what listens on ``host``."""
    name = host.strip("[]")
    return _ANYWHERE.get(name, name)


async def _ask_health(host: str, port: int) -> bytes:
    stream = await trio.open_tcp_stream(host, port)
    async with stream:
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        await stream.send_all(f"GET /health HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n".encode("ascii"))
        # The status line is short: one read holds it, or the connection ended.
        return bytes(await stream.receive_some(256))
