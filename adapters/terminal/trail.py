"""The tools that a turn used: which lines are printed already, and how long each tool was seen running.

Which calls there were is read from the transcript, which knows all of them; the times come from drafts, any of which
may be skipped, so a line without a time is nothing unusual.
"""

from collections.abc import Iterable

from attrs import define, field

from adapters.terminal.blocks import ToolUsed
from hermes.events import Draft, DraftState
from hermes.store.rows import TranscriptEntry

# Tools of one turn whose times are kept: a line is printed soon after its tool ended.
MAX_TIMES = 64


@define
class ToolTrail:
    """Follows one chat."""

    _printed: int = 0
    """Id of the newest entry whose line is printed, if it has one."""
    _turn: str = ""
    _running: str = ""
    _since: float = 0.0
    _times: dict[str, float] = field(factory=dict[str, float])

    def skip(self, entries: Iterable[TranscriptEntry]) -> None:
        """These are on the screen already."""
        self._printed = max((entry.id for entry in entries), default=self._printed)

    def watch(self, draft: Draft, now: float) -> None:
        """Take the time of what runs; ``now`` in seconds, by any clock that does not jump."""
        if draft.turn_id != self._turn:
            # The end of the turn before may not have been seen: its times say nothing of the same calls in this one.
            self._turn, self._running = draft.turn_id, ""
            self._times.clear()
        running = draft.tool if draft.state is DraftState.TOOL else ""
        if running == self._running:
            return
        if self._running:
            if len(self._times) >= MAX_TIMES:
                self._times.clear()
            self._times[self._running] = now - self._since
        self._running, self._since = running, now

    def fresh(self, entries: Iterable[TranscriptEntry], *, ended: bool) -> tuple[ToolUsed, ...]:
        """The lines that are not printed yet; they count as printed from now on.

        A call stands in the transcript before it runs. So unless the turn has ``ended``, only calls that were seen
        running are taken, and those before them.
        """
        found = [entry for entry in entries if entry.id > self._printed and entry.kind == "tool"]
        while found and not ended and self._time(found[-1]) is None:
            found.pop()
        self.skip(found)
        lines = tuple(ToolUsed(entry.tool, entry.text, self._time(entry)) for entry in found)
        if lines:
            self._times.clear()
        return lines

    def _time(self, entry: TranscriptEntry) -> float | None:
        # What a draft says of a tool is the beginning of the same text, perhaps cut off.
        line = f"{entry.tool} {entry.text}"
        return next((time for tool, time in self._times.items() if line.startswith(tool.removesuffix("…"))), None)
