"""The prompt in its thread, over a pipe and a painted screen."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

import pytest
import trio
from attrs import define, evolve, field
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from adapters.terminal import screen as module
from adapters.terminal.blocks import Answered, Remark, Said
from adapters.terminal.front import Front
from adapters.terminal.history import HistoryFile
from adapters.terminal.scene import Scene
from adapters.terminal.screen import MAX_POSTED, TerminalScreen, wants_colour
from tests.adapters.fakehost import FakeHost
from tests.real.vt import Screen

# Seconds for anything that a test waits for, on a machine that is busy with others.
WITHIN = 30.0


class Paper(StringIO):
    """Standard output as the prompt sees it, and what a person sees of it."""

    def __init__(self) -> None:
        super().__init__()
        self.screen = Screen(24, 80)
        self.failure: OSError | None = None
        self.blocked = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def write(self, text: str) -> int:
        if self.failure is not None:
            raise self.failure
        if not self.go_on.is_set():
            self.blocked.set()
            self.go_on.wait(WITHIN)
        self.screen.feed(text.replace("\n", "\r\n").encode())  # as the kernel does for a terminal
        return len(text)


@define(eq=False)
class Hand:
    did: list[tuple[object, ...]] = field(factory=list)
    _changed: trio.Event = field(factory=trio.Event)

    def _note(self, *what: object) -> None:
        assert trio.lowlevel.current_task, "in trio's thread, not in the prompt's"
        self.did.append(what)
        self._changed.set()
        self._changed = trio.Event()

    def type_text(self, text: str, ask_id: str) -> None:
        self._note("typed", text, threading.current_thread() is threading.main_thread())

    def choose(self, ask_id: str, choice: str) -> None:
        self._note("chose", ask_id, choice)

    def interrupt(self) -> None:
        self._note("interrupt")

    def leave(self) -> None:
        self._note("leave")

    async def until(self, *what: object) -> None:
        with trio.fail_after(WITHIN):
            while what not in self.did:
                await self._changed.wait()


@define(eq=False)
class Shown:
    screen: TerminalScreen
    hand: Hand
    paper: Paper
    keys: PipeInput
    scope: trio.CancelScope

    async def see(self, *texts: str) -> None:
        """The thread paints when it gets to it."""
        with trio.fail_after(WITHIN):
            while not all(text in self.paper.screen.text for text in texts):
                await trio.sleep(0.005)


@asynccontextmanager
async def shown(folder: Path, *, stuck: object = None) -> AsyncIterator[Shown]:
    paper, hand = Paper(), Hand()
    with create_pipe_input() as keys:
        output = Vt100_Output(paper, lambda: Size(24, 80), term="xterm")
        screen = TerminalScreen(
            HistoryFile(folder / "history"),
            Scene("s1", model="offline"),
            stuck or _never,
            colour=False,
            input=keys,
            output=output,
        )
        with trio.fail_after(WITHIN):
            async with trio.open_nursery() as nursery:
                await nursery.start(screen.run, hand)
                yield Shown(screen, hand, paper, keys, nursery.cancel_scope)
                nursery.cancel_scope.cancel()


def _never() -> None:
    raise AssertionError("nothing hangs here")


async def test_what_is_typed_arrives_in_trios_thread(tmp_path: Path) -> None:
    async with shown(tmp_path) as at:
        await at.see("ready · offline · s1")
        at.keys.send_text("hello\r")
        await at.hand.until("typed", "hello", True)
        at.keys.send_text("\x04")
        await at.hand.until("leave")


async def test_a_block_is_painted_when_write_returns_and_stands_above_the_prompt(tmp_path: Path) -> None:
    async with shown(tmp_path) as at:
        await at.screen.write(Said("hi"), Answered("**hello**"))
        lines = at.paper.screen.text.split("\n")
        assert lines[1:4] == ["> hi", "", "hello"]
        await at.see("ready")


async def test_blocks_of_several_writers_keep_their_order(tmp_path: Path) -> None:
    async with shown(tmp_path) as at, trio.open_nursery() as nursery:
        for number in range(5):
            at.screen.post(Remark(f"line {number}"))
        nursery.start_soon(at.screen.write, Remark("line 5"))
    painted = [line for line in at.paper.screen.text.split("\n") if "line" in line]
    assert painted == [f"  line {number}" for number in range(6)]


async def test_a_scene_replaces_the_one_before(tmp_path: Path) -> None:
    async with shown(tmp_path) as at:
        at.screen.show(evolve(at.screen.scene, state="writing", draft="so far"))
        await at.see("so far", "writing")
        at.screen.show(Scene("s1"))
        with trio.fail_after(WITHIN):
            while "so far" in at.paper.screen.text:
                await trio.sleep(0.005)


async def test_ctrl_c_as_a_signal_does_what_the_key_does(tmp_path: Path) -> None:
    async with shown(tmp_path) as at:
        at.screen.show(Scene("s1", state="thinking"))
        await at.see("thinking")
        at.screen.interrupt()
        await at.hand.until("interrupt")


async def test_what_was_written_is_painted_before_the_end(tmp_path: Path) -> None:
    async with shown(tmp_path) as at:
        await at.see("ready")
        for number in range(20):
            at.screen.post(Remark(f"line {number}"))
        at.scope.cancel()
    assert all(f"line {number}" in at.paper.screen.text for number in range(20))
    assert "ready" not in at.paper.screen.text, "the prompt itself is gone"
    with trio.fail_after(WITHIN):
        await at.screen.write(Remark("later"))
        at.screen.post(Remark("later"))
        at.screen.show(Scene("s1"))
    assert "later" not in at.paper.screen.text


async def test_the_end_of_its_input_ends_it(tmp_path: Path) -> None:
    async with shown(tmp_path) as at:
        await at.see("ready")
        at.keys.close()
        with trio.fail_after(WITHIN):
            while not at.screen._ended:
                await trio.sleep(0.005)


async def test_a_terminal_that_is_gone_ends_it_and_holds_up_nobody(tmp_path: Path) -> None:
    async with shown(tmp_path) as at:
        await at.see("ready")
        at.paper.failure = OSError(5, "Input/output error")
        await at.screen.write(Remark("into the void"))


async def test_a_bug_in_painting_comes_out_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(module, "render", broken)
    with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
        async with shown(tmp_path) as at:
            await at.screen.write(Remark("x"))
            await trio.sleep_forever()


async def test_a_thread_that_hangs_in_painting_is_told_after_its_grace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAINT_GRACE", 0.05)
    told: list[bool] = []

    def stuck() -> None:
        told.append(True)
        at.paper.go_on.set()  # in place of the end of the process

    async with shown(tmp_path, stuck=stuck) as at:
        await at.see("ready")
        at.paper.go_on.clear()
        at.screen.post(Remark("nobody reads this"))
        assert await trio.to_thread.run_sync(at.paper.blocked.wait, WITHIN)
        at.scope.cancel()
    assert told == [True]


async def test_posts_are_dropped_when_the_terminal_is_far_behind(tmp_path: Path) -> None:
    async with shown(tmp_path) as at:
        await at.see("ready")
        at.paper.go_on.clear()
        at.screen.post(Remark("first"))
        assert await trio.to_thread.run_sync(at.paper.blocked.wait, WITHIN)
        for _ in range(3 * MAX_POSTED):
            at.screen.post(Remark("x"))
        assert len(at.screen._items) <= MAX_POSTED
        at.paper.go_on.set()


@pytest.mark.parametrize(
    ("environment", "colour"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({}, False)],
)
def test_colours_are_for_terminals_that_know_them(environment: dict[str, str], colour: bool) -> None:
    assert wants_colour(environment) is colour


async def test_the_front_joins_the_keys_to_the_host_and_leaves_when_it_is_told_to(tmp_path: Path) -> None:
    host, paper = FakeHost(), Paper()
    with create_pipe_input() as keys, trio.fail_after(WITHIN):
        output = Vt100_Output(paper, lambda: Size(24, 80), term="xterm")
        screen = TerminalScreen(
            HistoryFile(tmp_path / "h"), Scene("s1"), _never, colour=False, input=keys, output=output
        )
        front = Front("s1", screen)
        async with trio.open_nursery() as nursery:
            await nursery.start(front.run)
            assert not front.running
            keys.send_text("early\r")
            while not front.unsent:
                await trio.sleep(0.005)
            assert front.unsent == ("early",)
            await nursery.start(front.adapter.run, host)
            await host.received()
            front.tell("a leaf failed")
            front.ctrl_c()
            keys.send_text("\x04")
            while not screen._ended:
                await trio.sleep(0.005)
            nursery.cancel_scope.cancel()
    assert [event.text for event in host.events][:1] == ["early"]
    assert "! a leaf failed" in paper.screen.text


@pytest.mark.parametrize(("sign", "length"), [("x", 1_700), ("\u6f22", 900)])
async def test_the_end_of_a_long_line_is_seen_while_it_is_written(tmp_path: Path, sign: str, length: int) -> None:
    async with shown(tmp_path) as at:
        at.screen.show(evolve(at.screen.scene, state="writing", draft=f"{sign * length}END"))
        await at.see("END", "writing")
