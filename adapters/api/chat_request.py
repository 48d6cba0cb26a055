"""A body of POST /v1/chat/completions, understood.

Source: OpenAI API reference, "Create chat completion". What steers the sampling (temperature, max_tokens, ...) is the
configuration's affair here and is ignored, as is ``tools``: the agent has its own. What would promise something else
than comes is refused: several choices, a call of the client's own tool, an output in a schema, sound.
"""

from adapters.api.asked import Asked, digest, identify
from adapters.api.content import MAX_MESSAGES, Json, Spoken, items, section
from adapters.api.problem import bad

MAX_NAME = 200
"""Characters of a model's name."""


def parse(body: Json, *, key: str | None, session: str, model_name: str) -> Asked:
    """Raises ``ApiError``. ``key``: the Idempotency-Key; ``session``: the X-Hermes-Session-Id, or empty."""
    refuse_promises(body)
    spoken = _spoken(body.get("messages"))
    stream, options = body.get("stream"), section(body.get("stream_options"))
    return Asked(
        id=identify("chatcmpl-", key),
        repeatable=key is not None,
        digest=digest(body, session),
        text=spoken.asked("messages"),
        history=spoken.before(),
        instructions=spoken.instructions(),
        model=model_of(body, model_name),
        stream=stream is True,
        include_usage=bool(options and options.get("include_usage") is True),
    )


def _spoken(value: object) -> Spoken:
    messages = items(value)
    if not messages or len(messages) > MAX_MESSAGES:
        bad(f"messages has to be a list of 1 to {MAX_MESSAGES} messages", param="messages")
    spoken = Spoken()
    for number, message in enumerate(messages):
        spoken.take(message, f"messages[{number}]")
    return spoken


def model_of(body: Json, model_name: str) -> str:
    """The model as the client calls it; whatever that is, the agent's own answers."""
    name = body.get("model")
    if name is None:
        return model_name
    if not isinstance(name, str) or len(name) > MAX_NAME:
        bad(f"model has to be a name of at most {MAX_NAME} characters", param="model")
    return name or model_name


def refuse_promises(body: Json) -> None:
    """Refuse what would be promised and not kept."""
    if body.get("n") not in (None, 1):
        bad("n: one answer is given at a time", param="n")
    choice = body.get("tool_choice")
    if choice == "required" or isinstance(choice, dict):
        bad("tool_choice: the agent uses its own tools, and calls none of the client's", param="tool_choice")
    form = section(body.get("response_format"))
    if form is not None and form.get("type") not in (None, "text"):
        bad("response_format: answers are text", param="response_format")
    if body.get("modalities") not in (None, [], ["text"]):
        bad("modalities: answers are text", param="modalities")
