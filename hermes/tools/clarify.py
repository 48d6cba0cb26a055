"""The ``clarify`` tool: asks the person in the chat."""

from typing import Annotated

from hermes.asks import AskKind, AskRequest
from hermes.tools.contract import TIMED_OUT, Effect, ToolContext, ToolOutcome, ToolResult
from hermes.tools.signature.define import tool

# What fits as buttons under a message on a phone.
MOST_CHOICES = 4
_MOST_CHOICE_CHARACTERS = 100
_MOST_QUESTION_CHARACTERS = 2_000


@tool(toolset="clarify", effect=Effect.IDEMPOTENT)
async def clarify(
    context: ToolContext,
    question: str,
    choices: Annotated[list[str] | None, "at most 4; leave out for a free answer"] = None,
) -> ToolOutcome:
    """Ask the user one question and wait for the answer."""
    if context.answer is not None:
        return _answered(context.answer, context.clarify_timeout)
    offered = tuple(dict.fromkeys(choice.strip() for choice in choices or ()))
    problem = _problem(question.strip(), offered)
    if problem:
        return ToolResult(f"Nothing was asked: {problem}.", is_error=True)
    return AskRequest(AskKind.CLARIFY, question.strip(), offered, context.clarify_timeout)


def _answered(answer: str, timeout: float) -> ToolResult:
    if answer == TIMED_OUT:
        return ToolResult(
            f"Nobody answered within {timeout:g} seconds. Choose what is safest to undo, and say what you assumed."
        )
    return ToolResult(f"The user answered: {answer}")


def _problem(question: str, choices: tuple[str, ...]) -> str:
    if not question or len(question) > _MOST_QUESTION_CHARACTERS:
        return f"a question has 1 to {_MOST_QUESTION_CHARACTERS} characters"
    if len(choices) > MOST_CHOICES:
        return f"at most {MOST_CHOICES} choices can be offered"
    if any(not choice or len(choice) > _MOST_CHOICE_CHARACTERS for choice in choices):
        return f"a choice has 1 to {_MOST_CHOICE_CHARACTERS} characters"
    return ""


TOOLS = (clarify,)
