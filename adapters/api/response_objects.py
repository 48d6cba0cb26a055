"""The answer in the shapes of the responses interface. Pure.

Source: OpenAI API reference, "The response object", "Streaming events".
"""

from collections.abc import Iterator

from attrs import define, frozen

from adapters.api.answers import told
from adapters.api.content import Json
from adapters.api.problem import ApiError
from adapters.api.responses_request import ResponseAsked
from hermes.messages import Usage
from hermes.store.requests import Progress

Event = tuple[str, dict[str, object]]
"""Its type and its fields."""


def begun(wanted: ResponseAsked, created: float) -> Json:
    """The response before there is an answer."""
    asked, place = wanted.asked, wanted.place
    return {
        "id": asked.id,
        "object": "response",
        "created_at": int(created),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "conversation": {"id": place.conversation} if place.conversation else None,
        "error": None,
        "incomplete_details": None,
        "instructions": asked.instructions or None,
        "max_output_tokens": None,
        "metadata": wanted.metadata,
        "model": asked.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": place.previous or None,
        "reasoning": {"effort": None, "summary": None},
        "store": wanted.store,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": None,
    }


def ended(response: Json, progress: Progress, now: float) -> Json:
    """The same with its answer, or with the reason why there is none."""
    spent = usage(progress.usage)
    try:
        item = message(response, told(progress), "completed")
    except ApiError as error:
        failure = {"code": "server_error", "message": error.problem.message}
        return {**response, "status": "failed", "error": failure, "usage": spent}
    return {**response, "status": "completed", "completed_at": int(now), "output": [item], "usage": spent}


def message(response: Json, text: str, status: str) -> Json:
    """The one item of the output."""
    content = [part(text)] if status == "completed" else []
    return {
        "id": f"msg_{str(response['id']).partition('_')[2]}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def usage(spent: Usage) -> Json:
    return {
        "input_tokens": spent.input_tokens,
        "input_tokens_details": {
            "cached_tokens": spent.cache_read_tokens,
            "cache_write_tokens": spent.cache_write_tokens,
        },
        "output_tokens": spent.output_tokens,
        "output_tokens_details": {"reasoning_tokens": spent.reasoning_tokens},
        "total_tokens": spent.input_tokens + spent.output_tokens,
    }


@frozen
class _Where:
    """The place of the text in the output."""

    item_id: str
    output_index: int = 0
    content_index: int = 0

    def fields(self) -> dict[str, object]:
        return {
            "item_id": self.item_id, "output_index": self.output_index, "content_index": self.content_index,
        }  # fmt: skip


@define
class ResponseEvents:
    """The events of one stream, in order; each carries its number."""

    _response: Json
    _number: int = 0
    _text: str = ""

    def begin(self) -> Iterator[Event]:
        yield self._event("response.created", response=self._response)
        yield self._event("response.in_progress", response=self._response)
        item = message(self._response, "", "in_progress")
        yield self._event("response.output_item.added", output_index=0, item=item)
        yield self._event("response.content_part.added", part=part(""), **self._where())

    def more(self, text: str) -> Event:
        self._text += text
        return self._event("response.output_text.delta", delta=text, logprobs=[], **self._where())

    def complete(self, response: Json) -> Iterator[Event]:
        """The text that was streamed is told whole, then the response as it is kept."""
        yield self._event("response.output_text.done", text=self._text, logprobs=[], **self._where())
        yield self._event("response.content_part.done", part=part(self._text), **self._where())
        item = message(self._response, self._text, "completed")
        yield self._event("response.output_item.done", output_index=0, item=item)
        yield self._event("response.completed", response=response)

    def fail(self, response: Json) -> Event:
        return self._event("response.failed", response=response)

    def interrupt(self, text: str) -> Event:
        """What was asked goes on, and cannot be told here any more."""
        return self._event("error", code="server_error", message=text, param=None)

    def _where(self) -> dict[str, object]:
        return _Where(str(message(self._response, "", "in_progress")["id"])).fields()

    def _event(self, kind: str, **fields: object) -> Event:
        number, self._number = self._number, self._number + 1
        return kind, {"type": kind, "sequence_number": number, **fields}
