"""One request, understood: what is asked of the agent, and in which shape the answer is wanted.

Rules:

1. ``id`` is the event's id, and names the answer as well. From an Idempotency-Key it is made of the key, so that a
   repetition has the same; without one it is new.
2. ``digest`` is made of what is asked and not of how the answer is wanted: a repetition may ask for a stream where the
   first asked for none.
"""

import json
import secrets
from hashlib import sha256

from attrs import frozen

from adapters.api.content import Json
from adapters.api.problem import bad
from hermes.messages import Message

MAX_KEY = 255
"""Characters of an Idempotency-Key: what other services take."""

_HOW = frozenset({"stream", "stream_options", "user", "metadata", "store", "service_tier", "safety_identifier"})


@frozen
class Asked:
    """What a request wants."""

    id: str
    repeatable: bool
    """Whether the client can name the request again."""
    digest: str
    text: str
    """What is asked."""
    history: tuple[Message, ...]
    instructions: str
    model: str
    """As the client calls it."""
    stream: bool
    include_usage: bool = False


@frozen
class Place:
    """Where a request goes on."""

    session: str = ""
    """The id of a session."""
    conversation: str = ""
    """A name that the client gave to a session."""
    previous: str = ""
    """The id of a kept answer."""


def identify(prefix: str, key: str | None) -> str:
    """The id of a request under an Idempotency-Key, or of one that has none. Refuses a key that is no key."""
    if key is None:
        return f"{prefix}{secrets.token_hex(16)}"
    if not 0 < len(key.strip()) <= MAX_KEY:
        bad(f"the Idempotency-Key has to have 1 to {MAX_KEY} characters", code="invalid_idempotency_key")
    return f"{prefix}{sha256(f'{prefix} {key}'.encode('utf-8', 'replace')).hexdigest()[:32]}"


def digest(body: Json, session: str) -> str:
    """Of what is asked. Refuses what is nested so deep that it could be read, and can hardly be written."""
    asked = {name: value for name, value in body.items() if name not in _HOW}
    try:
        return sha256(json.dumps([asked, session], sort_keys=True).encode()).hexdigest()
    except RecursionError:
        bad("the body is nested too deep", code="invalid_json")
