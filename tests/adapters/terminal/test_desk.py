from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from attrs import define, evolve

from adapters.terminal.adapter import TerminalAdapter
from adapters.terminal.blocks import Answered, Asked, Noticed, Remark, Said, ToolUsed, Trouble
from adapters.terminal.chats import MAX_TYPED, session_key, source
from adapters.terminal.desk import GREETING, Desk
from adapters.terminal.outgoing import MAX_WAITING, Outgoing
from adapters.terminal.scene import Scene
from hermes.asks import APPROVAL_CHOICES
from hermes.errors import Refused, Unavailable
from hermes.events import DraftState, Inbound, InboundKind, OutboundKind
from hermes.store.rows import TranscriptEntry
from tests.adapters.fakehost import FakeHost, draft, outbound
from tests.adapters.terminal.recording import RecordingScreen

KEY = session_key("s1")


@define(eq=False)
class Chat:
    """A desk at work, with the store's side played by the test."""

    desk: Desk
    adapter: TerminalAdapter
    host: FakeHost
    screen: RecordingScreen

    @property
    def scene(self) -> Scene:
        return self.screen.scenes[-1]

    async def type(self, text: str, ask_id: str = "") -> str:
        """Type a line and let it be taken; its event id."""
        self.desk.type_text(text, ask_id)
        await trio.testing.wait_all_tasks_blocked()
        return self.host.events[-1].event_id

    async def say(self, text: str, **more: object) -> None:
        await self.host.say(self.adapter, outbound(source("s1"), KEY, text, **more))

    async def ask(self, ask_id: str = "a1", **more: object) -> None:
        await self.say(
            "Run it?\n\n```\nrm x\n```",
            key=f"{ask_id}:ask",
            kind=OutboundKind.ASK,
            ask_id=ask_id,
            turn_id="t1",
            choices=APPROVAL_CHOICES,
            **more,
        )

    async def draft(self, state: DraftState, text: str = "", tool: str = "", turn_id: str = "t1") -> None:
        await self.adapter.show_draft(draft(source("s1"), KEY, text, state=state, tool=tool, turn_id=turn_id))

    async def mark(self, key: str, **change: object) -> None:
        """The store changed an entry."""
        entries = (await self.host.transcript(KEY)).entries
        self.host._entries[KEY] = [
            evolve(each, **change) if key in {each.key, each.ask_id} else each for each in entries
        ]


@asynccontextmanager
async def chatting(
    *entries: TranscriptEntry, host: FakeHost | None = None, show_history: bool = True
) -> AsyncIterator[Chat]:
    host, screen, outgoing = host or FakeHost(), RecordingScreen(), Outgoing()
    host.remember(KEY, *entries)
    desk = Desk("s1", outgoing, screen, Scene("s1", model="offline"), show_history)
    chat = Chat(desk, TerminalAdapter("s1", desk, outgoing), host, screen)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(chat.adapter.run, host)
            yield chat
            nursery.cancel_scope.cancel()


def entry(number: int, kind: str, text: str, **more: str) -> TranscriptEntry:
    return TranscriptEntry(number, kind, text, 0.0, more.pop("key", f"k{number}"), **more)


async def test_a_new_chat_begins_with_a_word_of_help() -> None:
    async with chatting() as chat:
        assert chat.screen.blocks == [Remark(GREETING)]
        assert not chat.scene.running


async def test_what_is_typed_is_shown_as_sent_when_it_is_durable() -> None:
    async with chatting(host=FakeHost(gate=trio.Event())) as chat:
        chat.desk.type_text("hello", "")
        await trio.testing.wait_all_tasks_blocked()
        assert chat.scene.sending == ("hello",)
        assert Said("hello") not in chat.screen.blocks
        assert chat.host.gate is not None
        chat.host.gate.set()
        await chat.host.received()
        await trio.testing.wait_all_tasks_blocked()
        assert chat.scene.sending == ()
        assert chat.screen.blocks[-1] == Said("hello")


async def test_something_runs_from_the_moment_at_which_a_message_is_accepted_until_its_answer() -> None:
    async with chatting() as chat:
        event_id = await chat.type("hello")
        assert (chat.scene.state, chat.scene.running) == ("thinking", True)
        await chat.draft(DraftState.WRITING, "so f")
        assert (chat.scene.state, chat.scene.draft) == ("writing", "so f")
        await chat.mark(event_id, state="done", turn_id="t1")
        await chat.say("so far so good", answers=(event_id,), turn_id="t1")
        assert (chat.scene.state, chat.scene.draft, chat.scene.running) == ("", "", False)
        assert chat.screen.blocks[-1] == Answered("so far so good")


async def test_an_answer_is_not_shown_while_it_is_written_where_nobody_wants_that() -> None:
    async with chatting() as chat:
        chat.desk.stream = False
        await chat.draft(DraftState.WRITING, "so f")
        assert (chat.scene.state, chat.scene.draft) == ("writing", "")


async def test_a_late_draft_of_an_answered_turn_is_not_shown() -> None:
    async with chatting() as chat:
        await chat.say("done", turn_id="t1")
        await chat.draft(DraftState.WRITING, "do")
        assert not chat.scene.running
        await chat.draft(DraftState.WRITING, "next", turn_id="t2")
        assert chat.scene.running


async def test_a_turn_that_ends_without_a_word_ends_on_the_screen_too() -> None:
    async with chatting() as chat:
        first = await chat.type("one")
        await chat.draft(DraftState.WRITING, "1")
        second = await chat.type("two")
        await chat.mark(first, state="done", turn_id="t1")
        await chat.draft(DraftState.ENDED)
        assert chat.scene.state == "thinking"
        await chat.mark(second, state="done", turn_id="t2")
        await chat.draft(DraftState.ENDED, turn_id="t2")
        assert not chat.scene.running


async def test_an_answer_that_is_in_the_store_and_not_here_yet_keeps_its_draft_on_the_screen() -> None:
    async with chatting() as chat:
        event_id = await chat.type("hello")
        await chat.draft(DraftState.WRITING, "so far so good")
        await chat.mark(event_id, state="done", turn_id="t1")
        answer = outbound(source("s1"), KEY, "so far so good", answers=(event_id,), turn_id="t1")
        chat.host.remember(KEY, chat.host.entry("answer", answer.text, key=answer.key, turn_id="t1"))
        await chat.draft(DraftState.ENDED)
        assert (chat.scene.state, chat.scene.draft) == ("writing", "so far so good")
        await chat.adapter.send(answer)
        assert not chat.scene.running
        assert chat.screen.blocks[-1] == Answered("so far so good")


async def test_a_turn_that_a_crash_ended_does_not_stay_on_the_screen() -> None:
    async with chatting() as chat:
        event_id = await chat.type("poison")
        await chat.draft(DraftState.TOOL, tool="terminal {}")
        await chat.mark(event_id, state="dead", turn_id="t1")
        await chat.say("Something went wrong twice.", kind=OutboundKind.NOTICE, answers=(event_id,))
        assert (chat.scene.running, chat.scene.tool) == (False, "")
        assert chat.screen.blocks[-1] == Noticed("Something went wrong twice.")


async def test_tools_are_printed_when_they_are_over_and_before_the_answer() -> None:
    async with chatting() as chat:
        event_id = await chat.type("list")
        await chat.draft(DraftState.WRITING, "Let me look.")
        chat.host.remember(KEY, chat.host.entry("tool", '{"command": "ls"}', key="c1", tool="terminal"))
        await chat.draft(DraftState.TOOL, tool='terminal {"command": "ls"}')
        assert chat.scene.tool == 'terminal {"command": "ls"}'
        assert chat.scene.draft == "Let me look."
        assert not [block for block in chat.screen.blocks if isinstance(block, ToolUsed)]
        await chat.draft(DraftState.THINKING)
        (tool,) = [block for block in chat.screen.blocks if isinstance(block, ToolUsed)]
        assert (tool.name, tool.arguments, tool.seconds is not None) == ("terminal", '{"command": "ls"}', True)
        chat.host.remember(KEY, chat.host.entry("tool", "{}", key="c2", tool="todo"))
        await chat.say("two files", answers=(event_id,), turn_id="t1")
        assert chat.screen.blocks[-2:] == [ToolUsed("todo", "{}"), Answered("two files")]


async def test_a_question_stands_there_until_it_is_answered() -> None:
    async with chatting() as chat:
        await chat.type("run rm x")
        await chat.draft(DraftState.WAITING)
        await chat.ask()
        assert chat.scene.ask is not None
        assert (chat.scene.ask.ask_id, chat.scene.ask.subject) == ("a1", "rm x")
        assert isinstance(chat.screen.blocks[-1], Asked)
        chat.desk.choose("a1", "once")
        assert chat.scene.ask is None, "it cannot be answered twice"
        await trio.testing.wait_all_tasks_blocked()
        assert (chat.host.events[-1].kind, chat.host.events[-1].text) == (InboundKind.ANSWER, "once")
        assert chat.screen.blocks[-1] == Remark("answered: once")
        assert chat.scene.ask is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [("deny", InboundKind.ANSWER), ("what is x?", InboundKind.MESSAGE), ("/status", InboundKind.COMMAND)],
)
async def test_a_typed_line_answers_the_question_or_is_a_message(text: str, kind: InboundKind) -> None:
    async with chatting() as chat:
        await chat.ask()
        await chat.type(text, ask_id="a1")
        assert chat.host.events[-1].kind is kind


async def test_a_line_that_was_typed_before_the_question_stood_there_is_no_answer() -> None:
    async with chatting() as chat:
        await chat.ask()
        await chat.type("yes", ask_id="")
        assert chat.host.events[-1].kind is InboundKind.MESSAGE


async def test_a_question_whose_time_is_over_is_taken_back() -> None:
    async with chatting() as chat:
        await chat.ask("a1")
        await chat.ask("a2")
        await chat.mark("a1", state="expired")
        await chat.draft(DraftState.TOOL, tool="terminal {}")
        assert chat.scene.ask is not None
        assert chat.scene.ask.ask_id == "a2"
        await chat.say("done", turn_id="t1")
        assert chat.scene.ask is None


async def test_a_resumed_chat_shows_its_last_exchanges_and_what_is_still_open() -> None:
    entries = [entry(1, "user", "hi", state="done"), entry(2, "answer", "hello", turn_id="t0")]
    entries += [entry(3, "user", "run rm x", state="running", key="e3", turn_id="t1")]
    entries += [entry(4, "ask", "Run it?", state="open", ask_id="a1", choices=APPROVAL_CHOICES, turn_id="t1")]
    async with chatting(*entries) as chat:
        assert chat.screen.blocks[:3] == [Said("hi"), Answered("hello"), Said("run rm x")]
        assert chat.scene.running
        assert chat.scene.ask is not None
        await chat.mark("e3", state="done")
        await chat.say("done", answers=("e3",), turn_id="t1")
        assert not chat.scene.running


async def test_an_answer_that_was_on_its_way_is_shown_once_when_the_chat_is_resumed() -> None:
    message = outbound(source("s1"), KEY, "42", answers=("e1",), turn_id="t1")
    entries = (entry(1, "user", "q", state="done", key="e1"), entry(2, "answer", "42", key=message.key, turn_id="t1"))
    async with chatting(*entries) as chat:
        await chat.adapter.send(message)
        assert chat.screen.blocks.count(Answered("42")) == 1
    async with chatting(*entries, show_history=False) as chat:
        await chat.adapter.send(message)
        assert chat.screen.blocks.count(Answered("42")) == 1


async def test_without_history_a_resumed_chat_still_shows_an_open_question() -> None:
    asked = entry(2, "ask", "Run it?", state="open", ask_id="a1", choices=APPROVAL_CHOICES)
    async with chatting(entry(1, "user", "secret", state="done"), asked, show_history=False) as chat:
        assert Said("secret") not in chat.screen.blocks
        assert [type(block) for block in chat.screen.blocks] == [Remark, Asked]


async def test_a_restart_of_the_adapter_draws_nothing_twice() -> None:
    async with chatting(entry(1, "user", "hi", state="done")) as chat:
        with trio.move_on_after(0):
            await chat.adapter.run(chat.host)
        assert chat.screen.blocks == [Said("hi")]


async def test_interrupting_says_stop_once_while_that_is_on_its_way() -> None:
    async with chatting(host=FakeHost(gate=trio.Event())) as chat:
        for _ in range(3):
            chat.desk.interrupt()
        assert chat.host.gate is not None
        chat.host.gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert [(event.kind, event.text) for event in chat.host.events] == [(InboundKind.COMMAND, "/stop")]


async def test_a_store_that_does_not_answer_is_told_until_it_does(autojump_clock: trio.testing.MockClock) -> None:
    host = FakeHost()
    host.failures.append(Unavailable("no answer within 5 s"))
    async with chatting(host=host) as chat:
        chat.desk.type_text("hello", "")
        await trio.testing.wait_all_tasks_blocked()
        assert chat.scene.trouble == "not sent yet: no answer within 5 s"
        assert chat.scene.sending == ("hello",)
        await host.received()
        await trio.testing.wait_all_tasks_blocked()
        assert chat.scene.trouble == ""


async def test_a_message_that_will_never_be_taken_is_told() -> None:
    host = FakeHost()
    host.failures.append(Refused("too large"))
    async with chatting(host=host) as chat:
        chat.desk.type_text("hello", "")
        await trio.testing.wait_all_tasks_blocked()
        assert chat.screen.blocks[-2:] == [Said("hello"), Trouble("not taken: too large")]
        assert not chat.scene.running


async def test_what_cannot_be_taken_now_is_told_and_not_dropped_silently() -> None:
    async with chatting(host=FakeHost(gate=trio.Event())) as chat:
        for number in range(MAX_WAITING + 1):
            chat.desk.type_text(f"line {number}", "")
        assert len(chat.scene.sending) == MAX_WAITING
        assert "too much waits" in chat.scene.trouble


async def test_a_line_beyond_the_limit_is_told() -> None:
    async with chatting() as chat:
        chat.desk.type_text("x" * (MAX_TYPED + 1), "")
        assert "at most" in chat.scene.trouble
        assert chat.scene.sending == ()


async def test_a_transcript_that_cannot_be_read_hides_no_answer() -> None:
    async with chatting() as chat:
        chat.host.transcript_failures.append(Unavailable("no"))
        await chat.say("42", turn_id="t1")
        assert chat.screen.blocks[-1] == Answered("42")


async def test_a_message_that_was_answered_before_its_acceptance_was_known_waits_no_more(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with chatting() as chat:

        async def answer_at_once(event: Inbound) -> None:
            await chat.mark(event.event_id, state="done", turn_id="t1")
            await chat.say("42", answers=(event.event_id,), turn_id="t1")
            raise Unavailable("no answer within 5 s")

        chat.host.on_accept = answer_at_once
        await chat.type("hello")
        with trio.fail_after(20):
            while chat.scene.sending:
                await trio.sleep(0.1)
        await trio.testing.wait_all_tasks_blocked()
        assert Answered("42") in chat.screen.blocks
        assert not chat.scene.running
