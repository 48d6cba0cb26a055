"""The text of a stream: whatever the drafts do, what was sent is never taken back.

A draft says all of the answer so far. It usually grows; but what a model writes before it calls a tool is no part of
the answer, so the next draft begins anew. What was sent of it stands, and the new text follows as a paragraph of its
own. Pure.
"""

from attrs import define

_ENDS = (".", ":", "!", "?", "`", "…")


@define
class GrowingText:
    """What one reader was sent."""

    _part: str = ""
    """The paragraph under way, as far as it was sent."""

    def grow(self, text: str) -> str:
        """What to send of ``text``, of which more may come. One that begins as the last did may yet become it."""
        return "" if self._part.startswith(text) else self._add(text)

    def finish(self, text: str) -> str:
        """What to send, so that the reader has the whole answer ``text`` at the end."""
        return "" if self._part.rstrip() == text.rstrip() else self._add(text)

    def _add(self, text: str) -> str:
        if text.startswith(self._part):
            added = text[len(self._part) :]
        else:
            ended = "" if self._part.rstrip().endswith(_ENDS) else "…"
            added = f"{ended}\n\n{text}"
        self._part = text
        return added
