"""The prompt over a pipe: keys as a terminal sends them, and nothing painted."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import define, evolve, field
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from adapters.terminal.asks import OpenAsk
from adapters.terminal.history import HistoryFile
from adapters.terminal.outgoing import MAX_WAITING
from adapters.terminal.prompt import ASK_GUARD, LEAVE_WITHIN, Prompt
from adapters.terminal.scene import Scene
from hermes.asks import APPROVAL_CHOICES

ENTER, ESC, CTRL_C, CTRL_D, TAB, UP, DOWN = "\r", "\x1b", "\x03", "\x04", "\t", "\x1b[A", "\x1b[B"
IDLE = Scene("s1")
RUNNING = Scene("s1", state="thinking")
APPROVAL = evolve(RUNNING, state="waiting", ask=OpenAsk("a1", "Run it?", "rm x", APPROVAL_CHOICES))
CLARIFY = evolve(RUNNING, state="waiting", ask=OpenAsk("a2", "Which?", "", ("red", "blue")))


@define(eq=False)
class Did:
    """What the person did."""

    log: list[tuple[str, ...]] = field(factory=list)

    def type_text(self, text: str, ask_id: str) -> None:
        self.log.append(("typed", text, ask_id))

    def choose(self, ask_id: str, choice: str) -> None:
        self.log.append(("chose", ask_id, choice))

    def interrupt(self) -> None:
        self.log.append(("interrupt",))

    def leave(self) -> None:
        self.log.append(("leave",))


@define(eq=False)
class At:
    """A prompt at work."""

    prompt: Prompt
    did: Did
    now: list[float]
    keys: Callable[[str], None]

    async def press(self, *keys: str) -> None:
        """Press keys and let them be dealt with; what follows Escape waits until it is one key."""
        for key in keys:
            self.keys(key)
            await self.settle()

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def until_offered(self, count: int) -> None:
        """The prompt reads its history when it is painted, not at once."""
        while len(self.prompt.buffer._working_lines) <= count:
            self.prompt.application.invalidate()
            await asyncio.sleep(0)

    def show(self, scene: Scene, *, after: float = 0.0) -> None:
        self.prompt.show(scene)
        self.now[0] += after


def at_prompt(tmp_path: Path, scenario: Callable[[At], object], scene: Scene = IDLE) -> Did:
    """Run a scenario against a fresh prompt; returns what was done."""
    did, now = Did(), [100.0]

    async def run() -> None:
        with create_pipe_input() as pipe:
            prompt = Prompt(did, HistoryFile(tmp_path / "history"), scene, pipe, DummyOutput(), lambda: now[0])
            at = At(prompt, did, now, pipe.send_text)
            application = asyncio.create_task(
                prompt.application.run_async(set_exception_handler=False, handle_sigint=False)
            )
            await at.settle()
            await asyncio.wait_for(_awaited(scenario(at)), 20)
            prompt.application.exit()
            await application

    asyncio.run(run())
    return did


async def _awaited(result: object) -> None:
    assert asyncio.iscoroutine(result)
    await result


def test_enter_sends_and_clears_the_line(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        await at.press("hello", ENTER)
        assert at.prompt.buffer.text == ""

    assert at_prompt(tmp_path, scenario).log == [("typed", "hello", "")]


def test_a_line_that_was_typed_before_the_prompt_stood_there_is_sent(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        await at.press("early\n")

    assert at_prompt(tmp_path, scenario).log == [("typed", "early", "")]


def test_a_new_line_does_not_send(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        await at.press("one", ESC + ENTER, "two", ENTER)

    assert at_prompt(tmp_path, scenario).log == [("typed", "one\ntwo", "")]


def test_a_paste_stays_whole(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        await at.press("\x1b[200~line 1\r\nline 2\nline 3\n\x1b[201~")
        assert at.did.log == []
        await at.press(ENTER)

    assert at_prompt(tmp_path, scenario).log == [("typed", "line 1\nline 2\nline 3", "")]


def test_an_empty_line_is_not_sent(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        await at.press(ENTER, "   ", ENTER)

    assert at_prompt(tmp_path, scenario).log == []


def test_what_was_sent_comes_back_by_the_arrow_keys_here_and_in_the_next_terminal(tmp_path: Path) -> None:
    async def first(at: At) -> None:
        await at.press("one", ENTER, "two", ENTER)
        await at.until_offered(2)
        await at.press(UP, UP)
        assert at.prompt.buffer.text == "one"
        await at.press(DOWN)
        assert at.prompt.buffer.text == "two"

    async def second(at: At) -> None:
        await at.until_offered(2)
        await at.press(UP)
        assert at.prompt.buffer.text == "two"

    at_prompt(tmp_path, first)
    at_prompt(tmp_path, second)


def test_typing_goes_on_while_a_turn_runs(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        await at.press("and another thing", ENTER)

    assert at_prompt(tmp_path, scenario, RUNNING).log == [("typed", "and another thing", "")]


def test_ctrl_c_stops_what_runs_and_keeps_what_is_typed(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        await at.press("next", CTRL_C)
        assert at.prompt.buffer.text == "next"

    assert at_prompt(tmp_path, scenario, RUNNING).log == [("interrupt",)]


def test_ctrl_c_clears_the_line_and_leaves_only_when_it_is_pressed_twice(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        await at.press("a slip", CTRL_C)
        assert at.prompt.buffer.text == ""
        await at.press(CTRL_C)
        assert at.prompt.leaving
        at.now[0] += LEAVE_WITHIN
        await at.press(CTRL_C)
        assert at.did.log == []
        await at.press(CTRL_C)

    assert at_prompt(tmp_path, scenario).log == [("leave",)]


def test_ctrl_d_leaves_at_an_empty_line_only(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        await at.press("x", CTRL_D)
        assert at.did.log == []
        await at.press(CTRL_C, CTRL_D)

    assert at_prompt(tmp_path, scenario).log == [("leave",)]


@pytest.mark.parametrize("command", ["/quit", "/exit", " /QUIT "])
def test_the_terminals_own_commands_are_not_sent(tmp_path: Path, command: str) -> None:
    async def scenario(at: At) -> None:
        await at.press("/clear", ENTER, command, ENTER)
        assert at.prompt.buffer.text.strip() == command.strip()

    assert at_prompt(tmp_path, scenario).log == [("leave",)]


def test_tab_completes_a_command_and_enter_sends_it(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        await at.press("/sta", TAB)
        assert at.prompt.buffer.text == "/status"
        await at.press(ENTER)
        assert at.did.log == []
        await at.press(ENTER)

    assert at_prompt(tmp_path, scenario).log == [("typed", "/status", "")]


@pytest.mark.parametrize(
    ("scene", "key", "choice"),
    [
        (APPROVAL, "o", ("chose", "a1", "once")),
        (APPROVAL, "S", ("chose", "a1", "session")),
        (APPROVAL, "d", ("chose", "a1", "deny")),
        (CLARIFY, "2", ("chose", "a2", "blue")),
    ],
)
def test_a_key_answers_the_open_question(tmp_path: Path, scene: Scene, key: str, choice: tuple[str, ...]) -> None:
    async def scenario(at: At) -> None:
        at.show(scene, after=ASK_GUARD)
        await at.press(key)
        assert at.prompt.buffer.text == ""

    assert at_prompt(tmp_path, scenario).log == [choice]


def test_a_key_that_was_meant_for_the_line_answers_no_question_that_has_just_appeared(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        at.show(APPROVAL, after=ASK_GUARD / 2)
        await at.press("o", "k", ENTER)

    assert at_prompt(tmp_path, scenario).log == [("typed", "ok", "")]


def test_a_second_question_has_its_own_moment(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        at.show(APPROVAL, after=ASK_GUARD)
        await at.press("o")
        assert APPROVAL.ask is not None
        at.show(evolve(APPROVAL, ask=evolve(APPROVAL.ask, ask_id="a9")))
        await at.press("o")
        assert at.prompt.buffer.text == "o"

    assert at_prompt(tmp_path, scenario).log == [("chose", "a1", "once")]


def test_the_same_question_stays_open_to_keys_while_the_scene_changes(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        at.show(APPROVAL, after=ASK_GUARD)
        at.show(evolve(APPROVAL, trouble="the disk is full"))
        await at.press("d")

    assert at_prompt(tmp_path, scenario).log == [("chose", "a1", "deny")]


def test_a_key_within_a_line_is_text(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        at.show(APPROVAL, after=ASK_GUARD)
        await at.press("not ", "o", ENTER)

    assert at_prompt(tmp_path, scenario).log == [("typed", "not o", "a1")]


def test_a_line_is_kept_while_too_much_waits_to_be_sent(tmp_path: Path) -> None:
    async def scenario(at: At) -> None:
        at.show(evolve(IDLE, sending=("x",) * MAX_WAITING))
        await at.press("hello", ENTER)
        assert at.prompt.buffer.text == "hello"

    assert at_prompt(tmp_path, scenario).log == []
