"""A reply while it comes in, whatever the wire: its text, its thoughts and its calls, within bounds.

Deltas are kept as pieces and joined once: a long answer costs its length, not its square.
"""

from collections.abc import Iterator

from attrs import define, field

from hermes.errors import RemoteProtocolError
from hermes.messages import Message, Role, ToolCall
from hermes.models.contract import Unshown
from hermes.models.sizes import text_size
from hermes.models.wires.parse import Json

# Characters of one reply, calls and thoughts included: ten times what the largest output window of a model holds.
MAX_CHARACTERS = 4_000_000

# Blocks of one reply: text, thoughts and calls, hundreds of times what any reply holds.
MAX_BLOCKS = 4096

# Calls of one reply that are taken in; the turn runs a few of them and refuses the rest one by one.
MAX_CALLS = 1024


@define
class CallDraft:
    """One call while its arguments come in."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(factory=list[str])
    extra: Json = field(factory=dict[str, object])
    """What the provider wants back with it."""

    def call(self) -> ToolCall:
        return ToolCall(self.id, self.name, "".join(self.arguments))


Grown = dict[str, object]
"""An object of the wire while some of its texts grow."""


class _Pieces(list[str]):
    """A text that grows: a type of its own, since the wire has lists too."""


def joined(grown: Grown) -> Grown:
    """It as it came, its texts whole."""
    return {name: "".join(value) if isinstance(value, _Pieces) else value for name, value in grown.items()}


@define
class ReplyDraft:
    text: list[str] = field(factory=list[str])
    reasoning: list[str] = field(factory=list[str])
    calls: list[CallDraft] = field(factory=list[CallDraft])
    unshown: int = 0
    """Bytes that came since ``tell_unshown`` and that no delta has."""
    _characters: int = 0

    def tell_unshown(self) -> Iterator[Unshown]:
        """What came beside the deltas, if anything did."""
        if self.unshown:
            yield Unshown(self.unshown)
        self.unshown = 0

    def add_text(self, text: str) -> None:
        self.count(text)
        self.text.append(text)

    def add_reasoning(self, text: str) -> None:
        self.count(text)
        self.reasoning.append(text)

    def add_arguments(self, call: CallDraft, text: str) -> None:
        self.keep(text)
        call.arguments.append(text)

    def new_call(self) -> CallDraft:
        if len(self.calls) == MAX_CALLS:
            raise RemoteProtocolError(f"it asked for more than {MAX_CALLS} tool calls at once")
        self.calls.append(CallDraft())
        return self.calls[-1]

    def name_call(self, call: CallDraft, call_id: str, name: str) -> None:
        """What it is called; the first that comes stays."""
        if call_id and not call.id:
            self.count(call_id)
            call.id = call_id
        if name and not call.name:
            self.keep(name)
            call.name = name

    def keep(self, text: str) -> None:
        """A text that came whole and goes back as it came."""
        self.count(text)
        self.unshown += text_size(text)

    def grow(self, grown: Grown, name: str, piece: str, *, shown: bool = False) -> None:
        """One more piece of a text that goes back as it came. ``shown``: a delta has it too."""
        if shown:
            self.count(piece)
        else:
            self.keep(piece)
        before = grown.get(name)
        if isinstance(before, _Pieces):
            before.append(piece)
        else:
            grown[name] = _Pieces((before, piece) if isinstance(before, str) else (piece,))

    def message(self, finish_reason: str, reasoning_details: str) -> Message:
        return Message(
            Role.ASSISTANT,
            "".join(self.text),
            tool_calls=tuple(call.call() for call in self.calls),
            reasoning="".join(self.reasoning),
            finish_reason=finish_reason,
            reasoning_details=reasoning_details,
        )

    def count(self, text: str) -> None:
        """Something was kept. Raises ``RemoteProtocolError`` beyond the bound."""
        self._characters += len(text)
        if self._characters > MAX_CHARACTERS:
            raise RemoteProtocolError(f"its answer is longer than {MAX_CHARACTERS:,} characters")
