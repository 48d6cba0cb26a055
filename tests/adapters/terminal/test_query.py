from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from attrs import define, evolve, field

from adapters.terminal.adapter import TerminalAdapter
from adapters.terminal.chats import session_key, source, typed
from adapters.terminal.outgoing import Outgoing
from adapters.terminal.query import NOBODY, Query
from hermes.asks import APPROVAL_CHOICES, NOBODY_THERE
from hermes.errors import Refused, Unavailable
from hermes.events import DraftState, InboundKind, Outbound, OutboundKind
from tests.adapters.fakehost import FakeHost, draft, outbound

KEY = session_key("s1")
QUESTION = typed("s1", "what is it?", event_id="q1", now=0.0)


@define(eq=False)
class Terminal:
    """A person with a line for each time they are asked, and everything that is said to them."""

    said: list[str] = field(factory=list)
    send: trio.MemorySendChannel[str] = field(init=False)
    _lines: trio.MemoryReceiveChannel[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.send, self._lines = trio.open_memory_channel[str](10)

    async def read_line(self) -> str:
        return await self._lines.receive()


@define(eq=False)
class Asked:
    """A query at work."""

    query: Query
    adapter: TerminalAdapter
    host: FakeHost
    terminal: Terminal
    reply: list[Outbound] = field(factory=list)

    async def say(self, text: str, **more: object) -> None:
        await self.host.say(self.adapter, outbound(source("s1"), KEY, text, **more))

    async def ask(
        self, ask_id: str, text: str = "Run it?\n\n```\nrm -rf x\n```", choices: tuple[str, ...] = APPROVAL_CHOICES
    ) -> None:
        await self.say(text, key=f"{ask_id}:ask", kind=OutboundKind.ASK, ask_id=ask_id, choices=choices)

    async def answers(self) -> list[tuple[str, str]]:
        await trio.testing.wait_all_tasks_blocked()
        return [(event.ask_id, event.text) for event in self.host.events if event.kind is InboundKind.ANSWER]


@asynccontextmanager
async def asking(*, person: bool = False, host: FakeHost | None = None) -> AsyncIterator[Asked]:
    terminal, host, outgoing = Terminal(), host or FakeHost(), Outgoing()
    query = Query(QUESTION, outgoing, terminal.said.append, terminal.read_line if person else None)
    asked = Asked(query, TerminalAdapter("s1", query, outgoing), host, terminal)

    async def run() -> None:
        asked.reply.append(await query.run())
        nursery.cancel_scope.cancel()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(asked.adapter.run, host)
            nursery.start_soon(run)
            yield asked


async def test_the_answer_to_the_question_ends_it() -> None:
    async with asking() as asked:
        await asked.host.received()
        await asked.say("42", answers=("q1",))
    assert asked.host.events == [QUESTION]
    assert [message.text for message in asked.reply] == ["42"]
    assert asked.terminal.said == []


async def test_what_answers_something_else_is_said_beside_the_answer() -> None:
    async with asking() as asked:
        await asked.say("an earlier \x1b[31manswer", answers=("q0",))
        await asked.say("42", answers=("q0", "q1"))
    assert asked.terminal.said == ["an earlier answer"]
    assert [message.text for message in asked.reply] == ["42"]


async def test_an_answer_that_the_session_holds_already_is_not_said_again() -> None:
    host = FakeHost()
    old = outbound(source("s1"), KEY, "old", key="old:answer", answers=("q0",))
    host.remember(KEY, host.entry("answer", "old", key="old:answer", answers=("q0",)))
    async with asking(host=host) as asked:
        await asked.adapter.send(old)
        await asked.say("42", answers=("q1",))
    assert asked.terminal.said == []


async def test_with_nobody_to_ask_an_approval_is_denied_at_once_and_told() -> None:
    async with asking() as asked:
        await asked.ask("a1")
        assert await asked.answers() == [("a1", NOBODY_THERE)]
        await asked.say("I may not.", answers=("q1",))
    assert asked.terminal.said == ["denied, as nobody can be asked here: rm -rf x"]


async def test_with_nobody_to_ask_a_question_is_answered_so_that_the_turn_goes_on() -> None:
    async with asking() as asked:
        await asked.ask("a1", "Which one?", ())
        assert await asked.answers() == [("a1", NOBODY)]
        await asked.say("x", answers=("q1",))


async def test_a_person_is_asked_until_the_answer_is_one() -> None:
    async with asking(person=True) as asked:
        await asked.ask("a1")
        for line in ("what?\n", "\n", "s\n"):
            await asked.terminal.send.send(line)
        assert await asked.answers() == [("a1", "session")]
        await asked.say("done", answers=("q1",))
    assert asked.terminal.said == ["Run it?\n    rm -rf x", *["[o]nce  [s]ession  [a]lways  [d]eny"] * 3]


async def test_the_end_of_input_denies() -> None:
    async with asking(person=True) as asked:
        await asked.ask("a1")
        await asked.terminal.send.send("")
        assert await asked.answers() == [("a1", "deny")]
        await asked.say("done", answers=("q1",))


async def test_what_is_asked_about_is_shown_exactly() -> None:
    async with asking(person=True) as asked:
        await asked.ask("a1", "Run it?\n\n```\nls\x1b[2K\rrm\n```\n```")
        await trio.testing.wait_all_tasks_blocked()
        assert asked.terminal.said[0] == "Run it?\n    ls\\x1b[2K\\rrm\n    ```"
        await asked.say("done", answers=("q1",))


async def test_a_question_whose_time_is_over_is_taken_back_and_the_next_one_is_asked() -> None:
    async with asking(person=True) as asked:
        await asked.ask("a1")
        await asked.ask("a2", "And this?")
        await trio.testing.wait_all_tasks_blocked()
        await close(asked, "a1", "expired")
        await asked.adapter.show_draft(draft(source("s1"), KEY, "", state=DraftState.THINKING))
        await asked.terminal.send.send("o\n")
        assert await asked.answers() == [("a2", "once")]
        await asked.say("done", answers=("q1",))
    assert "its time is over" in asked.terminal.said


async def close(asked: Asked, ask_id: str, state: str) -> None:
    """The transcript shows how a question ended."""
    entries = (await asked.host.transcript(KEY)).entries
    asked.host._entries[KEY] = [evolve(e, state=state) if e.ask_id == ask_id else e for e in entries]


async def test_a_question_that_a_resumed_session_left_open_is_asked() -> None:
    host = FakeHost()
    host.remember(KEY, host.entry("ask", "Run it?", key="k", state="open", ask_id="a0", choices=APPROVAL_CHOICES))
    async with asking(host=host) as asked:
        assert await asked.answers() == [("a0", NOBODY_THERE)]
        await asked.say("x", answers=("q1",))


async def test_a_refused_question_is_a_failure_with_its_reason() -> None:
    host = FakeHost()
    host.failures.append(Refused("too large"))
    async with asking(host=host) as asked:
        await trio.sleep_forever()
    assert [(message.kind, message.text) for message in asked.reply] == [(OutboundKind.NOTICE, "too large")]


async def test_a_store_that_does_not_answer_is_told(autojump_clock: trio.testing.MockClock) -> None:
    host = FakeHost()
    host.failures.append(Unavailable("no answer within 5 s"))
    async with asking(host=host) as asked:
        await asked.host.received()
        await asked.say("42", answers=("q1",))
    assert asked.terminal.said == ["not taken yet: no answer within 5 s"]


async def test_stop_is_a_command_of_the_same_chat() -> None:
    async with asking() as asked:
        await asked.host.received()
        asked.query.stop()
        events = await asked.host.received(2)
        assert (events[1].kind, events[1].text) == (InboundKind.COMMAND, "/stop")
        await asked.say("Stopped.", answers=("q1",))


@pytest.mark.parametrize("fails", [Unavailable("no answer")])
async def test_a_transcript_that_cannot_be_read_is_the_callers_matter(fails: Exception) -> None:
    async with asking(person=True) as asked:
        await asked.ask("a1")
        await trio.testing.wait_all_tasks_blocked()
        asked.host.transcript_failures.append(fails)
        with pytest.raises(Unavailable):
            await asked.adapter.show_draft(draft(source("s1"), KEY, "", state=DraftState.TOOL))
        await asked.say("done", answers=("q1",))
