"""The inbound child of a platform: runs the adapter's stream, makes each event durable, and wakes its conversation.

An event counts as accepted when its row is in the inbox; the nudge after it is only a nudge. Recovery is here: each
time the adapter is connected anew, every session of the account with unfinished work is woken.
"""

import logging
import time

import trio
from attrs import evolve

from actors.messages import LOOK, Look
from actors.platform.connection import Proof, Surroundings
from actors.runtime import Context
from adapters.contract import Adapter
from hermes.agent.commands import parse
from hermes.errors import NotTaken, TransientError, Unavailable
from hermes.events import Inbound, InboundKind, Source
from hermes.failpoints import failpoint
from hermes.status import ChildStatus
from hermes.store.requests import Beginning, Progress, Response
from hermes.store.rows import Accepted, Transcript

# Seconds between two looks for sessions that were accepted and never woken (a crash between commit and nudge).
SWEEP = 30.0

log = logging.getLogger(__name__)


class Host:
    """What one run of the adapter is handed: ``adapters.contract.AdapterHost``."""

    def __init__(self, context: Context[Look], around: Surroundings) -> None:
        self._around = around
        self.beat = context.beat
        self.retrying = context.retrying

    async def accept(self, event: Inbound, beginning: Beginning | None = None, *, further: bool = False) -> Accepted:
        """As the contract says. Messages are refused for now (``NotTaken``) while the gateway drains."""
        classified = _classified(event)
        closed = not self._around.gate.open and not further
        if closed and classified.kind in (InboundKind.MESSAGE, InboundKind.EDIT):
            raise NotTaken("the gateway is about to restart: the message is taken when it is back")
        failpoint("inbox.before_accept")
        accepted = await self._around.store.accept(classified, time.time(), beginning)
        failpoint("inbox.after_accept")
        # A duplicate too: the write may have been repeated after a crash, and whoever accepted it first may have ended
        # before the nudge. With a full mailbox a look is due anyway; with no place left the sweep wakes it later.
        self._around.conversations.tell_nowait(event.session_key, LOOK)
        return accepted

    async def await_files(self, platform: str, account: str, within: float) -> tuple[Inbound, ...]:
        return await self._around.store.await_files(platform, account, within, time.time())

    async def transcript(self, session_key: str, *, before: int | None = None, limit: int = 200) -> Transcript:
        return await self._around.store.transcript(session_key, before=before, limit=limit)

    async def progress(self, source: Source, event_id: str) -> Progress | None:
        return await self._around.store.progress(source.platform, source.account, event_id)

    async def session_key(self, session_id: str, platform: str) -> str | None:
        return await self._around.store.session_key(session_id, platform)

    async def keep_response(self, response: Response) -> None:
        await self._around.store.keep_response(response, time.time())

    async def use_response(self, response_id: str) -> Response | None:
        return await self._around.store.use_response(response_id, time.time())

    async def drop_response(self, response_id: str) -> None:
        await self._around.store.drop_response(response_id)

    def describe(self) -> ChildStatus:
        return self._around.describe()


def _classified(event: Inbound) -> Inbound:
    """A message that is a known slash command is one, whatever the platform called it."""
    if event.kind is InboundKind.MESSAGE and parse(event.text):
        return evolve(event, kind=InboundKind.COMMAND)
    return event


async def inbound(
    context: Context[Look], adapter: Adapter, around: Surroundings, proof: Proof, *, task_status: trio.TaskStatus[None]
) -> None:
    """Run ``adapter`` until it fails or is cancelled; raises what it raises."""
    proof.beat = context.beat
    async with trio.open_nursery() as nursery:
        await nursery.start(_run, adapter, Host(context, around))
        task_status.started()
        while True:
            await _wake(adapter, around)
            await trio.sleep(SWEEP)


async def _run(adapter: Adapter, host: Host, *, task_status: trio.TaskStatus[None]) -> None:
    await adapter.run(host, task_status=task_status)
    raise RuntimeError(f"{adapter.name} ended its stream without being asked")


async def _wake(adapter: Adapter, around: Surroundings) -> None:
    failpoint("recovery.before_wake")
    try:
        unfinished = await around.store.unfinished(adapter.name, adapter.account)
    except (TransientError, Unavailable) as error:
        # The connection is none the worse for it.
        log.warning("%s: unfinished conversations are woken at the next sweep: %s", adapter.name, error)
        return
    for session_key in unfinished:
        around.conversations.tell_nowait(session_key, LOOK)
