"""Telegram as a chat platform.

Rules:

1. ``run`` polls, or is called by a webhook; what it took is in the inbox before the server is told so (intake.py). What
   an earlier process was still fetching is taken up before events can flow (files.py).
2. Telegram knows no key of a message, so one whose request was lost may stand in the chat already, and is sent again
   only with a mark that says so.
3. ``send`` and ``edit`` work whether or not ``run`` does: each has connections of its own.
4. A draft is shown as a sign that the bot is at work (presence.py). Where answers are streamed, the conversation
   itself sends the beginning of one and edits it.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio
from attrs import define, field

# First of all: the library stays small that way.
from adapters.telegram import lean as lean  # isort: skip

from adapters.contract import AdapterHost, Drafts, Idempotency, Limits, Receipt
from adapters.telegram.calls import Calls
from adapters.telegram.chats import PLATFORM
from adapters.telegram.failures import Migrated, PollConflict, says
from adapters.telegram.incoming.access import Me
from adapters.telegram.incoming.events import Reader
from adapters.telegram.incoming.files import Files
from adapters.telegram.incoming.intake import Intake
from adapters.telegram.incoming.polling import Polling, first
from adapters.telegram.incoming.presses import Presses
from adapters.telegram.outgoing.asides import Asides
from adapters.telegram.outgoing.message import MARK, TELEGRAM_LENGTH, Outgoing, outgoing, upload
from adapters.telegram.outgoing.presence import Presence
from adapters.telegram.outgoing.reactions import Reactions
from adapters.telegram.outgoing.uploads import Uploads
from adapters.telegram.settings import TelegramSettings
from hermes.errors import HermesError, Refused
from hermes.events import Draft, Outbound, OutboundKind
from hermes.sendable import NOTHING, Sendable
from hermes.split import units

MESSAGE_LENGTH = TELEGRAM_LENGTH - len(MARK)
"""What is left of it where the mark of a repetition may stand before it."""

DEAF_AFTER = 75.0
"""Seconds without an answer to a poll: three deadlines of a poll, and less than the 90 s of a deaf channel."""

WEBHOOK_DEAF_AFTER = 90.0
"""The same where updates come by webhook: a look at its state each minute, and the time of its request."""

_Done = TypeVar("_Done")

log = logging.getLogger(__name__)


@define(eq=False)
class TelegramAdapter:
    """One bot."""

    _settings: TelegramSettings
    _cache: Path
    """Where the files of messages are kept."""
    _sendable: Sendable
    _commands: Sequence[tuple[str, str]] = ()
    _calls: Calls = field(init=False)
    _presence: Presence = field(init=False)
    _uploads: Uploads = field(init=False)
    _reactions: Reactions = field(init=False)
    _files: Files = field(init=False)
    _me: Me | None = field(default=None, init=False)
    _offered: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._calls = Calls.of(self._settings)
        self._presence = Presence(self._calls)
        self._uploads = Uploads(self._calls, self._sendable)
        self._reactions = Reactions(self._calls)
        self._files = Files(self._calls, self._cache)

    @property
    def name(self) -> str:
        return PLATFORM

    @property
    def account(self) -> str:
        return self._settings.account

    @property
    def limits(self) -> Limits:
        return Limits(
            message_length=MESSAGE_LENGTH,
            idempotency=Idempotency.NONE,
            drafts=Drafts.EDITS if self._settings.streaming else Drafts.ACTIVITY,
            buttons=True,
            utf16=True,
            deaf_after=DEAF_AFTER if self._settings.webhook is None else WEBHOOK_DEAF_AFTER,
            files=True,
        )

    @property
    def probe_interval(self) -> float | None:
        """None: each answer to a poll is a proven round trip."""
        return None

    async def run(self, host: AdapterHost, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take updates until cancelled. Raises ``TransientError`` when Telegram cannot be reached or another program
        takes them, ``AuthError`` when the token is not (or no longer) good, and what webhook.py raises.
        """
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._files.run, host)
                await nursery.start(self._receive, host, nursery)
                task_status.started()
                nursery.start_soon(self._presence.run)
                if self._settings.reactions:
                    nursery.start_soon(self._reactions.run)
                nursery.start_soon(self._offer_commands)
        finally:
            await self._calls.renew()

    async def send(self, message: Outbound, *, marked: bool = False) -> Receipt:
        """See the contract. ``Ambiguous`` when the answer was lost."""
        _check_length(message)
        if message.kind is OutboundKind.ANSWER:
            self._presence.stop(message.source, message.turn_id)
        return Receipt(await _followed(message, self._delivering(message, marked=marked)))

    async def edit(self, message: Outbound, message_id: str) -> Receipt:
        """See the contract. A message that reads so already is one that was edited; none becomes a file."""
        _check_length(message)
        if message.file:
            raise Refused("a file cannot take the place of a text")
        self._presence.stop(message.source, message.turn_id)
        ready = outgoing(message, self._settings.reply_to, marked=False)
        try:
            await _followed(message, partial(self._edit_or_plain, message_id=message_id, ready=ready))
        except Refused as refusal:
            if not says(refusal, "message is not modified"):
                raise
        return Receipt(message_id)

    async def show_draft(self, draft: Draft) -> None:
        await trio.lowlevel.checkpoint()
        self._presence.show(draft)
        self._reactions.show(draft)

    async def probe(self) -> None:
        await trio.lowlevel.checkpoint()

    async def _receive(self, host: AdapterHost, nursery: trio.Nursery, *, task_status: trio.TaskStatus[None]) -> None:
        if self._settings.webhook is not None:
            # Only now: it takes the page's server, which whoever polls may not have.
            from adapters.telegram.webhook.stream import WebhookStream

            intake = self._intake(await self._who(), host, nursery)
            await self._files.take_up(host, self.account)
            await WebhookStream(self._settings.webhook, self._calls, intake, host).run(task_status=task_status)
            return
        me, found = await self._connected(host)
        await self._files.take_up(host, self.account)
        task_status.started()
        await Polling(self._calls, self._intake(me, host, nursery), host).run(found)

    async def _who(self) -> Me:
        if self._me is None:
            self._me = await self._calls.me()
        return self._me

    async def _connected(self, host: AdapterHost) -> tuple[Me, list[object]]:
        """Who we are, and the first updates: each over a connection of its own, so that neither waits for the other."""
        found: list[object] = []

        async def poll() -> None:
            found.extend(await self._first(host))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(poll)
            me = await self._who()
        return me, found

    async def _first(self, host: AdapterHost) -> list[object]:
        try:
            return await first(self._calls, host)
        except PollConflict as conflict:
            if not conflict.webhook:
                raise
            log.warning("a webhook was set for this bot: it is removed, and what waited for it is kept")
            await self._calls.delete_webhook()
            return await first(self._calls, host)

    def _intake(self, me: Me, host: AdapterHost, nursery: trio.Nursery) -> Intake:
        reader = Reader(self._settings, self._calls.bot, me)
        asides = Asides(self._calls, nursery)
        return Intake(reader, host, asides, Presses(host, asides), self._files)

    async def _offer_commands(self) -> None:
        """The menu, once. It is a convenience, so a failure is only noted."""
        if self._offered or not self._commands:
            return
        try:
            await self._calls.set_commands(self._commands)
            self._offered = True
        except HermesError as error:
            log.info("the menu of commands is not set: %s", error)

    def _delivering(self, message: Outbound, *, marked: bool) -> Callable[[str], Awaitable[str]]:
        """What sends it to a chat."""
        if message.file:
            file = upload(message, self._settings.reply_to, marked=marked)
            return partial(self._uploads.send, upload=file)
        return partial(self._send_or_plain, ready=outgoing(message, self._settings.reply_to, marked=marked))

    async def _send_or_plain(self, chat_id: str, ready: Outgoing) -> str:
        try:
            return await self._send(chat_id, ready)
        except Refused as refusal:
            if not ready.entities or not says(refusal, "entit", "parse"):
                raise
            return await self._send(chat_id, ready.without_markup())

    async def _send(self, chat_id: str, ready: Outgoing) -> str:
        return await self._calls.send(
            chat_id,
            ready.text,
            thread_id=ready.thread_id,
            entities=ready.entities,
            reply_to=ready.reply_to,
            buttons=ready.buttons,
        )

    async def _edit_or_plain(self, chat_id: str, message_id: str, ready: Outgoing) -> None:
        try:
            await self._edit(chat_id, message_id, ready)
        except Refused as refusal:
            if not ready.entities or not says(refusal, "entit", "parse"):
                raise
            await self._edit(chat_id, message_id, ready.without_markup())

    async def _edit(self, chat_id: str, message_id: str, ready: Outgoing) -> None:
        await self._calls.edit(chat_id, message_id, ready.text, entities=ready.entities, buttons=ready.buttons)


def create(
    settings: TelegramSettings,
    cache: Path,
    commands: Sequence[tuple[str, str]] = (),
    sendable: Sendable = NOTHING,
) -> TelegramAdapter:
    """The bot, not yet connected. ``cache`` is where files are kept; ``commands`` are what its menu offers, each with a
    line of help; ``sendable`` are the files that it may send."""
    return TelegramAdapter(settings, cache, sendable, commands)


async def _followed(message: Outbound, carry_out: Callable[[str], Awaitable[_Done]]) -> _Done:
    """In the chat of ``message``, or in the one that it has become."""
    try:
        return await carry_out(message.source.chat_id)
    except Migrated as migrated:
        return await carry_out(migrated.chat_id)


def _check_length(message: Outbound) -> None:
    if units(message.text) > MESSAGE_LENGTH:
        raise Refused(f"a message of {units(message.text)} characters; Telegram takes {MESSAGE_LENGTH}")
