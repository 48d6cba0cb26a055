"""A tree whose model makes the calls that a message spells, to talk to it of background processes."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import trio

from hermes.config.schema import BusyInput, Display
from hermes.events import Outbound
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest, TextDelta
from tests.actors.house import WITHIN, House, house, settings
from tests.actors.scripted import ScriptedModel


async def script(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    """Makes the calls that a message spells (``name {arguments}``, a line each), and says what came of them."""
    last = request.messages[-1]
    if last.role is Role.USER and last.content.startswith("slowly"):
        for number in range(50):
            yield TextDelta(f"{number} ")
            await trio.sleep(0.02)
    if last.role is Role.USER and last.content.startswith(("terminal ", "process ", "clarify ")):
        lines = [line.partition(" ") for line in last.content.split("\n")]
        calls = tuple(ToolCall(f"c{len(request.messages)}{n}", name, rest) for n, (name, _, rest) in enumerate(lines))
        yield Completed(Message(Role.ASSISTANT, "", tool_calls=calls), Usage())
    else:
        yield Completed(Message(Role.ASSISTANT, f"heard: {last.content}"), Usage())


def call(tool: str, **arguments: object) -> str:
    """A message that has the model make this call."""
    return f"{tool} {json.dumps(arguments)}"


def started(answer: str) -> tuple[str, int]:
    """Id and pid, from the answer to a start."""
    words = answer.replace(",", " ").replace(";", " ").split()
    return words[words.index("session_id") + 1], int(words[words.index("pid") + 1])


async def gone(pid: int) -> None:
    """Wait until there is no such process."""
    with trio.fail_after(WITHIN):
        while Path(f"/proc/{pid}").exists():
            await trio.sleep(0.02)


def told(text: str) -> Callable[[Outbound], bool]:
    """The model was told of a process, in these words."""
    return lambda message: message.text.startswith("heard: [Background") and text in message.text


async def start(gateway: House, event_id: str, command: str, chat: str = "c", **more: object) -> tuple[str, int]:
    """Leave a command running; its id and its pid."""
    await gateway.chat.say(event_id, call("terminal", command=command, background=True, **more), chat)
    return started(await gateway.chat.answer(event_id))


def talking(folder: Path) -> AbstractAsyncContextManager[House]:
    """The tree, over ``folder``; a new message interrupts a turn."""
    busy = settings(display=Display(busy_input_mode=BusyInput.INTERRUPT))
    return house(folder, model=ScriptedModel(script), every_command=False, settings=busy)
