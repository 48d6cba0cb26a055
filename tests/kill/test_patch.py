"""SIGKILL at each step of a patch over several files: after the next start all of it stands, or none."""

import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from hermes.agent.endings import INTERRUPTED_CALL
from hermes.failpoints import FAILPOINTS
from tests.hermes.models.provider import Line, Provider, chat, finished, said
from tests.kill.page import Page
from tests.kill.process import Gateway
from tests.kill.talking import talking

pytestmark = pytest.mark.kill

OLD = {"a": "old a\n", "b": "old b\n", "c": "old c\n"}
NEW = {"a": "new a\n", "b": "new b\n", "sub/d": "new d\n"}

PATCH = """*** Begin Patch
*** Update File: a
-old a
+new a
*** Delete File: c
*** Update File: b
-old b
+new b
*** Add File: sub/d
+new d
*** End Patch"""

# Where only the cleaning is left the change stands; at the last nothing of it is under way any more.
STANDS = {"patch.after_done", "turn.after_tool"}

CASES = [
    *((name, 1) for name in sorted(FAILPOINTS) if name.startswith("patch.")),
    *(("patch.between_renames", hit) for hit in (2, 3)),
    ("turn.after_start_call", 1),
    ("turn.after_tool", 1),
]


@define
class Careful:
    """A model that looks what became of a patch of unknown outcome, and makes it if it was not made."""

    work: Path
    provider: Provider | None = None
    found: list[dict[str, str]] = field(factory=list[dict[str, str]])
    """All files, at each request after the start."""
    told: list[str] = field(factory=list[str])
    """The results of the calls."""

    async def answer(self, line: Line) -> None:
        assert self.provider is not None
        messages = self.provider.requests[-1].body["messages"]
        self.told = [message["content"] for message in messages if message["role"] == "tool"]
        self.found.append(state(self.work))
        if self.told and self.told[-1] != INTERRUPTED_CALL.content:
            await chat(said("It is made."), finished())(line)
        elif self.told and self.found[-1] == NEW:
            await chat(said("It was made."), finished())(line)
        else:
            await _patch(len(self.told))(line)


def _patch(number: int) -> Any:
    arguments = json.dumps({"mode": "patch", "patch": PATCH})
    function = {"name": "patch", "arguments": arguments}
    call = {"index": 0, "id": f"call-{number}", "type": "function", "function": function}
    return chat(said("", tool_calls=[call]), finished("tool_calls"))


def state(folder: Path) -> dict[str, str]:
    """Every file, whatever its name."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@asynccontextmanager
async def working(gateway: Gateway) -> AsyncIterator[tuple[Careful, Page]]:
    model = Careful(gateway.home.parent / "work")
    model.work.mkdir()
    for name, content in OLD.items():
        (model.work / name).write_text(content)
    async with talking(gateway, model.answer, config=f"terminal: {{cwd: '{model.work}'}}\n") as (provider, page):
        model.provider = provider
        yield model, page


@pytest.mark.parametrize(("name", "hit"), CASES)
async def test_a_patch_that_is_killed_is_whole_or_not_there_before_anybody_looks(
    gateway: Gateway, name: str, hit: int
) -> None:
    async with working(gateway) as (model, page):
        await gateway.start(f"{name}=kill@{hit}")
        await page.send("e1", "please patch")
        assert await gateway.wait() == -signal.SIGKILL, f"{name} was not reached:\n{gateway.output()}"
        model.found.clear()
        await gateway.start()
        stands = name in STANDS
        assert await page.until_answered("e1") == ("It was made." if stands else "It is made.")
        assert len(page.answers("e1")) == 1
        assert model.found == ([NEW] if stands else [OLD, NEW])
        assert model.told[0] == INTERRUPTED_CALL.content
        assert [path.name for path in (gateway.home / "changes").iterdir()] == []


async def test_a_gateway_that_is_never_asked_again_cleans_up_at_its_start(gateway: Gateway) -> None:
    async with working(gateway) as (model, page):
        await gateway.start("patch.between_renames=kill@2")
        await page.send("e1", "please patch")
        assert await gateway.wait() == -signal.SIGKILL
        assert state(model.work) not in (OLD, NEW)
        await gateway.start("recovery.before_wake=kill", wait=False)
        assert await gateway.wait() == -signal.SIGKILL
        assert state(model.work) == OLD
        assert "a change that was cut short was taken back" in gateway.output()
