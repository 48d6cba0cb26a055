"""A body of POST /v1/responses, understood.

Source: OpenAI API reference, "Create a model response". What goes on somewhere (``previous_response_id``,
``conversation``, a session's header) brings only what is new: all that its user says is one message. Otherwise the
earlier items are the history of a new session, as with chat completions.
"""

from attrs import frozen

from adapters.api.asked import Asked, Place, digest, identify
from adapters.api.chat_request import model_of
from adapters.api.content import MAX_MESSAGES, Json, Spoken, items, section
from adapters.api.problem import ApiError, bad, too_large

PREFIX = "resp_"

MAX_NAME = 200
"""Characters of a conversation's name, as the established product has it."""

MAX_INSTRUCTIONS = 64_000
"""Characters: they are kept with each answer."""

MAX_METADATA = 16

_MESSAGE = (None, "message")


@frozen
class ResponseAsked:
    """What a request wants, and what its answer says of it."""

    asked: Asked
    place: Place
    store: bool
    metadata: Json


def parse(body: Json, *, key: str | None, session: str, model_name: str) -> ResponseAsked:
    """Raises ``ApiError``. ``key``: the Idempotency-Key; ``session``: the X-Hermes-Session-Id, or empty."""
    _refuse_promises(body)
    place = _place(body, session)
    spoken = _spoken(body)
    goes_on = place != Place()
    asked = Asked(
        id=identify(PREFIX, key),
        repeatable=key is not None,
        digest=digest(body, session),
        text=spoken.all_asked("input") if goes_on else spoken.asked("input"),
        history=() if goes_on else spoken.before(),
        instructions=_bounded(spoken.instructions()),
        model=model_of(body, model_name),
        stream=body.get("stream") is True,
    )
    return ResponseAsked(asked, place, body.get("store") is not False, _metadata(body.get("metadata")))


def _bounded(instructions: str) -> str:
    if len(instructions) > MAX_INSTRUCTIONS:
        raise ApiError(too_large(f"instructions may have {MAX_INSTRUCTIONS} characters"))
    return instructions


def _metadata(value: object) -> Json:
    """It is kept with the answer, so it is bounded as in the reference."""
    found = section(value) if value is not None else {}
    fits = found is not None and len(found) <= MAX_METADATA
    if found is None or not fits or not all(isinstance(text, str) and len(text) <= 512 for text in found.values()):
        bad(f"metadata has to be an object of at most {MAX_METADATA} texts of 512 characters", param="metadata")
    return found


def _spoken(body: Json) -> Spoken:
    instructions = body.get("instructions")
    if instructions is not None and not isinstance(instructions, str):
        bad("instructions have to be text", param="instructions")
    spoken = Spoken([instructions] if instructions else ())
    said = body.get("input")
    if isinstance(said, str):
        spoken.take({"role": "user", "content": said}, "input")
        return spoken
    found = items(said)
    if not found or len(found) > MAX_MESSAGES:
        bad(f"input has to be text or a list of 1 to {MAX_MESSAGES} messages", param="input")
    for number, item in enumerate(found):
        where = f"input[{number}]"
        message = section(item)
        if message is not None and message.get("type") not in _MESSAGE:
            bad(f"{where} is no message: the agent calls its own tools, and keeps its own thoughts", param=where)
        spoken.take(item, where)
    return spoken


def _place(body: Json, session: str) -> Place:
    conversation = body.get("conversation")
    named = section(conversation)
    name = named.get("id") if named is not None else conversation
    previous = body.get("previous_response_id")
    for value, param in ((name, "conversation"), (previous, "previous_response_id")):
        if value is not None and not (isinstance(value, str) and 0 < len(value) <= MAX_NAME):
            bad(f"{param} has to be a name of 1 to {MAX_NAME} characters", param=param)
    if sum(map(bool, (session, name, previous))) > 1:
        bad("a request goes on in one place: a session, a conversation or a previous response", param="conversation")
    return Place(session, str(name or ""), str(previous or ""))


def _refuse_promises(body: Json) -> None:
    if body.get("background") is True:
        bad("background: an answer is waited for, or streamed", param="background")
    choice = body.get("tool_choice")
    if choice == "required" or isinstance(choice, dict):
        bad("tool_choice: the agent uses its own tools, and calls none of the client's", param="tool_choice")
    text = section(body.get("text"))
    form = section(text.get("format")) if text else None
    if form is not None and form.get("type") not in (None, "text"):
        bad("text.format: answers are text", param="text.format")
