"""The reply of Anthropic's messages, sans I/O: events of the stream in, pieces out.

Source: Anthropic API reference, "Streaming messages". Rules:

1. A stream is whole with ``message_stop``; any other end is a cut. Events and blocks of kinds that are not known are
   passed over, as the versioning policy asks.
2. The layout of the reply is kept: thoughts whole, with their signatures, and where its text and its calls stood.
3. What the reply cost is told at its start and, added up, at its end: the last word counts.
"""

from collections.abc import Callable, Iterator

from attrs import define, field

from hermes.errors import HermesError, Refused, RemoteProtocolError, TransientError
from hermes.messages import Usage
from hermes.models.contract import Completed, ModelPiece, ReasoningDelta, TextDelta
from hermes.models.wires.assembly import MAX_BLOCKS, CallDraft, Grown, ReplyDraft, joined
from hermes.models.wires.parse import Json, count, dump, items, parse_object, section, text
from hermes.models.wires.reasoning import pack
from hermes.models.wires.sse import SseEvent

_THOUGHTS = frozenset({"thinking", "redacted_thinking"})


@define
class _Block:
    """One content block while it comes in."""

    kind: str
    whole: Grown
    """As it goes back: of a thought all of it, of text and calls their place."""
    call: CallDraft | None = None
    started_with: Json = field(factory=dict[str, object])


@define
class AnthropicReply:
    """One reply. ``owner`` is whose thoughts it holds."""

    owner: str
    complaint: Callable[[Json], HermesError]
    _draft: ReplyDraft = field(factory=ReplyDraft)
    _blocks: dict[int, _Block] = field(factory=dict[int, _Block])
    _finish_reason: str = ""
    _usage: dict[str, object] = field(factory=dict[str, object])

    def take(self, event: SseEvent) -> Iterator[ModelPiece]:
        """The pieces of one event; ``Completed`` is the last. Raises what the stream complains of."""
        found = parse_object(event.data)
        if found is None:
            raise RemoteProtocolError("it sent a piece that is not JSON")
        match text(found.get("type")):
            case "content_block_delta":
                yield from self._delta(self._block(found), section(found.get("delta")))
                yield from self._draft.tell_unshown()
            case "content_block_start":
                yield from self._start(count(found.get("index")), section(found.get("content_block")))
                yield from self._draft.tell_unshown()
            case "content_block_stop":
                self._stop(self._blocks.get(count(found.get("index"))))
                yield from self._draft.tell_unshown()
            case "message_start":
                self._count(section(section(found.get("message")).get("usage")))
            case "message_delta":
                self._finish_reason = text(section(found.get("delta")).get("stop_reason")) or self._finish_reason
                self._count(section(found.get("usage")))
            case "message_stop":
                yield self._completed()
            case "error":
                raise self.complaint(section(found.get("error")))
            case "message":
                yield from self._at_once(found)
            case _:
                pass

    def end(self) -> Completed:
        """The stream ended without ``message_stop``: it was cut. Raises ``TransientError``."""
        raise TransientError("the connection was lost in the middle of the answer")

    def _at_once(self, message: Json) -> Iterator[ModelPiece]:
        """A server that does not stream sends the whole message."""
        for index, block in enumerate(items(message.get("content"))):
            yield from self._start(index, section(block))
            self._stop(self._blocks[index])
        self._finish_reason = text(message.get("stop_reason"))
        self._count(section(message.get("usage")))
        yield self._completed()

    def _start(self, index: int, block: Json) -> Iterator[ModelPiece]:
        kind = text(block.get("type"))
        if len(self._blocks) == MAX_BLOCKS:
            raise RemoteProtocolError(f"its answer has more than {MAX_BLOCKS} parts")
        self._draft.keep(text(block.get("data")))
        match kind:
            case "text":
                self._blocks[index] = _Block(kind, {"type": kind, "length": 0})
                yield from self._delta(self._blocks[index], {"type": "text_delta", "text": block.get("text")})
            case "thinking":
                # Mostly empty here; whole where a server does not stream.
                self._blocks[index] = _Block(kind, {**block, "thinking": ""})
                yield from self._delta(self._blocks[index], {"type": "thinking_delta", "thinking": block.get(kind)})
            case "tool_use":
                call = self._draft.new_call()
                self._draft.name_call(call, text(block.get("id")), text(block.get("name")))
                self._blocks[index] = _Block(kind, {"type": kind}, call, section(block.get("input")))
            case _:
                self._blocks[index] = _Block(kind, dict(block))

    def _delta(self, block: _Block, delta: Json) -> Iterator[ModelPiece]:
        match text(delta.get("type")):
            case "text_delta":
                if words := text(delta.get("text")):
                    self._draft.add_text(words)
                    block.whole["length"] = count(block.whole.get("length")) + len(words)
                    yield TextDelta(words)
            case "thinking_delta":
                if words := text(delta.get("thinking")):
                    self._draft.add_reasoning(words)
                    self._draft.grow(block.whole, "thinking", words, shown=True)
                    yield ReasoningDelta(words)
            case "signature_delta":
                self._draft.grow(block.whole, "signature", text(delta.get("signature")))
            case "input_json_delta":
                if block.call is not None:
                    self._draft.add_arguments(block.call, text(delta.get("partial_json")))
            case _:
                pass

    def _stop(self, block: _Block | None) -> None:
        """A call whose input came whole with its start has no deltas."""
        if block is not None and block.call is not None and not "".join(block.call.arguments).strip():
            self._draft.add_arguments(block.call, dump(block.started_with))

    def _block(self, found: Json) -> _Block:
        block = self._blocks.get(count(found.get("index")))
        if block is None:
            raise RemoteProtocolError("it sent a piece of a block that never began")
        return block

    def _count(self, usage: Json) -> None:
        self._usage.update({name: value for name, value in usage.items() if value is not None})

    def _completed(self) -> Completed:
        message = self._draft.message(self._finish_reason, self._kept())
        if not message.content.strip() and not message.tool_calls:
            if self._finish_reason == "refusal":
                raise Refused("it declined to answer this")
            if self._finish_reason in {"max_tokens", "model_context_window_exceeded"}:
                raise Refused("it reached the bound of its output before it said anything")
        return Completed(message, self._spent())

    def _kept(self) -> str:
        blocks = [self._blocks[index] for index in sorted(self._blocks)]
        if not any(block.kind in _THOUGHTS for block in blocks):
            return ""
        kept = [joined(block.whole) for block in blocks if block.kind in {*_THOUGHTS, "text", "tool_use"}]
        return pack(self.owner, {"blocks": kept})

    def _spent(self) -> Usage:
        read = count(self._usage.get("cache_read_input_tokens"))
        written = count(self._usage.get("cache_creation_input_tokens"))
        return Usage(
            # The API counts what it read from and wrote to its cache apart.
            input_tokens=count(self._usage.get("input_tokens")) + read + written,
            output_tokens=count(self._usage.get("output_tokens")),
            cache_read_tokens=read,
            cache_write_tokens=written,
        )
