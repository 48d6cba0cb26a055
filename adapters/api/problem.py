"""What is wrong with a request, as clients of OpenAI's API are told it.

Source: OpenAI API reference, "Error codes": a body ``{"error": {"message", "type", "param", "code"}}`` under a status
that says what to do. The official clients repeat a request by themselves after 408, 409, 429 and 5xx, unless
``x-should-retry`` says otherwise.
"""

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, NoReturn

from attrs import evolve, field, frozen

from hermes.errors import ActorCrashed, HermesError, RateLimited, Refused, TransientError, Unavailable

if TYPE_CHECKING:
    from adapters.api.told import Told

INVALID = "invalid_request_error"
SERVER = "server_error"

RETRY_SECONDS = 5.0
"""When to come back where nobody knows better: most answers take about as long, and so does a restart."""


@frozen
class Problem:
    """One refusal or failure."""

    status: int
    message: str
    """One line for the person behind the program."""
    code: str | None = None
    param: str | None = None
    type: str = INVALID
    headers: Mapping[str, str] = field(factory=dict[str, str])

    def body(self) -> dict[str, object]:
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def having(self, headers: Mapping[str, str]) -> "Problem":
        """The same, with further headers."""
        return evolve(self, headers={**self.headers, **headers})

    def response(self) -> "Told":
        # Not above: the adapter knows problems before there are requests (site.py).
        from adapters.api.told import Told

        return Told(self.body(), status_code=self.status, headers={"cache-control": "no-store", **self.headers})


class ApiError(Exception):
    """Ends a request with a ``Problem``; raised and caught within this folder."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def bad(message: str, *, param: str | None = None, code: str | None = None) -> NoReturn:
    """Refuse a request that cannot work as it is."""
    raise ApiError(Problem(400, message, code, param))


def missing(message: str, *, code: str = "not_found", param: str | None = None) -> NoReturn:
    raise ApiError(Problem(404, message, code, param))


def too_large(message: str) -> Problem:
    return Problem(413, message, "request_too_large")


def busy(message: str) -> Problem:
    return later(429, message, "rate_limit_exceeded", RETRY_SECONDS, kind="requests")


def later(status: int, message: str, code: str, seconds: float, *, kind: str = SERVER) -> Problem:
    """Come back in some seconds."""
    return Problem(status, message, code, type=kind, headers={"retry-after": str(max(1, ceil(seconds)))})


def of_error(error: HermesError) -> Problem:
    """A failed acceptance or read, in this vocabulary. An unknown outcome is told as one that may be repeated:
    see ``at_most_once``."""
    if isinstance(error, RateLimited):
        return later(429, str(error), "rate_limit_exceeded", error.retry_after, kind="requests")
    if isinstance(error, TransientError | Unavailable | ActorCrashed):
        return later(503, str(error), "unavailable", RETRY_SECONDS)
    if isinstance(error, Refused):
        return too_large(str(error))
    return evolve(Problem(500, str(error), "internal_error"), type=SERVER)


def at_most_once(problem: Problem) -> Problem:
    """The same for a request that was taken, or may have been, and that its client cannot name again: the official
    clients would have it done twice."""
    why = "what was asked may go on, and had no Idempotency-Key under which it could be asked for again"
    return evolve(problem, message=f"{problem.message}; {why}").having({"x-should-retry": "false"})


def failed(sentence: str, code: str) -> Problem:
    """A run ended without an answer. All that can be repeated was; another try is a person's to decide."""
    return Problem(502, sentence, code, type=SERVER, headers={"x-should-retry": "false"})
