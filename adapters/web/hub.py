"""Which open pages look at which chat, and what is shown to all of them.

Rules:

1. Nothing here waits: each page has its own bounded queue, so one slow page delays neither the others nor the sender.
2. Nothing here must survive: messages are in the transcript, and a page that comes back draws itself from there. Of a
   running turn the last draft is kept, so that a page that is opened in the middle of it sees what it has so far.
"""

from collections import OrderedDict
from typing import Protocol

from attrs import define, field

from adapters.web.protocol import ServerFrame, render
from hermes.events import Draft, DraftState

MAX_DRAFTS = 256
"""Running turns whose last draft is kept; each ends its own, so this bounds only those whose end got lost."""


class Viewer(Protocol):
    """One open page."""

    def push(self, text: str) -> None:
        """Show a rendered frame."""
        ...

    def push_draft(self, draft: Draft) -> None:
        """Show a running turn."""
        ...


@define(eq=False)
class Hub:
    """The open pages by chat."""

    _viewers: dict[str, set[Viewer]] = field(factory=dict[str, set[Viewer]], init=False)
    _drafts: OrderedDict[str, Draft] = field(factory=OrderedDict[str, Draft], init=False)

    def join(self, chat: str, viewer: Viewer) -> None:
        """Show what happens in ``chat`` to ``viewer``."""
        self._viewers.setdefault(chat, set()).add(viewer)

    def leave(self, chat: str, viewer: Viewer) -> None:
        """No longer; a viewer that was not there is no error."""
        viewers = self._viewers.get(chat)
        if viewers is None:
            return
        viewers.discard(viewer)
        if not viewers:
            del self._viewers[chat]

    def publish(self, chat: str, frame: ServerFrame, *, but: Viewer | None = None) -> None:
        """Show ``frame`` to every page of ``chat``, except for ``but``, which knows already."""
        viewers = self._viewers.get(chat, set()) - {but}
        if viewers:
            text = render(frame)
            for viewer in viewers:
                viewer.push(text)

    def show(self, draft: Draft) -> None:
        """Show a running turn to every page of its chat."""
        chat = draft.source.chat_id
        if draft.state is DraftState.ENDED:
            self._drafts.pop(chat, None)
        else:
            self._drafts[chat] = draft
            self._drafts.move_to_end(chat)
            if len(self._drafts) > MAX_DRAFTS:
                self._drafts.popitem(last=False)
        for viewer in self._viewers.get(chat, ()):
            viewer.push_draft(draft)

    def draft(self, chat: str) -> Draft | None:
        """The running turn of ``chat``, as far as it was shown."""
        return self._drafts.get(chat)

    def settle(self, chat: str, turn_id: str) -> None:
        """The turn's answer is out: pages that are opened from now on see the answer, not its draft."""
        draft = self._drafts.get(chat)
        if draft is not None and draft.turn_id == turn_id:
            del self._drafts[chat]
