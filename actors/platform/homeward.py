"""What a chat takes no more, told in the home channel: the word of a background process whose chat is gone.

Only where whoever writes is the owner (``supervised.py``): what one person's process says is not for another's eyes.
"""

from collections.abc import Awaitable, Callable

from attrs import evolve, frozen

from actors.background.process import EVENT_PREFIX
from adapters.contract import Limits
from hermes.errors import Refused
from hermes.events import Outbound, OutboundKind, Source
from hermes.home_channel import HomeChannel
from hermes.split import split
from hermes.store.rows import OutboxRow

FindHome = Callable[[], Awaitable[HomeChannel | None]]


async def no_home() -> HomeChannel | None:
    """Of a platform that has none."""
    return None


@frozen
class Homeward:
    """The way of one account."""

    find: FindHome
    limits: Limits

    async def brought(self, row: OutboxRow, refusal: Refused) -> tuple[Outbound, ...]:
        """What is told at home of a row that was refused for good; mostly nothing. Raises what ``find`` raises."""
        message = row.message
        if not any(each.startswith(EVENT_PREFIX) for each in message.answers):
            return ()
        home = await self.find()
        if home is None or _place(home.source) == _place(message.source):
            return ()
        text = f"The chat of a background process takes nothing any more ({refusal}). It was to read:\n\n{message.text}"
        parts = split(text, self.limits.message_length, utf16=self.limits.utf16)
        return tuple(_word(message, home, part, number) for number, part in enumerate(parts))


def _word(lost: Outbound, home: HomeChannel, text: str, number: int) -> Outbound:
    return evolve(
        lost,
        key=f"{lost.key}:home:{number}",
        source=home.source,
        session_key=home.session_key,
        kind=OutboundKind.NOTICE,
        text=text,
        reply_to="",
        answers=(),
        turn_id="",
        part=number,
    )


def _place(source: Source) -> tuple[str, str]:
    return source.chat_id, source.thread_id
