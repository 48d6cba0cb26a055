"""What a provider's refusals mean, as errors by remedy.

1. The text of each is one line that names the provider, what it said, and the key to change where there is one.
2. A provider's own words are quoted short, without markup, and without secrets: some repeat the key that they refuse.
3. A status says more than a type, and a type more than words. Words decide only where nothing else tells a transcript
   that is too long, or a model that does not exist, from any other bad request.

Sources: OpenAI API "Error codes", Anthropic API "Errors", OpenRouter "Errors and debugging", RFC 9110 section 10.2.3
(Retry-After).
"""

import math
import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime

from attrs import field, frozen

from hermes.errors import AuthError, ConfigError, HermesError, RateLimited, Refused, RemoteProtocolError, TransientError
from hermes.models.contract import ContextOverflow
from hermes.models.wires.parse import Json, count, parse_object, section, text
from hermes.redact import redact

# What a provider says of its refusal, in characters: a sentence, not its documentation.
MAX_QUOTED = 240

# Seconds, where a limit comes without a time.
USUAL_PAUSE = 20.0

# Seconds: whoever asks for more has a bound of a day or a month, and its own words say so.
MAX_PAUSE = 24 * 3600.0

_TOO_LONG = re.compile(
    r"context.?(?:length|window|limit|size)|maximum (?:context|prompt|model len)|(?:prompt|input) (?:is )?too long"
    r"|too many tokens|reduce the length|request.?too.?large|exceeds? the (?:available|maximum)|model token limit"
    r"|token limit exceeded"
    r"|range of input length|prompt exceeds|prompt 超长|token count of \d+ exceeds|must have less than \d+ tokens"
    r"|`inputs` tokens",
    re.IGNORECASE,
)
# An answer may not be as long as the request says, whatever the length of the request.
_BOUND = re.compile(
    r"max_(?:completion_|output_)?tokens\W{0,3}(?:is too large|: \d+ > \d+|\d+ > \d+|value\b)"
    r"|at most \d+ (?:completion|output) tokens|range of max_|maximum allowed number of output tokens",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model\b.{0,120}?(?:not found|does not exist|not exist|not a valid|unknown|unavailable|no endpoints)"
    r"|(?:no endpoints|unknown|invalid|no such|not a valid) .{0,20}?model|model_not_found",
    re.IGNORECASE | re.DOTALL,
)
# Behind a 404 of the API itself.
_ABOUT_MODELS = re.compile(r"\bmodel|no endpoints", re.IGNORECASE)
# Some refuse a key, or one without money behind it, as they refuse any bad request: with a 400.
_BAD_KEY = re.compile(
    r"(?:incorrect|invalid|expired) (?:x-)?api.?key|api.?key (?:is )?(?:not valid|invalid|expired)"
    r"|credit balance|insufficient (?:credit|balance|funds)",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(r"insufficient_quota|credit|billing|exceeded your current quota", re.IGNORECASE)
_FLAGGED = re.compile(r"flagged|moderation|content.?policy|safety", re.IGNORECASE)
_MARKUP = re.compile(r"<[^>]{0,500}>")

# Anthropic's types in an error event, and names that others send in place of a status.
_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "timeout_error": 504,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "api_error": 500,
    "server_error": 500,
    "overloaded_error": 529,
    "context_length_exceeded": 413,
    "model_not_found": 404,
    "invalid_api_key": 401,
    "insufficient_quota": 402,
}


@frozen
class Speaker:
    """Who said it, as a person knows it."""

    label: str
    """"OpenRouter", or the host of a custom provider."""
    model: str
    key: str = field(default="", repr=False)
    key_from: str = ""
    """Where the key stands: a variable, or "model.api_key". Empty: there is none."""
    key_wanted: str = "model.api_key_env"
    """What to set where there is no key."""

    def quote(self, said: str) -> str:
        """``said`` as it may be shown, after a colon; empty when there is nothing worth showing."""
        if self.key:
            said = said.replace(self.key, "[redacted]")
        said = " ".join(_MARKUP.sub(" ", redact(said)).split())
        if not said:
            return ""
        return ": " + (said if len(said) <= MAX_QUOTED else said[: MAX_QUOTED - 1] + "…").rstrip(".")


def refusal(speaker: Speaker, status: int, body: str, retry_after: str = "") -> HermesError:
    """The error for an answer that is no 200. ``retry_after`` is that header."""
    found = parse_object(_unwrapped(body))
    if found is None:
        return _by_status(speaker, status, "", _title(body), retry_after)
    # Some servers put it at the top, some send a plain text.
    error = section(found.get("error")) or found
    said = text(error.get("message")) or text(found.get("error")) or text(found.get("detail"))
    return _by_status(speaker, status, _kind(error), said + _underlying(error), retry_after)


def complaint(speaker: Speaker, error: Json) -> HermesError:
    """The error for an error object in the middle of a stream."""
    kind = _kind(error)
    status = _status(error.get("code")) or _status(error.get("status"))
    status = status or next((_STATUS_OF_TYPE[name] for name in kind.split() if name in _STATUS_OF_TYPE), 500)
    return _by_status(speaker, status, kind, text(error.get("message")) + _underlying(error), "")


def web_page(speaker: Speaker) -> HermesError:
    """A 200 that is HTML: the address is that of a site."""
    return RemoteProtocolError(f"{speaker.label} answered with a web page: model.base_url may be wrong")


def pause(header: str, now: float) -> float | None:
    """Seconds out of a Retry-After: a number of them, or a date. ``now`` is Unix time."""
    try:
        seconds = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
            # Dates of HTTP are in UTC, also in the older form that does not say so.
            seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), MAX_PAUSE) if math.isfinite(seconds) else None


def _by_status(speaker: Speaker, status: int, kind: str, said: str, retry_after: str) -> HermesError:
    quoted, evidence = speaker.quote(said), f"{kind} {said}"
    if status in {400, 422} and _BOUND.search(evidence):
        text = f"{speaker.label} takes no answer of this length{quoted}: set model.max_tokens"
        return ConfigError(text, key="model.max_tokens")
    if status == 413 or (status in {400, 422, 500} and _TOO_LONG.search(evidence)):
        return ContextOverflow(f"{speaker.label} takes no request of this length{quoted}")
    if (status == 404 and _ABOUT_MODELS.search(evidence)) or (status in {400, 422} and _NO_MODEL.search(evidence)):
        return _no_model(speaker, quoted)
    if status == 400 and _BAD_KEY.search(evidence):
        return _person(speaker, status, evidence, quoted)
    if status in {401, 402, 403} or (status == 429 and _NO_CREDIT.search(evidence)):
        return _person(speaker, status, evidence, quoted)
    if status == 404 or 300 <= status < 400:
        text = f"{speaker.label} has nothing at this address ({status}){quoted}: set model.base_url"
        return ConfigError(text, key="model.base_url")
    if status in {408, 409, 425, 429} or status >= 500:
        return _passing(speaker, status, quoted, retry_after)
    return Refused(f"{speaker.label} refused it ({status}){quoted}")


def _no_model(speaker: Speaker, quoted: str) -> HermesError:
    text = f"{speaker.label} knows no model {speaker.model!r}{quoted}: set model.default"
    return ConfigError(text, key="model.default")


def _person(speaker: Speaker, status: int, evidence: str, quoted: str) -> HermesError:
    """What only a person can mend: a key, or the money behind it."""
    if status != 401 and _FLAGGED.search(evidence):
        return Refused(f"{speaker.label} refused it ({status}){quoted}")
    if status in {402, 429} or _NO_CREDIT.search(evidence):
        return AuthError(f"{speaker.label} has no credit left for this key ({status}){quoted}")
    if not speaker.key_from:
        return AuthError(f"{speaker.label} wants a key ({status}){quoted}: set {speaker.key_wanted}")
    return AuthError(f"{speaker.label} refused the key of {speaker.key_from} ({status}){quoted}")


def _passing(speaker: Speaker, status: int, quoted: str, retry_after: str) -> HermesError:
    asked = pause(retry_after, time.time()) if retry_after else None
    if status == 429 or asked is not None:
        what = "limits how much it is asked" if status == 429 else "is overloaded"
        wait = USUAL_PAUSE if asked is None else asked
        return RateLimited(f"{speaker.label} {what} ({status}){quoted}", retry_after=wait)
    what = "is overloaded" if status in {503, 529} else "failed"
    return TransientError(f"{speaker.label} {what} ({status}){quoted}")


def _status(value: object) -> int:
    """A status, which some gateways write as text; 0: it is none."""
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"[1-5]\d\d", value) else 0
    return count(value)


def _kind(error: Json) -> str:
    return " ".join(filter(None, (text(error.get("type")), text(error.get("code")))))


def _underlying(error: Json) -> str:
    """What the provider behind a router said (OpenRouter, ``metadata.raw``)."""
    raw = section(error.get("metadata")).get("raw")
    if not isinstance(raw, str) or not raw.strip():
        return ""
    inner = parse_object(raw)
    message = text(section((inner or {}).get("error")).get("message")) if inner else raw
    return f" ({message})" if message else ""


def _unwrapped(body: str) -> str:
    """Google's servers put it into a list of one."""
    text = body.strip()
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def _title(page: str) -> str:
    """The title of an error page of a proxy, or the text that it is."""
    found = re.search(r"<title[^>]{0,100}>([^<]+)", page, re.IGNORECASE)
    if found:
        return found[1]
    # Not cut here: half a secret is not recognised.
    return "" if "<" in page[:200] else page
