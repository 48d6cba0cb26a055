"""Parts of one utterance: an album, and a long text that the sender's app has cut at Telegram's limit.

1. An album's parts name it. A text's parts do not: one that is nearly as long as a message can be is taken for the
   beginning of more, and what the same person writes there right after it for the rest.
2. Each part says how long further ones may come; the turn begins after that. A message that is neither waits for
   nothing.
3. What is remembered here is bounded, and a restart may forget it: the rest of a text is then a message of its own.
"""

from collections import OrderedDict

from attrs import define, field, frozen

# UTF-16 units from which on a text may have been cut: apps cut at 4096, or at the last word or line before it.
LONG = 3500

# Seconds for further parts of an album: they are sent together, but come one by one.
ALBUM_WITHIN = 1.0

# Seconds for the rest of a text, which an app sends without a pause.
REST_WITHIN = 1.5

# Seconds between two parts, by Telegram's clock, which counts whole ones.
_TOGETHER = 2.0

# Places of which the newest part is remembered.
MOST = 1000

Place = tuple[str, str, str]
"""Chat, topic and person."""


@frozen
class Part:
    utterance: str = ""
    more_within: float = 0.0
    """Seconds within which further parts may come."""


@frozen
class _Text:
    utterance: str
    message_id: int
    sent_at: float
    long: bool


@define(eq=False)
class Utterances:
    """What was begun in which place."""

    _texts: OrderedDict[Place, _Text] = field(factory=OrderedDict[Place, _Text])
    _meant: OrderedDict[str, None] = field(factory=OrderedDict[str, None])

    def album(self, group_id: str) -> Part:
        return Part(f"album:{group_id}", ALBUM_WITHIN)

    def text(self, place: Place, message_id: int, sent_at: float, length: int) -> Part:
        """Which part a text is. Asked again for the same message, the same."""
        long = length >= LONG
        last = self._texts.get(place)
        if last is not None and last.message_id == message_id:
            return Part(last.utterance, REST_WITHIN if last.long else 0.0)
        if last is not None and last.long and message_id > last.message_id and sent_at - last.sent_at <= _TOGETHER:
            utterance = last.utterance
        elif long:
            utterance = f"text:{':'.join(place)}:{message_id}"
        else:
            if last is not None:
                del self._texts[place]
            return Part()
        self._texts[place] = _Text(utterance, message_id, sent_at, long)
        self._texts.move_to_end(place)
        if len(self._texts) > MOST:
            self._texts.popitem(last=False)
        return Part(utterance, REST_WITHIN if long else 0.0)

    def remember_meant(self, part: Part) -> None:
        """Its further parts are for the bot too, though they do not name it."""
        if part.utterance:
            self._meant[part.utterance] = None
            if len(self._meant) > MOST:
                self._meant.popitem(last=False)

    def is_meant(self, part: Part) -> bool:
        return part.utterance in self._meant
