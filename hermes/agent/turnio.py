"""What goes into the turn machine and what comes out: the events and effects of hermes/agent/turn.py."""

from enum import StrEnum

from attrs import frozen

from hermes.asks import Ask, AskRequest
from hermes.messages import Message, ToolCall, Usage
from hermes.store.rows import TurnOutcome
from hermes.tools.contract import Effect, ToolResult


@frozen
class ModelText:
    """More of the answer."""

    text: str


@frozen
class ModelReplied:
    """The model's message is whole."""

    message: Message
    usage: Usage


@frozen
class ModelFailed:
    """The call ended with an error that no retry below cured; ``sentence`` is for the person in the chat."""

    sentence: str


@frozen
class ToolReturned:
    call_id: str
    result: ToolResult


@frozen
class ToolAsked:
    call_id: str
    request: AskRequest


@frozen
class AskAnswered:
    ask_id: str
    answer: str


@frozen
class AskExpired:
    ask_id: str


@frozen
class Steered:
    """A message that came while the turn runs: an offer. Its row stays pending in the inbox until ``Join`` takes it.

    Never taken (the turn ends before there is a place for it), it is the next turn's. A second offer is harmless.
    """

    row_id: int
    """The inbox row that holds it."""
    message: Message


class StopReason(StrEnum):
    STOP = "stop"
    INTERRUPT = "interrupt"


@frozen
class Stopped:
    reason: StopReason


TurnEvent = (
    ModelText | ModelReplied | ModelFailed | ToolReturned | ToolAsked | AskAnswered | AskExpired | Steered | Stopped
)


@frozen
class PlannedCall:
    """A call that is to run now."""

    call: ToolCall
    effect: Effect
    answer: str | None = None
    """The answer to its ask, when it raised one."""


@frozen
class Persist:
    """Append these to the session before any later effect is performed."""

    messages: tuple[Message, ...]
    usage: Usage
    """What was spent since the ``Persist`` before; so is that of ``Finish``."""


@frozen
class Join:
    """Take a steered message into the turn (``Journal.join``) before any later effect is performed.

    The machine says when, since not everywhere may a user message stand. A row that is no longer to be had (``join``
    answers False) leaves the machine ahead of the journal: build it anew from there.
    """

    row_id: int
    message: Message


@frozen
class CallModel:
    """Call the model with the turn's messages so far (``TurnMachine.messages``)."""

    final: bool = False
    """The budget is spent: no tools are offered, the model sums up."""


@frozen
class RunTools:
    """Run these; more than one only when all are read-only."""

    calls: tuple[PlannedCall, ...]


@frozen
class AskPerson:
    """Journal the question and put it to the chat."""

    ask: Ask


@frozen
class ShowDraft:
    """The whole text of the answer so far."""

    text: str


@frozen
class CancelWork:
    """End the model call and the running tools."""


@frozen
class Finish:
    """The turn is over. ``messages`` are the last to be appended, in the same transaction."""

    outcome: TurnOutcome
    messages: tuple[Message, ...]
    text: str
    """What the chat gets; may be empty when nothing is to be said."""
    usage: Usage


TurnEffect = Persist | Join | CallModel | RunTools | AskPerson | ShowDraft | CancelWork | Finish
