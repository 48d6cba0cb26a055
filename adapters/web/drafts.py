"""Drafts on the wire: the gateway says all of the text each time, a page is sent only what changed.

``DraftDeltas`` remembers what one page was sent. Pure: whatever drafts it is given, and whichever are skipped, a page
that applies each delta holds exactly the text of the last one (units as in rule 3 of adapters/web/protocol.py).
"""

from itertools import takewhile

from attrs import define

from adapters.web.protocol import DraftDelta
from hermes.events import Draft


def units(text: str) -> int:
    """Length of ``text`` in UTF-16 units, as the page's strings count it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _common(one: str, other: str) -> str:
    """What both begin with. Whole characters: a pair of units is never split."""
    return one[: sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))]


@define
class DraftDeltas:
    """What one page knows of the running turn."""

    _turn_id: str = ""
    _text: str = ""
    _units: int = 0

    def reset(self) -> None:
        """The page was drawn anew and knows no draft."""
        self._turn_id, self._text, self._units = "", "", 0

    def step(self, draft: Draft) -> DraftDelta:
        """What to send, so that the page holds ``draft``."""
        if draft.turn_id != self._turn_id:
            self.reset()
        if not draft.text.startswith(self._text):
            self._text = _common(self._text, draft.text)
            self._units = units(self._text)
        offset, added = self._units, draft.text[len(self._text) :]
        self._turn_id, self._text, self._units = draft.turn_id, draft.text, offset + units(added)
        return DraftDelta(
            chat=draft.source.chat_id,
            turn_id=draft.turn_id,
            state=draft.state.value,
            offset=offset,
            text=added,
            tool=draft.tool,
        )
