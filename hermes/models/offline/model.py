"""The embedded model: no network, no key, no language model. It follows a few commands through the real tool loop.

1. It says what it is, and never pretends to have understood.
2. The same request gives the same reply. Ids of its calls are counted over the request's transcript.
3. It calls only tools that the request offers.
4. It answers every message since its last words, in order: first it makes the calls that they ask for and says nothing,
   then it says everything, results included.
5. It streams word by word, a checkpoint after each piece, and can be cancelled at any of them.

Its tokens are not counted but estimated: four characters each.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from re import findall
from typing import assert_never, cast

import trio
from attrs import define, field, frozen

from hermes.agent import compression
from hermes.agent.budget import SUM_UP
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest, TextDelta
from hermes.models.offline.grammar import HELP, Call, Command, Help, Speak, Unknown, Wait, parse

# Nothing limits it but the reader's patience; large enough that no transcript is compressed for it, unless one wants to
# see that.
CONTEXT_LENGTH = 1_000_000
# An answer is for reading in a chat; the tool's own bound is far wider.
MAX_SHOWN = 8_000
_MAX_REPEATED = 300
# A long text goes out in this many pieces at most, or a directory listing would cost more to show than to make.
_MAX_PIECES = 200
_CHARACTERS_A_TOKEN = 4

WHAT_I_AM = (
    "I am the offline model: no language model is configured, so I understand nothing beyond a few commands, such as "
    "`run ls`, `read FILE` or `count to 5`. Type `help` for all of them."
)
SUMMARY = "Earlier messages of this conversation stood here. The offline model understands too little to sum them up."
_FENCED = {"terminal", "read_file", "execute_code", "search_files"}


@frozen
class _Words:
    text: str
    pause: float = 0.0


@define
class _Reply:
    """A reply while it is made up: either calls or words, so that no words are lost between two requests."""

    offered: frozenset[str]
    results: list[tuple[ToolCall, Message]]
    """Of the calls since the last words, in the order in which they were made."""
    labelled: bool
    """There are several results, so each is told by its call."""
    calls: list[Call] = field(factory=list[Call])
    parts: list[_Words | Wait] = field(factory=list[_Words | Wait])

    def say(self, text: str, pause: float = 0.0) -> None:
        self.parts.append(_Words(f"\n\n{text}" if self.parts else text, pause))

    def show(self, call: ToolCall, result: Message) -> None:
        self.say((_label(call) if self.labelled else "") + _shown(result))

    def do(self, command: Command) -> None:
        match command:
            case Speak():
                self.say(command.text, command.pause)
            case Wait():
                self.parts.append(command)
                self.say(f"I waited for {command.seconds:g} s.")
            case Help():
                self.say(_help(self.offered))
            case Unknown():
                cut = command.text if len(command.text) <= _MAX_REPEATED else command.text[:_MAX_REPEATED] + "…"
                self.say(f"You said: {cut}\n\n{WHAT_I_AM}")
            case Call():
                self._call(command)
            case _:
                assert_never(command)

    def _call(self, call: Call) -> None:
        if self.results and self.results[0][0].name == call.tool:
            self.show(*self.results.pop(0))
        elif call.tool in self.offered:
            self.calls.append(call)
        else:
            self.say(f"That needs the tool `{call.tool}`, which is not offered to me here. I did nothing.")


@frozen
class OfflineModel:
    """A ``ChatModel``. ``pause``: seconds after each piece of ordinary text, for those who want to watch it type."""

    pause: float = 0.0
    context_length: int = CONTEXT_LENGTH

    @property
    def provider(self) -> str:
        return "offline"

    @property
    def name(self) -> str:
        return "offline"

    @property
    def max_output_tokens(self) -> int:
        return 0

    def stream(self, request: ModelRequest) -> AbstractAsyncContextManager[AsyncIterator[ModelPiece]]:
        """See ``ChatModel.stream``; raises nothing of its own. Cancelled: nothing is left behind."""
        return self._open(request)

    async def aclose(self) -> None:
        """It has none."""

    @asynccontextmanager
    async def _open(self, request: ModelRequest) -> AsyncGenerator[AsyncIterator[ModelPiece]]:
        async with aclosing(self._pieces(request)) as pieces:
            yield pieces

    async def _pieces(self, request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        reply = _compose(request)
        calls = _numbered(reply.calls, request.messages)
        said: list[str] = []
        for part in () if calls else reply.parts:
            if isinstance(part, Wait):
                await trio.sleep(part.seconds)
                continue
            pause = part.pause or self.pause
            for piece in _split(part.text, whole_words=pause > 0):
                said.append(piece)
                yield TextDelta(piece)
                await trio.sleep(pause)
        text = "".join(said)
        message = Message(Role.ASSISTANT, text, tool_calls=calls, finish_reason="tool_calls" if calls else "stop")
        yield Completed(message, Usage(_tokens(_inputs(request)), _tokens((text, *(c.arguments for c in calls)))))


def _compose(request: ModelRequest) -> _Reply:
    if request.system == compression.SYSTEM:
        return _summary()
    fresh = _since_own_words(request.messages)
    made = {call.id: call for message in fresh for call in message.tool_calls}
    found = {message.tool_call_id: message for message in fresh if message.role is Role.TOOL}
    results = [(call, found[call.id]) for call in made.values() if call.id in found]
    offered = frozenset(tool.name for tool in request.tools) if request.may_call else frozenset[str]()
    reply = _Reply(offered, results, len(results) > 1)
    for message in fresh:
        if message.role is Role.USER and message.content != SUM_UP:
            for command in parse(message.content):
                reply.do(command)
    for call, result in reply.results:
        reply.show(call, result)
    if not (reply.parts or reply.calls):
        reply.say(WHAT_I_AM)
    return reply


def _summary() -> _Reply:
    reply = _Reply(frozenset(), [], labelled=False)
    reply.say(SUMMARY)
    return reply


def _since_own_words(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    own = (n for n, message in enumerate(messages) if message.role is Role.ASSISTANT and not message.tool_calls)
    return messages[max(own, default=-1) + 1 :]


def _numbered(calls: list[Call], messages: tuple[Message, ...]) -> tuple[ToolCall, ...]:
    before = sum(len(message.tool_calls) for message in messages)
    return tuple(
        ToolCall(f"call_{number}", call.tool, json.dumps(call.arguments, ensure_ascii=False))
        for number, call in enumerate(calls, before + 1)
    )


def _label(call: ToolCall) -> str:
    """Which of several results this is: the tool and its first argument."""
    try:
        arguments: object = json.loads(call.arguments)
    except ValueError:
        arguments = None
    values = cast(dict[str, object], arguments).values() if isinstance(arguments, dict) else ()
    subject = next((value for value in values if isinstance(value, str)), "")
    return f"`{call.name}` {subject}:\n" if subject else f"`{call.name}`:\n"


def _shown(result: Message) -> str:
    """A tool's result for a person to read."""
    text = result.content.strip("\n")
    if len(text) > MAX_SHOWN:
        text = f"{text[:MAX_SHOWN]}\n[{len(text) - MAX_SHOWN:,} more characters are not shown here]"
    failed = result.finish_reason == "error"
    if not text.strip():
        text = "(no output)"
    elif failed or result.tool_name in _FENCED:
        text = _fence(text)
    return f"`{result.tool_name}` failed:\n{text}" if failed else text


def _fence(text: str) -> str:
    """A code block that no fence inside can end."""
    longest = max((len(run) for run in findall(r"`{3,}", text)), default=2)
    marks = "`" * (longest + 1)
    return f"{marks}\n{text}\n{marks}"


def _help(offered: frozenset[str]) -> str:
    lines = ["I am the offline model: no language model is configured. I follow these commands:"]
    for usage, what, tool in HELP:
        lacking = f" (not here: it needs the tool `{tool}`)" if tool and tool not in offered else ""
        lines.append(f"- `{usage}`: {what}{lacking}")
    return "\n".join(lines)


def _split(text: str, *, whole_words: bool) -> Iterator[str]:
    """The text in pieces that together are the text: words with the blanks before them, several at a time if many."""
    words = findall(r"\s*\S+|\s+$", text)
    size = 1 if whole_words else max(1, -(-len(words) // _MAX_PIECES))
    for start in range(0, len(words), size):
        yield "".join(words[start : start + size])


def _inputs(request: ModelRequest) -> Iterator[str]:
    yield request.system
    for tool in request.tools:
        yield from (tool.name, tool.description, json.dumps(tool.parameters))
    for message in request.messages:
        yield message.content
        yield from (call.arguments for call in message.tool_calls)


def _tokens(texts: Iterable[str]) -> int:
    return -(-sum(map(len, texts)) // _CHARACTERS_A_TOKEN)
