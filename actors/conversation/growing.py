"""An answer that grows in its chat: a message that is sent early, edited while the turn writes, and completed by the
answer (hermes/store/tables/drafts.py). Where it outgrows one message it goes on in the next.

Rules:

1. The first send stands in the outbox before it happens, and its platform id as soon as it is known. It waits until
   nothing older of its chat waits, so that a chat keeps its order.
2. The turn ends only after the first send and the edit under way have: no late edit undoes the answer. Both have a
   bound.
3. Nothing that fails here stops the answer: it then comes as a message of its own, marked where the first send may have
   arrived.
4. Once a question was asked its messages stay as they are, and the answer comes below the question.
5. It is cut where the whole answer will be (hermes/split.py), so that its end changes little. A part is completed
   before the next is begun, and only the last one has the cursor.
"""

import logging
import time
from collections.abc import Callable
from functools import partial
from itertools import zip_longest

import trio

from actors.conversation.services import Platform, Services
from actors.grace import with_grace
from adapters.contract import Ambiguous
from hermes import media_lines
from hermes.errors import HermesError, RateLimited, Refused, TransientError, Unavailable
from hermes.events import Outbound
from hermes.failpoints import failpoint
from hermes.split import split, units
from hermes.store.rows import Lease

# Seconds that a first send may take, and that the end of a turn waits for it and for an edit under way.
SEND_WITHIN = 10.0

# Seconds that a first send under way has left when the gateway stops, and that its id then has to be in the journal:
# with what the conversation hands back after that, within its grace.
SEND_GRACE = 1.5
RECORD_WITHIN = 1.0

# Seconds to wait, for older messages of the chat to be sent, before a first send is tried again.
NOT_YET = 0.25

log = logging.getLogger(__name__)

Compose = Callable[[str, int], Outbound]
"""The answer's part with this text and number: its key is that of the draft."""

ComposeVersion = Callable[[str, int, int], Outbound]
"""The same, with how many answers of the turn already stand between."""


class GrowingAnswer:
    """The messages of one turn. ``show`` and ``end`` are called by the turn; ``run`` is a task of its own."""

    def __init__(
        self, services: Services, lease: Lease, compose: Compose, length: int, *, utf16: bool, files: bool
    ) -> None:
        self._services = services
        self._lease = lease
        self._compose = compose
        self._length = length
        self._utf16 = utf16
        self._files = files
        self._text = ""
        self._message_ids: list[str] = []
        """Of the parts that stand in the chat."""
        self._shown: list[str] = []
        """What they read."""
        self._news = trio.Event()
        self._ending = trio.Event()
        self._over = trio.Event()
        self._scope = trio.CancelScope()

    def show(self, text: str) -> None:
        """All of the answer so far."""
        self._text = text
        self._news.set()

    async def end(self) -> None:
        """Nothing is sent or edited any more when this returns, after at most ``SEND_WITHIN`` seconds and the grace of
        a first send."""
        self._ending.set()
        self._news.set()
        with trio.move_on_after(SEND_WITHIN):
            await self._over.wait()
        self._scope.cancel()
        await self._over.wait()

    async def leave(self) -> None:
        """As ``end``, and what stands in the chat stays there as it is."""
        await self.end()
        with trio.move_on_after(SEND_WITHIN):
            try:
                for number, text in enumerate(self._left()):
                    if text != self._shown[number]:
                        await self._edit(number, text)
            except HermesError as error:
                log.debug("turn %s: a draft keeps its cursor: %s", self._lease.turn_id, error)

    async def run(self) -> None:
        """Show what comes, until ``end``.

        Cancelled: a first send under way has ``SEND_GRACE`` seconds to end, so that the answer can complete it after a
        restart; what became of one that did not is unknown, as the journal says.
        """
        try:
            with self._scope:
                await self._grow()
        except Exception:
            log.exception("turn %s: its answer does not grow any more", self._lease.turn_id)
        finally:
            self._over.set()

    async def _grow(self) -> None:
        while not self._ending.is_set():
            await self._news.wait()
            self._news = trio.Event()
            if self._ending.is_set() or (step := self._step()) is None:
                continue
            pause = self._services.settings.streaming.edit_interval
            try:
                await self._take(*step)
            except Unavailable:
                pause = NOT_YET
            except RateLimited as limit:
                pause = limit.retry_after
            except TransientError as error:
                log.debug("turn %s: an edit is left out: %s", self._lease.turn_id, error)
            except HermesError as error:
                log.info("turn %s: its answer comes whole: %s", self._lease.turn_id, error)
                return
            self._news.set()
            with trio.move_on_after(pause):
                await self._ending.wait()

    def _step(self) -> tuple[int, str] | None:
        """What to do next: which part is to read what. None: all that stands is as it should be."""
        *full, last = self._parts()
        parts = [*full, self._with_cursor(last)]
        standing = len(self._shown)
        for number, text in enumerate(parts[:standing]):
            if text and text != self._shown[number]:
                return number, text
        enough = max(1, self._services.settings.streaming.buffer_threshold)
        if standing < len(full) or (standing == len(full) and len(last) >= enough):
            return standing, parts[standing]
        return None

    async def _take(self, number: int, text: str) -> None:
        if number < len(self._shown):
            await self._edit(number, text)
        else:
            await with_grace(SEND_GRACE, partial(self._begin, number, text))

    async def _begin(self, number: int, text: str) -> None:
        self._message_ids.append(await self._first(self._compose(text, number)))
        self._shown.append(text)

    async def _edit(self, number: int, text: str) -> None:
        await self._services.outlets.edit(self._compose(text, number), self._message_ids[number])
        self._shown[number] = text

    def _parts(self) -> list[str]:
        """What may be shown of it, message by message: nothing that may yet become part of a secret."""
        text = self._services.redactor.settle(self._text)
        if self._files:
            text = media_lines.beginning(text)
        return [part.rstrip() for part in split(text, self._length, utf16=self._utf16)]

    def _left(self) -> list[str]:
        """What the messages that stand are to read when nothing follows in them."""
        cursor = self._services.settings.streaming.cursor
        return [
            text or shown.removesuffix(cursor) for text, shown in zip_longest(self._parts(), self._shown, fillvalue="")
        ][: len(self._shown)]

    def _with_cursor(self, text: str) -> str:
        """A message that is full has no room for one."""
        whole = text + self._services.settings.streaming.cursor
        measure = units if self._utf16 else len
        return whole if text and measure(whole) <= self._length else text

    async def _first(self, message: Outbound) -> str:
        """Send it for the first time; its platform id, which is in the journal.

        Raises ``Unavailable`` where nothing was sent and it may be tried again, and ``Refused`` where it may not.
        """
        row_id = await self._services.store.begin_draft(self._lease, message, time.time())
        failpoint("draft.after_begin")
        try:
            return await self._send(row_id, message)
        except (TransientError, Unavailable) as error:
            # A second try could not tell itself from the first: the answer is a message of its own.
            raise Refused(f"what became of its first part is not certain: {error}") from None

    async def _send(self, row_id: int, message: Outbound) -> str:
        store, lease = self._services.store, self._lease
        try:
            with trio.fail_after(SEND_WITHIN):
                message_id = await self._services.outlets.send(message)
        except trio.TooSlowError:
            raise Ambiguous(f"no answer within {SEND_WITHIN:g} s") from None
        except Ambiguous:
            raise
        except HermesError:
            # It certainly did not arrive.
            await store.drop_draft(lease, row_id, time.time())
            raise
        failpoint("draft.after_send")
        with trio.CancelScope(shield=True, deadline=trio.current_time() + RECORD_WITHIN) as recording:
            await store.draft_sent(lease, row_id, message_id, time.time())
        if recording.cancelled_caught:
            await store.draft_sent(lease, row_id, message_id, time.time())
        failpoint("draft.after_sent")
        return message_id


class Growing:
    """The answers of one turn that grow in its chat, one at a time; does nothing where the platform shows none."""

    def __init__(self, services: Services, lease: Lease, platform: Platform, asked: int) -> None:
        """``asked``: questions of the turn so far, by earlier claims."""
        self._services = services
        self._lease = lease
        self._platform = platform
        self._now: GrowingAnswer | None = None
        self.version = asked if platform.grows else 0
        """How many have been left: rule 4. The same after a crash, so that the answer completes what grew last."""

    def begin(self, nursery: trio.Nursery, compose: ComposeVersion) -> None:
        """The next answer, in a task of ``nursery``."""
        platform, version = self._platform, self.version
        if platform.grows:
            self._now = GrowingAnswer(
                self._services,
                self._lease,
                lambda text, part: compose(text, version, part),
                platform.message_length,
                utf16=platform.utf16,
                files=platform.files,
            )
            nursery.start_soon(self._now.run)

    def show(self, text: str) -> None:
        """All of the answer so far."""
        if self._now:
            self._now.show(text)

    async def end(self) -> None:
        """See ``GrowingAnswer.end``."""
        if self._now:
            await self._now.end()
            self._now = None

    async def leave(self) -> None:
        """See ``GrowingAnswer.leave``."""
        if self._now:
            await self._now.leave()
            self.version += 1
            self._now = None
