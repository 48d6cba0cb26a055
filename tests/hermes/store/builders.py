"""Events, answers and small steps of a turn, for the tests of the store."""

from collections.abc import Callable
from typing import TypeVar

from attrs import evolve

from hermes.asks import Ask, AskKind, AskRequest
from hermes.events import Inbound, InboundKind, Outbound, OutboundKind, Source
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.store.engine.database import Database
from hermes.store.interface import Store
from hermes.store.rows import Burial, Lease, Turn, TurnOutcome

NOW = 1_800_000_000.0
KEY = "agent:main:web:dm:chat"
SOURCE = Source("web", "local", "chat", user_id="ada", user_name="Ada")
BURIAL = Burial(poison="gave up ({reference})", stale="too old: {age} ({reference})")

T = TypeVar("T")


def event(
    event_id: str = "e1",
    text: str = "hello",
    *,
    key: str = KEY,
    kind: InboundKind = InboundKind.MESSAGE,
    source: Source = SOURCE,
    sent_at: float = NOW,
    utterance: str = "",
    ask_id: str = "",
    message_id: str = "",
) -> Inbound:
    return Inbound(
        event_id,
        source,
        key,
        kind,
        text,
        sent_at,
        utterance=utterance,
        ask_id=ask_id,
        message_id=message_id,
    )


def command(event_id: str, text: str = "/status", *, key: str = KEY, source: Source = SOURCE) -> Inbound:
    return event(event_id, text, key=key, kind=InboundKind.COMMAND, source=source)


def outbound(
    key: str = "o1",
    text: str = "an answer",
    *,
    kind: OutboundKind = OutboundKind.ANSWER,
    session_key: str = KEY,
    source: Source = SOURCE,
    answers: tuple[str, ...] = (),
) -> Outbound:
    return Outbound(key, source, session_key, kind, text, answers=answers)


def notice(key: str = "n1", text: str = "a notice") -> Outbound:
    return outbound(key, text, kind=OutboundKind.NOTICE)


def question(ask_id: str = "a1", lease: Lease | None = None, *, deadline: float = NOW + 300) -> Ask:
    request = AskRequest(AskKind.APPROVAL, "Run it?", ("once", "deny"), 300.0, subject="rm -r x", rule="rm")
    return Ask(ask_id, lease.turn_id if lease else "", "c1", request, deadline)


def question_message(ask_id: str = "a1") -> Outbound:
    return evolve(outbound(f"ask:{ask_id}", "Run it?", kind=OutboundKind.ASK), choices=("once", "deny"))


def says(text: str) -> Message:
    return Message(Role.ASSISTANT, text)


def calls(call_id: str = "c1", name: str = "terminal", arguments: str = '{"command": "ls"}') -> Message:
    return Message(Role.ASSISTANT, "", (ToolCall(call_id, name, arguments),))


def result(call_id: str = "c1", text: str = "a file") -> Message:
    return Message(Role.TOOL, text, tool_call_id=call_id, tool_name="terminal")


async def claim(store: Store, key: str = KEY, *, now: float = NOW, owner: str = "gateway") -> Turn | None:
    return await store.claim(key, owner, now, BURIAL)


async def claimed(store: Store, key: str = KEY, *, now: float = NOW, owner: str = "gateway") -> Turn:
    turn = await claim(store, key, now=now, owner=owner)
    assert turn is not None
    return turn


async def begin(store: Store, event_id: str = "e1", text: str = "hello", *, key: str = KEY, now: float = NOW) -> Turn:
    await store.accept(event(event_id, text, key=key), now)
    return await claimed(store, key, now=now)


async def finish(
    store: Store,
    turn: Turn,
    text: str = "an answer",
    *,
    outcome: TurnOutcome = TurnOutcome.DONE,
    now: float = NOW,
) -> Outbound:
    """The answer to all of a turn's rows, at the end of the messages that it was claimed with."""
    answers = tuple(row.event.event_id for row in turn.rows)
    answer = evolve(outbound(f"{turn.lease.turn_id}:0", text, answers=answers), turn_id=turn.lease.turn_id)
    await store.finish(turn.lease, len(turn.messages), (says(text),), (answer,), outcome, Usage(10, 5), now)
    return answer


async def exchange(
    store: Store,
    event_id: str = "e1",
    text: str = "hello",
    answer: str = "an answer",
    *,
    key: str = KEY,
    now: float = NOW,
    source: Source = SOURCE,
) -> Turn:
    await store.accept(event(event_id, text, key=key, source=source), now)
    turn = await claimed(store, key, now=now)
    await finish(store, turn, answer, now=now)
    return turn


def rows(database: Database, table: str, columns: str = "*") -> list[tuple[object, ...]]:
    order = "" if table in {"calls", "counters", "current_sessions", "deliveries"} else "ORDER BY rowid"
    return database.connection.execute(f"SELECT {columns} FROM {table} {order}").fetchall()


def commit(database: Database, operation: Callable[..., T]) -> T:
    """One operation in a transaction of its own."""
    (outcome,) = database.commit([operation])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome  # type: ignore[return-value]
