"""What a running turn shows of itself: the newest draft of each turn, brought to its chat at a bounded pace.

1. A draft is a preview. The latest wins, any may be skipped, and a bug in showing them turns them off until delivery
   starts again: it stops no answer, and no turn that was shown seems to go on for ever.
2. What is still being written is shown as far as it is settled (hermes/holdback.py): half a secret is not recognised.
"""

import logging

import trio
from attrs import evolve

from adapters.contract import Adapter, Drafts
from hermes.errors import HermesError
from hermes.events import Draft, DraftState
from hermes.redact import Redactor

# Chats that may have a draft waiting to be shown; beyond it drafts are skipped, which loses nothing but the preview.
MAX_DRAFTS = 1024

# Seconds between two draft updates: quick enough to read along, and a fifth of what a socket costs per delta.
DRAFT_INTERVAL = 0.05

# Seconds that showing one draft may take before it is skipped.
DRAFT_WITHIN = 5.0

log = logging.getLogger(__name__)


class DraftBoard:
    """The newest draft of each turn, until it is shown."""

    def __init__(self) -> None:
        self._waiting: dict[str, Draft] = {}
        self._open: dict[str, Draft] = {}
        self._news = trio.Event()
        self.off = ""
        """Why none is shown; empty while they are."""
        self.textless = False
        """Only what a turn is at is shown, so that what it writes need not pass the redactor over and over."""

    def put(self, draft: Draft) -> None:
        if self.textless:
            draft = evolve(draft, text="", tool="")
        if not self.off and (draft.turn_id in self._waiting or len(self._waiting) < MAX_DRAFTS):
            self._waiting[draft.turn_id] = draft
            self._news.set()

    async def take(self) -> list[Draft]:
        """Wait until there is one, and take them all."""
        await self._news.wait()
        self._news = trio.Event()
        drafts = list(self._waiting.values())
        self._waiting.clear()
        return drafts

    def note(self, draft: Draft) -> None:
        """It is about to be shown."""
        if draft.state is DraftState.ENDED:
            self._open.pop(draft.turn_id, None)
        elif draft.turn_id in self._open or len(self._open) < MAX_DRAFTS:
            self._open[draft.turn_id] = draft

    def turn_off(self, why: str) -> list[Draft]:
        """Returns what was shown last of each turn that has not ended."""
        self.off = why
        self._waiting.clear()
        still_open = list(self._open.values())
        self._open.clear()
        return still_open


async def show_drafts(adapter: Adapter, board: DraftBoard, redactor: Redactor) -> None:
    """Show what is put on ``board`` until cancelled, or until a bug in ``adapter`` shows itself."""
    board.off = ""
    if adapter.limits.drafts is Drafts.NONE:
        board.turn_off("not shown here")
        return
    board.textless = adapter.limits.drafts is not Drafts.EPHEMERAL
    try:
        await _pump(adapter, board, redactor)
    except Exception as bug:
        log.exception("%s: no more drafts are shown", adapter.name)
        for draft in board.turn_off(f"drafts are off: {type(bug).__name__}: {bug}"):
            await _end(adapter, draft)


async def _pump(adapter: Adapter, board: DraftBoard, redactor: Redactor) -> None:
    while True:
        for draft in await board.take():
            board.note(draft)
            with trio.move_on_after(DRAFT_WITHIN):
                await _show(adapter, _redacted(draft, redactor))
        await trio.sleep(DRAFT_INTERVAL)


async def _end(adapter: Adapter, draft: Draft) -> None:
    """Show no more of a turn. The bug may be in this, too."""
    try:
        with trio.move_on_after(DRAFT_WITHIN):
            await _show(adapter, evolve(draft, state=DraftState.ENDED, text="", tool=""))
    except Exception as bug:
        log.warning("%s: turn %s may be shown as if it went on: %r", adapter.name, draft.turn_id, bug)


def _redacted(draft: Draft, redactor: Redactor) -> Draft:
    shown = redactor.settle if draft.state is DraftState.WRITING else redactor.redact
    return evolve(draft, text=shown(draft.text), tool=redactor.redact(draft.tool))


async def _show(adapter: Adapter, draft: Draft) -> None:
    try:
        await adapter.show_draft(draft)
    except HermesError as error:
        log.debug("%s: a draft was skipped: %s", adapter.name, error)
