"""The process tool and the background of the terminal, over processes that are only pretended."""

from pathlib import Path

import pytest
import trio
from attrs import define, evolve, field

from hermes.agent.ports import Background, BackgroundCommand, BackgroundView, KeptOutput
from hermes.asks import AskRequest
from hermes.redact import PLACEHOLDER, Redactor
from hermes.tools.commands.process import process
from hermes.tools.commands.terminal import terminal
from hermes.tools.contract import Tool, ToolOutcome, ToolResult
from tests.hermes.tools.ports import World


@define
class Pretended(Background):
    """One process, ``p1``, whose output and end are given."""

    output_is: KeptOutput = field(factory=lambda: KeptOutput(1, ""))
    ending: str = ""
    started: list[BackgroundCommand] = field(factory=list[BackgroundCommand])
    written: list[bytes] = field(factory=list[bytes])
    waited: list[float] = field(factory=list[float])
    closed: bool = False

    async def start(self, command: BackgroundCommand) -> BackgroundView:
        await trio.lowlevel.checkpoint()
        self.started.append(command)
        return self.view("p1")

    def listed(self) -> tuple[BackgroundView, ...]:
        return (self.view("p1"),) if self.started else ()

    def view(self, process_id: str) -> BackgroundView:
        return BackgroundView(process_id, "make all", 77, self.ending, 3.4, 1_234)

    def output(self, process_id: str) -> KeptOutput:
        return self.output_is

    async def wait(self, process_id: str, seconds: float) -> BackgroundView:
        await trio.lowlevel.checkpoint()
        self.waited.append(seconds)
        return self.view(process_id)

    async def end(self, process_id: str) -> BackgroundView:
        await trio.lowlevel.checkpoint()
        self.ending = "signal 15"
        return self.view(process_id)

    async def write(self, process_id: str, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.written.append(data)

    def unfinished(self, process_id: str) -> str:
        return b"".join(self.written).decode().rpartition("\n")[2]

    async def close_input(self, process_id: str) -> None:
        await trio.lowlevel.checkpoint()
        self.closed = True


@pytest.fixture
def pretended() -> Pretended:
    return Pretended()


async def _call(
    world: World, background: Background | None, tool: Tool, answer: str | None = None, /, **arguments: object
) -> ToolOutcome:
    with trio.fail_after(30):
        return await tool.run(evolve(world.context(answer), background=background), **arguments)


async def _text(world: World, background: Background | None, tool: Tool = process, /, **arguments: object) -> str:
    outcome = await _call(world, background, tool, **arguments)
    assert isinstance(outcome, ToolResult)
    return outcome.content


async def test_a_command_is_left_running_with_all_that_was_asked_for(world: World, pretended: Pretended) -> None:
    world.redactor = Redactor(["correct-horse"])
    told = await _text(
        world,
        pretended,
        terminal,
        command="make\n  correct-horse",
        background=True,
        workdir="~",
        pty=True,
        notify_on_complete=True,
        watch_patterns=["ready", "ready", "error"],
    )
    assert told == "Started in the background: session_id p1, pid 77; you are told when it ends."
    (command,) = pretended.started
    assert command.argv[1:] == ("-c", "make\n  correct-horse")
    assert (command.cwd, command.terminal, command.notify) == (world.home, True, True)
    assert command.patterns == ("ready", "error")
    assert command.shown == f"make {PLACEHOLDER}"


async def test_a_dangerous_command_is_asked_for_in_the_background_too(world: World, pretended: Pretended) -> None:
    outcome = await _call(world, pretended, terminal, command="rm -rf build", background=True)
    assert isinstance(outcome, AskRequest)
    assert pretended.started == []
    assert "Not run" in await _text(world, pretended, terminal, command="rm -rf /", background=True)
    await _call(world, pretended, terminal, "once", command="rm -rf build", background=True)
    assert len(pretended.started) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"pty": True}, "need background=true"),
        ({"notify_on_complete": True}, "need background=true"),
        ({"watch_patterns": ["x"]}, "need background=true"),
        ({"background": True, "watch_patterns": [""]}, "watch_patterns are at most 10 texts"),
        ({"background": True, "watch_patterns": ["x" * 201]}, "watch_patterns are at most 10 texts"),
        ({"background": True, "watch_patterns": [str(number) for number in range(11)]}, "watch_patterns are at most"),
        ({"background": True, "workdir": "nowhere"}, "is not a folder"),
        ({"background": True, "command": " "}, "needs text"),
    ],
)
async def test_a_background_that_makes_no_sense_is_refused(
    world: World, pretended: Pretended, arguments: dict[str, object], said: str
) -> None:
    told = await _text(world, pretended, terminal, **{"command": "true", **arguments})
    assert told.startswith("Not run: ")
    assert said in told
    assert pretended.started == []


async def test_where_nothing_can_be_left_running_it_is_said(world: World) -> None:
    assert "nothing can be left running here" in await _text(world, None, terminal, command="true", background=True)
    assert await _text(world, None, action="list") == "Nothing can be left running here."


async def test_a_list_tells_how_each_is(world: World, pretended: Pretended) -> None:
    assert await _text(world, pretended, action="list") == "There are no background processes."
    await _text(world, pretended, terminal, command="make all", background=True)
    line = "p1 [running; 3 s; 1,234 bytes printed; pid 77]: make all"
    assert await _text(world, pretended, action="list") == line
    assert await _text(world, pretended, action="kill", session_id="p1") == line.replace("running", "signal 15")


@pytest.mark.parametrize("action", ["poll", "log", "wait", "kill", "write", "submit", "close"])
async def test_every_other_action_needs_to_know_which(world: World, pretended: Pretended, action: str) -> None:
    assert "needs session_id" in await _text(world, pretended, action=action)


async def test_a_poll_shows_the_last_lines_redacted(world: World, pretended: Pretended) -> None:
    world.redactor = Redactor(["correct-horse"])
    lines = [f"\x1b[32mline {number}\x1b[0m correct-horse" for number in range(1, 101)]
    pretended.output_is = KeptOutput(1, "\n".join(lines) + "\n")
    told = (await _text(world, pretended, action="poll", session_id="p1")).split("\n")
    assert told[1:] == [f"line {number} {PLACEHOLDER}" for number in range(81, 101)]
    pretended.output_is = KeptOutput(1, "x" * 100_000)
    assert len(await _text(world, pretended, action="poll", session_id="p1")) < 5_000


async def test_a_log_is_read_in_pages_with_true_numbers(world: World, pretended: Pretended) -> None:
    pretended.output_is = KeptOutput(51, "".join(f"line {number}\n" for number in range(51, 301)))
    dropped = "; lines before 51 were dropped]"
    told = await _text(world, pretended, action="log", session_id="p1")
    assert told.startswith("line 101\n")
    assert told.endswith(f"line 300\n[lines 101-300 of 300{dropped}")
    page = await _text(world, pretended, action="log", session_id="p1", offset=60, limit=2)
    assert page == f"line 60\nline 61\n[lines 60-61 of 300{dropped}"
    early = await _text(world, pretended, action="log", session_id="p1", offset=1, limit=1)
    assert early == f"line 51\n[lines 51-51 of 300{dropped}"
    behind = await _text(world, pretended, action="log", session_id="p1", offset=301)
    assert behind == f"[no lines from 301 on; the last is 300{dropped}"
    assert "begin at 1" in await _text(world, pretended, action="log", session_id="p1", offset=0)
    pretended.output_is = KeptOutput(1, "")
    assert await _text(world, pretended, action="log", session_id="p1") == "[nothing was printed]"


async def test_a_wait_is_bounded_and_says_how_it_ended(world: World, pretended: Pretended) -> None:
    for asked in (None, 5, 100_000):
        told = await _text(world, pretended, action="wait", session_id="p1", timeout=asked)
        assert "still running after" in told
    assert pretended.waited == [60.0, 5.0, 600.0]
    pretended.ending = "exit code 0"
    assert "still running" not in await _text(world, pretended, action="wait", session_id="p1")
    assert "1 to 600" in await _text(world, pretended, action="wait", session_id="p1", timeout=0)


async def test_input_is_written_as_it_is_and_submit_ends_the_line(world: World, pretended: Pretended) -> None:
    await _text(world, pretended, action="write", session_id="p1", data="caf\u00e9 ")
    await _text(world, pretended, action="submit", session_id="p1", data="y")
    await _text(world, pretended, action="submit", session_id="p1")
    await _text(world, pretended, action="write", session_id="p1", data="\x03")
    assert b"".join(pretended.written) == "caf\u00e9 y\n\n\x03".encode()
    await _text(world, pretended, action="close", session_id="p1")
    assert pretended.closed
    for data in ("", "x" * 60_001):
        assert "data has 1 to" in await _text(world, pretended, action="write", session_id="p1", data=data)


async def test_a_shell_in_the_background_is_no_way_around_a_person(world: World, pretended: Pretended) -> None:
    asked = await _call(world, pretended, process, action="submit", session_id="p1", data="rm -rf build")
    assert isinstance(asked, AskRequest)
    assert asked.subject.startswith("rm -rf build")
    blocked = await _text(world, pretended, action="submit", session_id="p1", data="rm -rf /")
    assert "always blocked" in blocked
    assert pretended.written == []
    await _text(world, pretended, action="write", session_id="p1", data="echo done\nr")
    pieced = await _call(world, pretended, process, action="submit", session_id="p1", data="m -rf build")
    assert isinstance(pieced, AskRequest)
    assert pieced.subject.startswith("rm -rf build")
    await _call(world, pretended, process, "once", action="submit", session_id="p1", data="m -rf build")
    assert pretended.written[-1] == b"m -rf build\n"


async def test_a_chat_that_has_proven_nothing_is_asked_for_each_input(world: World, pretended: Pretended) -> None:
    world.approvals.every_command = True
    asked = await _call(world, pretended, process, action="submit", session_id="p1", data="ls")
    assert isinstance(asked, AskRequest)


async def test_the_folder_is_found_before_anything_starts(world: World, pretended: Pretended, tmp_path: Path) -> None:
    await _text(world, pretended, terminal, command="pwd", background=True, workdir=str(tmp_path))
    assert pretended.started[0].cwd == tmp_path
