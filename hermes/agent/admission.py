"""Which tool calls of a reply are run. A model may write anything; none of it fails the turn.

1. Every call gets a result. One that cannot be run gets an error that says why, for the model to do better.
2. Ids are made unique in the turn: both the wires and the journal tell calls apart by them. Small local servers count
   from zero in each reply, which is renamed and harmless; an id that comes twice in one reply is a stutter, and its
   repetition is not run.
3. A name that no wire would take back (OpenAI: letters, digits, ``_`` and ``-``, at most 64) is made harmless, or each
   later request of the session would be refused.
"""

import json
import re
from collections.abc import Callable, Iterable

from attrs import evolve, frozen

from hermes.agent.transcript import result_message
from hermes.agent.turnio import PlannedCall
from hermes.messages import Message, ToolCall
from hermes.tools.contract import Effect, ToolResult

# A reply that asks for more has lost its way, and each call costs a journal write and a place in every later request.
MAX_CALLS = 32

_NAME_LENGTH = 64
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")

Effects = Callable[[str, str], Effect]
"""The effect of a call by its tool's name and its arguments, the JSON text of the model; whatever that text is, it only
raises ``KeyError``, for a tool that the session does not have.
"""


@frozen
class Admission:
    """The calls of one reply, sorted."""

    calls: tuple[ToolCall, ...]
    """All of them, as they go into the transcript."""
    planned: tuple[PlannedCall, ...]
    refusals: tuple[Message, ...]
    """Results of the others."""


def admit(calls: Iterable[ToolCall], known: set[str], effects: Effects, mint: Callable[[], str]) -> Admission:
    """Sort the calls of a reply; ``known`` are the ids that the turn has used before."""
    named: list[ToolCall] = []
    planned: list[PlannedCall] = []
    refusals: list[Message] = []
    in_reply: set[str] = set()
    for position, original in enumerate(calls):
        stutter = bool(original.id) and original.id in in_reply
        in_reply.add(original.id)
        call = evolve(original, id=mint()) if not original.id or stutter or original.id in known else original
        outcome = _refusal(original, position, stutter=stutter) or plan(call, effects)
        if isinstance(outcome, PlannedCall):
            planned.append(outcome)
        else:
            call = evolve(call, name=harmless_name(call.name))
            refusals.append(result_message(call, outcome))
        named.append(call)
    return Admission(tuple(named), tuple(planned), tuple(refusals))


def plan(call: ToolCall, effects: Effects) -> PlannedCall | ToolResult:
    """The call ready to run, or the error that is its result. Blank arguments mean none."""
    if not call.arguments.strip():
        call = evolve(call, arguments="{}")
    try:
        effect = effects(call.name, call.arguments)
    except KeyError:
        return ToolResult(f"There is no tool named {harmless_name(call.name)!r} here.", is_error=True)
    problem = _problem(call.arguments)
    return ToolResult(problem, is_error=True) if problem else PlannedCall(call, effect)


def harmless_name(name: str) -> str:
    """``name`` with only what every wire takes."""
    return _FOREIGN.sub("_", name[:_NAME_LENGTH]) or "unnamed"


def _refusal(call: ToolCall, position: int, *, stutter: bool) -> ToolResult | None:
    if position >= MAX_CALLS:
        return ToolResult(f"Not run: at most {MAX_CALLS} calls of one reply are. Ask again.", is_error=True)
    if stutter:
        return ToolResult(f"Not run: the call id {call.id[:_NAME_LENGTH]!r} came twice in one reply.", is_error=True)
    return None


def _problem(arguments: str) -> str:
    try:
        value: object = json.loads(arguments)
    except (ValueError, RecursionError) as error:
        return f"The arguments are not JSON: {error}"
    return "" if isinstance(value, dict) else "The arguments are not a JSON object."
