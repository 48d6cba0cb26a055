"""Presses of buttons: each becomes the answer to its question, durable before Telegram is told that it was taken.

1. What a button says is read from the transcript of the session of whoever pressed it. So only those whose session
   asked can answer, also in a group where everybody sees the buttons.
2. Whoever comes too late is told so by Telegram's own means, without a message in the chat. Each press is acknowledged
   in time or not at all; a question that is over loses its buttons either way.
"""

from functools import partial

from attrs import define, evolve

from adapters.contract import AdapterHost
from adapters.telegram.incoming.events import Press
from adapters.telegram.outgoing.asides import Asides
from hermes.asks import AskState
from hermes.store.rows import TranscriptEntry

MOST_CHARACTERS = 200
"""Of what is told after a press (Bot API, answerCallbackQuery)."""

NOT_YOURS = "This question is not yours to answer, or long over."
TOO_LATE = "That was answered already, or its time is over."


@define(eq=False)
class Presses:
    """Of one incarnation of the stream."""

    _host: AdapterHost
    _asides: Asides

    async def answer(self, press: Press) -> None:
        """Hand a press over. Raises what ``AdapterHost.accept`` raises."""
        entry = await self._question(press)
        if entry is None or press.choice >= len(entry.choices):
            self._tell(press, NOT_YOURS, over=False)
        elif entry.state != AskState.OPEN:
            self._tell(press, TOO_LATE, over=True)
        else:
            choice = entry.choices[press.choice]
            await self._host.accept(evolve(press.event, text=choice))
            self._tell(press, choice, over=True)

    async def _question(self, press: Press) -> TranscriptEntry | None:
        transcript = await self._host.transcript(press.event.session_key)
        return next((entry for entry in transcript.entries if entry.ask_id == press.event.ask_id), None)

    def _tell(self, press: Press, text: str, *, over: bool) -> None:
        calls, source = self._asides.calls, press.event.source
        self._asides.acknowledge(press.query_id, text[:MOST_CHARACTERS])
        if over:
            self._asides.start(partial(calls.drop_buttons, source.chat_id, press.event.message_id))

    def turn_away(self, query_id: str) -> None:
        """A press that is no answer, as far as can be seen."""
        self._asides.acknowledge(query_id, NOT_YOURS)
