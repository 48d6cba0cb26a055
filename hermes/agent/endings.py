"""The words with which a turn ends early: for the transcript, so that the next turn's model knows, and for the chat.

A turn always closes with an assistant message, so that the history alternates and no user message looks unanswered.
"""

from attrs import frozen

from hermes.agent.turnio import StopReason
from hermes.messages import Message, Role
from hermes.store.rows import TurnOutcome
from hermes.tools.contract import ToolResult

EMPTY = "The model returned an empty answer twice. Please ask again, perhaps in other words."

INTERRUPTED_CALL = ToolResult(
    "Interrupted by a restart, outcome unknown: it may have run in part or whole. Check before you repeat it.",
    is_error=True,
)


@frozen
class Cut:
    """How one reason to stop is told."""

    outcome: TurnOutcome
    finish_reason: str
    cause: str
    """For the model."""
    notice: str
    """For the chat, below what it has seen of the answer."""
    alone: str
    """For the chat that has seen nothing."""

    def result(self, *, running: bool) -> ToolResult:
        """What an unfinished call is told."""
        when = "while it ran: what it had done until then stands" if running else "before it ran"
        return ToolResult(f"{self.cause} {when}.", is_error=True)


CUTS = {
    StopReason.STOP: Cut(TurnOutcome.STOPPED, "stopped", "Stopped by the user", "_Stopped._", "Stopped."),
    StopReason.INTERRUPT: Cut(
        TurnOutcome.INTERRUPTED,
        "interrupted",
        "Interrupted by a new message",
        "_Interrupted by your next message._",
        # Whoever sent the newer message needs no word about it unless a part of an answer stands there.
        "",
    ),
}


def paragraphs(*parts: str) -> str:
    """The parts that hold anything, a blank line between."""
    return "\n\n".join(part for part in parts if part.strip())


def closing(partial: str, mark: str, finish_reason: str) -> Message:
    """The assistant message that ends a turn which did not end by itself."""
    return Message(Role.ASSISTANT, paragraphs(partial, f"[{mark}]"), finish_reason=finish_reason)
