"""What the tests of the turn build: messages, calls, and machines over three tools of the three effects."""

from itertools import count

from hermes.agent.turn import TurnMachine
from hermes.agent.turnio import ModelReplied, PlannedCall, RunTools, TurnEffect
from hermes.asks import Ask, AskKind, AskRequest
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.tools.contract import Effect, ToolResult

EFFECTS = {"read": Effect.READ_ONLY, "put": Effect.IDEMPOTENT, "run": Effect.EFFECTFUL}
COST = Usage(10, 3)
OK = ToolResult("ok")
REQUEST = AskRequest(AskKind.APPROVAL, "Run it?", ("once", "deny"), 60.0)
NOW = 1_000.0


def user(text: str = "hello") -> Message:
    return Message(Role.USER, text)


def said(text: str) -> Message:
    return Message(Role.ASSISTANT, text)


def call(name: str, call_id: str, arguments: str = "{}") -> ToolCall:
    return ToolCall(call_id, name, arguments)


def effect_of(name: str, arguments: str) -> Effect:
    """Of a call; ``run`` only looks when its arguments say so."""
    return Effect.READ_ONLY if name == "run" and "look" in arguments else EFFECTS[name]


def calling(*calls: ToolCall, text: str = "") -> Message:
    return Message(Role.ASSISTANT, text, tool_calls=calls)


def result(call_id: str, name: str, text: str = "ok") -> Message:
    return Message(Role.TOOL, text, tool_call_id=call_id, tool_name=name)


def replied(*calls: ToolCall, text: str = "") -> ModelReplied:
    return ModelReplied(Message(Role.ASSISTANT, text, tool_calls=calls), COST)


def machine(
    *messages: Message, limit: int = 90, started: frozenset[str] = frozenset(), asks: tuple[Ask, ...] = ()
) -> TurnMachine:
    """A machine that is not started; ids are minted as m1, m2, ..."""
    numbers = count(1)
    return TurnMachine(
        "turn",
        messages or (user(),),
        effects=effect_of,
        max_iterations=limit,
        mint=lambda: f"m{next(numbers)}",
        now=lambda: NOW,
        started_calls=started,
        asks=asks,
    )


def begun(*messages: Message, limit: int = 90) -> TurnMachine:
    """A machine whose model call is under way."""
    made = machine(*messages, limit=limit)
    made.start()
    return made


def planned(effects: list[TurnEffect]) -> tuple[PlannedCall, ...]:
    """What the effects say to run."""
    return tuple(one for effect in effects if isinstance(effect, RunTools) for one in effect.calls)


def running(effects: list[TurnEffect]) -> list[str]:
    """Ids of what the effects say to run."""
    return [one.call.id for one in planned(effects)]
