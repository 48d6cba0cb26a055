"""The reply of OpenAI-compatible chat completions, sans I/O: events of the stream in, pieces out.

Source: OpenAI API reference, "The chat completion chunk object"; what other servers of this wire do differently stands
beside the code that bears with it. Rules:

1. A stream is whole with ``[DONE]``, or at its end when a finish reason came. Any other end is a cut.
2. Fragments of a call belong together by ``index``; a fragment with another id than the call at its index begins a new
   one, since some servers number every call 0. One with arguments and no name does not: some mint an id for each.
3. A refusal in the model's own words is an answer. An answer that holds nothing because a filter or the bound of the
   output took it all is ``Refused``, with the reason: asking again changes nothing.
"""

from collections.abc import Iterator
from typing import Protocol

from attrs import define, field

from hermes.errors import HermesError, Refused, RemoteProtocolError, TransientError
from hermes.messages import Usage
from hermes.models.contract import Completed, ModelPiece, ReasoningDelta, TextDelta
from hermes.models.sizes import text_size
from hermes.models.wires.assembly import MAX_BLOCKS, CallDraft, Grown, ReplyDraft, joined
from hermes.models.wires.parse import Json, count, dump, items, parse_object, section, text
from hermes.models.wires.reasoning import pack
from hermes.models.wires.sse import SseEvent

DONE = "[DONE]"

# Under which names thoughts come as plain text, the one that is given back by its name first.
_REASONING_FIELDS = ("reasoning_content", "reasoning")

# Texts of these fields grow from chunk to chunk; all others come whole.
_GROWING = ("text", "summary", "data", "signature")


class Complaint(Protocol):
    """Turns an error object of the stream into an error of ours."""

    def __call__(self, error: Json) -> HermesError: ...


@define
class ChatReply:
    """One reply. ``owner`` is whose thoughts it holds."""

    owner: str
    complaint: Complaint
    _draft: ReplyDraft = field(factory=ReplyDraft)
    _by_index: dict[int, CallDraft] = field(factory=dict[int, CallDraft])
    _details: list[Grown] = field(factory=list[Grown])
    _reasoning_field: str = ""
    _finish_reason: str = ""
    _usage: Usage = field(factory=Usage)

    def take(self, event: SseEvent) -> Iterator[ModelPiece]:
        """The pieces of one event; ``Completed`` is the last. Raises what the stream complains of."""
        if event.data.strip() == DONE:
            yield self._completed()
            return
        chunk = parse_object(event.data)
        if chunk is None:
            raise RemoteProtocolError("it sent a piece that is not JSON")
        if error := chunk.get("error"):
            raise self.complaint(section(error) or {"message": text(error)})
        if usage := section(chunk.get("usage")):
            self._usage = _usage(usage)
        for choice in map(section, items(chunk.get("choices"))[:1]):
            # OpenRouter, when the provider behind it failed in the middle.
            if (error := choice.get("error")) or choice.get("finish_reason") == "error":
                raise self.complaint(section(error) or {"message": text(error)})
            # A server that does not stream sends the whole message in place of a delta.
            yield from self._delta(section(choice.get("delta")) or section(choice.get("message")))
            yield from self._draft.tell_unshown()
            self._finish_reason = text(choice.get("finish_reason")) or self._finish_reason

    def end(self) -> Completed:
        """The stream ended without ``[DONE]``. Raises ``TransientError`` when it was cut."""
        if not self._finish_reason:
            raise TransientError("the connection was lost in the middle of the answer")
        return self._completed()

    def _delta(self, delta: Json) -> Iterator[ModelPiece]:
        yield from self._reasoning(delta)
        for words in (*_contents(delta.get("content")), text(delta.get("refusal"))):
            if words:
                self._draft.add_text(words)
                yield TextDelta(words)
        for fragment in map(section, items(delta.get("tool_calls"))):
            self._call(fragment)

    def _reasoning(self, delta: Json) -> Iterator[ModelPiece]:
        name = next((name for name in _REASONING_FIELDS if isinstance(delta.get(name), str)), "")
        words = text(delta.get(name))
        self._reasoning_field = self._reasoning_field or name
        if words:
            self._draft.add_reasoning(words)
            yield ReasoningDelta(words)
        before = self._draft.unshown
        for detail in map(section, items(delta.get("reasoning_details"))):
            self._detail(detail)
        # The same thoughts twice, as text and as what goes back.
        self._draft.unshown = max(before, self._draft.unshown - text_size(words))

    def _detail(self, detail: Json) -> None:
        """Pieces of one block follow each other, with the same index and type."""
        last = self._details[-1] if self._details else None
        if last is None or any(last.get(name) != detail.get(name) for name in ("index", "type")):
            if len(self._details) == MAX_BLOCKS:
                raise RemoteProtocolError(f"its answer has more than {MAX_BLOCKS} parts")
            last = Grown()
            self._details.append(last)
        for name, value in detail.items():
            if name in _GROWING and isinstance(value, str):
                self._draft.grow(last, name, value)
            elif value is not None or name not in last:
                last[name] = value

    def _call(self, fragment: Json) -> None:
        function = section(fragment.get("function"))
        # Some servers send an object instead of its text.
        whole = section(function.get("arguments"))
        arguments = dump(whole) if whole else text(function.get("arguments"))
        name = text(function.get("name"))
        goes_on = bool(arguments) and not name
        call = self._call_of(fragment, text(fragment.get("id")), name, goes_on=goes_on)
        self._draft.add_arguments(call, arguments)
        if extra := section(fragment.get("extra_content")):
            call.extra = extra

    def _call_of(self, fragment: Json, call_id: str, name: str, *, goes_on: bool) -> CallDraft:
        index = fragment.get("index")
        if isinstance(index, int):
            known = self._by_index.get(index)
        else:
            # Without an index, whatever names a call begins one.
            known = None if call_id or name or not self._draft.calls else self._draft.calls[-1]
        if known is None or (call_id and known.id and call_id != known.id and not goes_on):
            known = self._draft.new_call()
            if isinstance(index, int):
                self._by_index[index] = known
        self._draft.name_call(known, call_id, name)
        return known

    def _completed(self) -> Completed:
        message = self._draft.message(self._finish_reason, self._kept())
        if not message.content.strip() and not message.tool_calls:
            if self._finish_reason == "content_filter":
                raise Refused("its provider's filter withheld the answer")
            if self._finish_reason == "length":
                raise Refused("it reached the bound of its output before it said anything")
        return Completed(message, self._usage)

    def _kept(self) -> str:
        kept: dict[str, object] = {}
        if self._details:
            kept["details"] = [joined(detail) for detail in self._details]
        elif self._reasoning_field:
            kept["field"] = self._reasoning_field
        if any(call.extra for call in self._draft.calls):
            kept["calls"] = [call.extra for call in self._draft.calls]
        return pack(self.owner, kept)


def _contents(content: object) -> Iterator[str]:
    """Text, or parts of which some are text."""
    if isinstance(content, str):
        yield content
    for part in map(section, items(content)):
        if part.get("type") == "text":
            yield text(part.get("text"))


def _usage(usage: Json) -> Usage:
    prompt, completion = section(usage.get("prompt_tokens_details")), section(usage.get("completion_tokens_details"))
    # DeepSeek names what it read from its cache in a field of its own.
    read = count(prompt.get("cached_tokens")) or count(usage.get("prompt_cache_hit_tokens"))
    return Usage(
        input_tokens=count(usage.get("prompt_tokens")),
        output_tokens=count(usage.get("completion_tokens")),
        cache_read_tokens=read,
        cache_write_tokens=count(prompt.get("cache_write_tokens")),
        reasoning_tokens=count(completion.get("reasoning_tokens")),
    )
