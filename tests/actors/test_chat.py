"""The tree of a chat in this process, with the offline model and a terminal that is played by the test."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from attrs import define, field

from actors.assembly import Program
from actors.chat import Parting, Reply, ask, converse
from adapters.terminal.adapter import TerminalAdapter
from adapters.terminal.blocks import Answered, Said, Trouble
from adapters.terminal.chats import typed
from adapters.terminal.desk import Desk
from adapters.terminal.outgoing import Outgoing
from adapters.terminal.query import Query
from adapters.terminal.scene import Scene
from hermes.config.schema import Settings
from hermes.errors import Unavailable
from hermes.events import OutboundKind
from hermes.home import find_home, make_home
from hermes.redact import Redactor
from hermes.store.store import SqliteStore
from hermes.store.tables.owners import hold, terminal_owner
from tests.actors.leaving import leave_a_change
from tests.adapters.terminal.recording import RecordingScreen

# Seconds for anything that a test waits for, on a machine that is busy with others.
WITHIN = 60.0


@pytest.fixture
def program(tmp_path: Path) -> Program:
    home = find_home(os.environ)
    make_home(home)
    return Program(
        home=home,
        settings=Settings(toolsets=("todo",)),
        environment={},
        redactor=Redactor(),
        owner=terminal_owner("s1"),
        gateway=False,
    )


async def question(program: Program, text: str) -> tuple[Reply, list[str]]:
    outgoing, said = Outgoing(), list[str]()
    query = Query(typed("s1", text, event_id=f"q-{text}", now=0.0), outgoing, said.append, None)
    with trio.fail_after(WITHIN), hold(program.home.run_dir, program.owner):
        return await ask(program, "s1", query, outgoing), said


def text_of(reply: Reply) -> str:
    assert reply.message is not None
    return reply.message.text


async def test_a_question_is_answered_and_nothing_is_left_unsent(program: Program) -> None:
    reply, said = await question(program, "say hello")
    assert (text_of(reply), reply.failed, reply.signal, said) == ("hello", False, 0, [])
    again, said = await question(program, "say again")
    assert (text_of(again), said) == ("again", []), "the row of the first answer says that it was sent"


async def test_a_store_that_falls_silent_at_the_end_takes_no_answer_back(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: object) -> None:
        raise Unavailable("the store did not write within 30 s")

    monkeypatch.setattr(SqliteStore, "ping", silent)
    reply, _ = await question(program, "say hello")
    assert (text_of(reply), reply.failed) == ("hello", False)
    async with chatting(program) as (front, parting):
        front.desk.type_text("say again", "")
        await front.until(Answered("again"))
        monkeypatch.setattr(SqliteStore, "current", silent)
    assert parting[0].session_id == ""


async def test_a_store_that_never_answers_at_the_end_is_not_waited_for(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr("actors.chat.LAST_WORDS_WITHIN", 0.05)
    async with chatting(program) as (front, parting):
        front.desk.type_text("say hello", "")
        await front.until(Answered("hello"))
        monkeypatch.setattr(SqliteStore, "current", hangs)
    assert parting[0].session_id == ""


async def test_a_command_is_answered_by_its_output(program: Program) -> None:
    reply, _ = await question(program, "/status")
    assert reply.message is not None
    assert (reply.message.kind, reply.failed) == (OutboundKind.NOTICE, False)


async def test_a_turn_that_was_stopped_is_a_failure(program: Program) -> None:
    outgoing = Outgoing()
    query = Query(typed("s1", "think 500", event_id="q1", now=0.0), outgoing, lambda _: None, None)
    with trio.fail_after(WITHIN), hold(program.home.run_dir, program.owner):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(signal_when, query, signal.SIGINT)
            reply = await ask(program, "s1", query, outgoing)
    assert (text_of(reply), reply.failed, reply.signal) == ("Stopped.", True, signal.SIGINT)


async def signal_when(query: Query, number: signal.Signals) -> None:
    """Signal this process once the turn is under way."""
    while query._state is None:
        await trio.sleep(0.01)
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("numbers", [(signal.SIGTERM,), (signal.SIGHUP,), (signal.SIGINT, signal.SIGINT)])
async def test_a_signal_leaves_the_question_for_later(
    program: Program, monkeypatch: pytest.MonkeyPatch, numbers: tuple[signal.Signals, ...]
) -> None:
    outgoing = Outgoing()
    query = Query(typed("s1", "count to 900 slowly", event_id="q1", now=0.0), outgoing, lambda _: None, None)
    asked_to_stop = trio.Event()
    # Nobody takes the request to stop, as when the store hangs.
    monkeypatch.setattr(Query, "stop", lambda _: asked_to_stop.set())

    async def send() -> None:
        await signal_when(query, numbers[0])
        if len(numbers) > 1:
            await asked_to_stop.wait()
            os.kill(os.getpid(), numbers[1])

    with trio.fail_after(WITHIN), hold(program.home.run_dir, program.owner):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            reply = await ask(program, "s1", query, outgoing)
    assert reply == Reply(None, failed=True, signal=numbers[-1])
    resumed, _ = await question(program, "/status")
    assert resumed.message is not None


@define(eq=False)
class PlayedFront:
    """``actors.chat.Front`` without a terminal."""

    screen: RecordingScreen = field(factory=RecordingScreen)
    left: trio.Event = field(factory=trio.Event)
    pressed: int = 0
    started: trio.Event = field(factory=trio.Event)
    desk: Desk = field(init=False)
    adapter: TerminalAdapter = field(init=False)

    def __attrs_post_init__(self) -> None:
        outgoing = Outgoing()
        self.desk = Desk("s1", outgoing, self.screen, Scene("s1"))
        self.adapter = TerminalAdapter("s1", self.desk, outgoing)

    @property
    def running(self) -> bool:
        return self.desk.scene.running

    @property
    def unsent(self) -> tuple[str, ...]:
        return tuple(event.text for event in self.adapter.outgoing.waiting)

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        self.started.set()
        await self.left.wait()

    def ctrl_c(self) -> None:
        self.pressed += 1

    def tell(self, trouble: str) -> None:
        self.screen.post(Trouble(trouble))

    async def until(self, what: object) -> None:
        while what not in self.screen.blocks:
            await trio.sleep(0.01)

    async def until_state(self, state: str) -> None:
        while not self.screen.scenes or self.screen.scenes[-1].state != state:
            await trio.sleep(0.01)


@asynccontextmanager
async def chatting(program: Program) -> AsyncIterator[tuple[PlayedFront, list[Parting]]]:
    """A chat; it is left on the way out, and what it left is in the list then."""
    front, parting = PlayedFront(), list[Parting]()

    async def run() -> None:
        parting.append(await converse(program, "s1", front))

    with trio.fail_after(WITHIN), hold(program.home.run_dir, program.owner):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await front.started.wait()
            yield front, parting
            front.left.set()


async def test_a_chat_goes_to_and_fro_until_it_is_left(program: Program) -> None:
    async with chatting(program) as (front, parting):
        front.desk.type_text("say hello", "")
        await front.until(Answered("hello"))
    (left,) = parting
    assert Said("say hello") in front.screen.blocks
    assert left.session_id
    assert (left.unfinished, left.unsent, left.signal) == (False, (), 0)


async def test_a_chat_takes_back_changes_of_files_that_were_cut_short(program: Program, tmp_path: Path) -> None:
    path = leave_a_change(program.home, tmp_path)
    async with chatting(program) as (front, _):
        front.desk.type_text("say hello", "")
        await front.until(Answered("hello"))
        assert path.read_text() == "old"


async def test_a_question_takes_back_changes_of_files_that_were_cut_short(program: Program, tmp_path: Path) -> None:
    path = leave_a_change(program.home, tmp_path)
    await question(program, "say hello")
    assert path.read_text() == "old"


async def test_a_chat_in_which_nothing_was_said_leaves_no_session(program: Program) -> None:
    async with chatting(program) as (_, parting):
        pass
    assert parting == [Parting("", unfinished=False, unsent=(), signal=0)]


async def test_what_is_typed_and_left_at_once_is_still_made_durable(program: Program) -> None:
    async with chatting(program) as (front, parting):
        front.desk.type_text("count to 5 slowly", "")
    assert parting[0].unsent == ()
    async with chatting(program) as (front, _):
        await front.until(Answered("1 2 3 4 5"))


async def test_a_turn_that_is_under_way_goes_on_in_the_next_chat(program: Program) -> None:
    async with chatting(program) as (front, parting):
        front.desk.type_text("count to 9 slowly", "")
        await front.until_state("writing")
    assert parting[0].unfinished
    async with chatting(program) as (front, parting):
        await front.until(Answered("1 2 3 4 5 6 7 8 9"))
    assert front.screen.blocks.count(Answered("1 2 3 4 5 6 7 8 9")) == 1
    assert not parting[0].unfinished


async def test_sigterm_ends_a_chat_and_ctrl_c_is_the_prompts(program: Program) -> None:
    async with chatting(program) as (front, parting):
        for pressed in (1, 2):
            os.kill(os.getpid(), signal.SIGINT)
            while front.pressed < pressed:
                await trio.sleep(0.01)
        assert parting == []
        os.kill(os.getpid(), signal.SIGTERM)
        while not parting:
            await trio.sleep(0.01)
    assert parting[0].signal == signal.SIGTERM


async def test_what_fails_for_good_is_told_and_ends_a_question(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(SqliteStore, "claim", fails)
    reply, _ = await question(program, "say hello")
    assert reply.failed
    assert "ZeroDivisionError: a bug of ours" in text_of(reply)
    async with chatting(program) as (front, _):
        front.desk.type_text("say hello", "")
        while not any(isinstance(block, Trouble) and "a bug of ours" in block.text for block in front.screen.blocks):
            await trio.sleep(0.01)
