"""The errors of the house, sorted by remedy: what has to happen before the same call can work.

    HermesError
    ├── TransientError            wait and try again (network, 5xx, a time-out): capped backoff, for ever
    │   ├── RateLimited           the other side said how long to wait
    │   ├── LivenessExceeded      no proven round trip within the bound
    │   └── StoreFull             the disk is full: writes resume by themselves
    ├── AuthError                 a person renews a credential
    ├── ConfigError               a person changes the configuration; at start-up the process exits with 78
    ├── Refused                   the other side will never take this one (blocked, gone, too large): not retried
    ├── ProtocolError             a rule of a wire was broken
    │   ├── LocalProtocolError    by us: a bug here
    │   └── RemoteProtocolError   by the other side
    ├── ActorCrashed              the actor that held the ask ended: its outcome is unknown
    ├── Unavailable               no answer within the deadline, or nobody there to give one
    │   └── NotTaken              nobody there for now, and certainly nothing was done: the same call may be repeated
    └── LeaseLost                 a newer fencing token exists: stop, somebody else owns this work

A module raises the type; the supervisor, the delivery loop and the command line decide what the failure does. Any
exception outside this tree is a bug of ours.
"""

from collections.abc import Iterator
from typing import cast

from attrs import frozen


class HermesError(Exception):
    """Base of every error that this program raises on purpose. Its text is one line that a person can act on."""


class TransientError(HermesError):
    """The world's fault, and it may pass: try again after a growing pause."""


class RateLimited(TransientError):
    """The other side asks for a pause of ``retry_after`` seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LivenessExceeded(TransientError):
    """A connection proved no round trip within its bound: deaf, whatever its socket says."""


class StoreFull(TransientError):
    """The disk (or a quota) is full: nothing was written; the same write may be repeated."""


class AuthError(HermesError):
    """A credential was refused: only a person can renew it."""


class ConfigError(HermesError):
    """The configuration is wrong. The text names the file, the key and the cure.

    ``file`` and ``key`` are kept apart from the text for ``--json`` output; either may be empty.
    """

    def __init__(self, message: str, *, file: str = "", key: str = "") -> None:
        super().__init__(message)
        self.file = file
        self.key = key


class Refused(HermesError):
    """A permanent refusal of one request; repeating it unchanged cannot work."""


class ProtocolError(HermesError):
    """A rule of a wire protocol was broken."""


class LocalProtocolError(ProtocolError):
    """We broke the rule: a bug here."""


class RemoteProtocolError(ProtocolError):
    """The other side broke the rule."""


class ActorCrashed(HermesError):
    """The actor that had taken the ask in hand ended before it replied: the outcome is unknown.

    Every journal write is idempotent, so its caller repeats it within its deadline.
    """


class Unavailable(HermesError):
    """Nobody answered within the deadline (seconds are told in the text), or nobody is there to answer."""


class NotTaken(Unavailable):
    """What was asked is not taken for now, and certainly nothing came of it."""


class LeaseLost(HermesError):
    """The store holds a newer fencing token for this work: its owner changed, so stop without a further write."""


@frozen
class _Remedy:
    kind: type[BaseException]
    weight: int


# What decides when several failures come as one: a bug outweighs what a person must do, which outweighs waiting.
_WEIGHTS = (_Remedy(TransientError, 1), _Remedy(AuthError, 3), _Remedy(ConfigError, 4), _Remedy(HermesError, 2))
_BUG = 5


def _weight(error: BaseException) -> int:
    return next((remedy.weight for remedy in _WEIGHTS if isinstance(error, remedy.kind)), _BUG)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors inside nested groups, in order; an error that is no group is its own only leaf."""
    if isinstance(error, BaseExceptionGroup):
        for inner in cast(BaseExceptionGroup[BaseException], error).exceptions:
            yield from leaves(inner)
    else:
        yield error


def fold(error: Exception) -> Exception:
    """One error for a group: the heaviest by remedy (a bug, then configuration, credentials, refusals, waiting).

    An error that is no group comes back as it is. The longest ``retry_after`` wins among rate limits. Called by the
    supervisor and at the edge of libraries that raise groups, nowhere else. Never given a group that holds
    ``trio.Cancelled``: split that off first.
    """
    found = [leaf for leaf in leaves(error) if isinstance(leaf, Exception)]
    heaviest = max(_weight(leaf) for leaf in found)
    candidates = [leaf for leaf in found if _weight(leaf) == heaviest]
    limits = [leaf for leaf in candidates if isinstance(leaf, RateLimited)]
    return max(limits, key=lambda limit: limit.retry_after) if limits else candidates[0]
