"""The answer in the shapes of chat completions. Pure.

Source: OpenAI API reference, "The chat completion object", "The chat completion chunk object".
"""

from attrs import frozen

from adapters.api.problem import ApiError, failed
from hermes.messages import Usage
from hermes.store.requests import Progress
from hermes.store.rows import TurnOutcome

NO_WORD = "The request ended without an answer."


def told(progress: Progress) -> str:
    """The text of an ended run. Raises ``ApiError`` when it is no answer but the reason why there is none."""
    if progress.state == "dead":
        raise ApiError(failed(progress.text or NO_WORD, "given_up"))
    if progress.outcome == TurnOutcome.FAILED:
        raise ApiError(failed(progress.text or NO_WORD, "no_answer"))
    return progress.text


def usage(spent: Usage) -> dict[str, object]:
    """Tokens as this API counts them: what was read from a cache is part of the prompt's."""
    return {
        "prompt_tokens": spent.input_tokens,
        "completion_tokens": spent.output_tokens,
        "total_tokens": spent.input_tokens + spent.output_tokens,
        "prompt_tokens_details": {"cached_tokens": spent.cache_read_tokens},
        "completion_tokens_details": {"reasoning_tokens": spent.reasoning_tokens},
    }


@frozen
class Completion:
    """What every object of one answer says of itself."""

    id: str
    model: str
    created: int
    """Unix time in seconds."""
    include_usage: bool = False
    """A client that asked for the tokens finds the field in every chunk."""

    def whole(self, text: str, spent: Usage) -> dict[str, object]:
        """The answer without streaming."""
        choice: dict[str, object] = {
            "index": 0,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
        return {**self._object("chat.completion"), "choices": [choice], "usage": usage(spent)}

    def first(self) -> dict[str, object]:
        return self._chunk({"role": "assistant", "content": ""}, None)

    def more(self, text: str) -> dict[str, object]:
        return self._chunk({"content": text}, None)

    def last(self) -> dict[str, object]:
        return self._chunk({}, "stop")

    def spent(self, spent: Usage) -> dict[str, object]:
        """The chunk behind the last, for a client that asked for it."""
        return {**self._object("chat.completion.chunk"), "choices": [], "usage": usage(spent)}

    def _chunk(self, delta: dict[str, str], finish_reason: str | None) -> dict[str, object]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        empty = {"usage": None} if self.include_usage else {}
        return {**self._object("chat.completion.chunk"), "choices": [choice], **empty}

    def _object(self, kind: str) -> dict[str, object]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }
