"""Small, real implementations of the ports that tools reach the world by."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import trio
from attrs import define, field

from hermes.agent.ports import Archive, CommandOutput
from hermes.audience import Audience
from hermes.home import Home
from hermes.memory.shelf import Target, shelf
from hermes.redact import Redactor
from hermes.skills import SkillPlaces
from hermes.tools.contract import Roots, Sandbox, Tool, ToolContext, ToolOutcome, ToolResult
from hermes.tools.web.settings import WebSettings


@define
class LocalProcesses:
    """Runs a command in a process group of its own, which is killed at the end."""

    started: list[tuple[str, ...]] = field(factory=list[tuple[str, ...]])
    limits: list[int] = field(factory=list[int])
    timeouts: list[float] = field(factory=list[float])

    async def run(
        self, argv: tuple[str, ...], *, cwd: Path, environment: Mapping[str, str], timeout: float, limit: int
    ) -> CommandOutput:
        self.started.append(argv)
        self.limits.append(limit)
        self.timeouts.append(timeout)
        process = await trio.lowlevel.open_process(
            list(argv),
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None
        kept, total = bytearray(), 0
        try:
            with trio.move_on_after(timeout) as scope:
                async for chunk in process.stdout:
                    total += len(chunk)
                    kept += chunk[: limit - len(kept)]
                await process.wait()
        finally:
            await _end(process)
        code = process.returncode
        ended = code is not None and code >= 0 and not scope.cancelled_caught
        return CommandOutput(
            kept.decode(errors="replace"),
            truncated=total > limit,
            total_bytes=total,
            code=code if ended else None,
            signal=None if ended or code is None else -code,
            timed_out=scope.cancelled_caught,
        )


async def _end(process: trio.Process) -> None:
    with trio.CancelScope(shield=True):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        assert process.stdout is not None
        await process.stdout.aclose()
        await process.wait()


@define
class FakeProcesses:
    """Answers every command with the same output."""

    output: CommandOutput
    started: list[tuple[str, ...]] = field(factory=list[tuple[str, ...]])

    async def run(
        self, argv: tuple[str, ...], *, cwd: Path, environment: Mapping[str, str], timeout: float, limit: int
    ) -> CommandOutput:
        self.started.append(argv)
        await trio.lowlevel.checkpoint()
        return self.output


def printed(text: str, *, code: int | None = 0) -> FakeProcesses:
    return FakeProcesses(CommandOutput(text, False, len(text), code, None, False))


@define
class MemoryState:
    values: dict[str, str] = field(factory=dict[str, str])

    async def get(self, key: str) -> str | None:
        await trio.lowlevel.checkpoint()
        return self.values.get(key)

    async def put(self, key: str, value: str) -> None:
        await trio.lowlevel.checkpoint()
        self.values[key] = value


@define
class MemoryApprovals:
    mode: str = "manual"
    timeout: float = 60.0
    every_command: bool = False
    rules: dict[str, bool] = field(factory=dict[str, bool])
    """Allowed rules; True for always."""
    refusal: Exception | None = None
    """Raised when a rule is to be allowed always."""

    async def allowed(self, rule: str) -> bool:
        await trio.lowlevel.checkpoint()
        return rule in self.rules

    async def allow(self, rule: str, *, always: bool) -> None:
        await trio.lowlevel.checkpoint()
        self.rules[rule] = always
        if always and self.refusal is not None:
            raise self.refusal


@define
class World:
    """A session's surroundings under one folder."""

    root: Path
    processes: LocalProcesses | FakeProcesses = field(factory=LocalProcesses)
    state: MemoryState = field(factory=MemoryState)
    approvals: MemoryApprovals = field(factory=MemoryApprovals)
    redactor: Redactor = field(factory=Redactor)
    timeout: float = 60.0
    limits: dict[Target, int] = field(factory=lambda: {Target.MEMORY: 2200, Target.USER: 1375})

    archive: Archive | None = None
    skills: SkillPlaces | None = None
    sandbox: Sandbox | None = None
    roots: Roots = field(factory=Roots)
    web: WebSettings = field(factory=WebSettings)

    @property
    def memories(self) -> Path:
        return self.home / ".hermes" / "memories"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def cwd(self) -> Path:
        return self.home / "work"

    def context(self, answer: str | None = None) -> ToolContext:
        self.cwd.mkdir(parents=True, exist_ok=True)
        return ToolContext(
            session_id="s1",
            call_id="c1",
            cwd=self.cwd,
            processes=self.processes,
            state=self.state,
            approvals=self.approvals,
            environment={"PATH": os.environ["PATH"], "HOME": str(self.home)},
            answer=answer,
            timeout=self.timeout,
            redactor=self.redactor,
            hermes_home=self.home / ".hermes",
            archive=self.archive,
            skills=self.skills,
            sandbox=self.sandbox,
            roots=self.roots,
            web=self.web,
            memory=shelf(Home(self.home / ".hermes"), Audience("terminal", "owner", owner=True), self.limits),
        )

    async def call(self, tool: Tool, answer: str | None = None, **arguments: object) -> ToolOutcome:
        with trio.fail_after(60):
            return await tool.run(self.context(answer), **arguments)

    async def result(self, tool: Tool, answer: str | None = None, **arguments: object) -> ToolResult:
        outcome = await self.call(tool, answer, **arguments)
        assert isinstance(outcome, ToolResult)
        return outcome
