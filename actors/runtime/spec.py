"""What a supervisor is told about a child, by OTP's words.

An actor is an async function (a partial or a bound method serves too)::

    async def ping(context: Context[Ping], *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()  # ready to serve
        async for message in context.mailbox:
            message.reply.answer(None)

It owns what it opens, raises to fail, and returns to end. It never retries its own start and never catches
``trio.Cancelled`` for good. A child's name is its identity among its siblings: no slash, since slashes join paths.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Never, Protocol, TypeVar

import trio
from attrs import field, frozen, validators

from actors.runtime.backoff import Backoff
from actors.runtime.mailbox import DEFAULT_BOUND

if TYPE_CHECKING:
    from actors.runtime.context import Context

M_contra = TypeVar("M_contra", contravariant=True)

# Enough for a clean goodbye to a server; a whole tree still stops within systemd's 90 s.
SHUTDOWN = 5.0
# A start may open a connection and log in through a slow network; past this it is not slow but stuck.
START_WITHIN = 30.0


class Restart(StrEnum):
    PERMANENT = "permanent"
    """Always restarted; a return is a failure of ours."""
    TRANSIENT = "transient"
    """Restarted when it fails; a return means done."""
    TEMPORARY = "temporary"
    """Never restarted, also not with its group; what waits in its mailbox then is dropped."""


class Actor(Protocol[M_contra]):
    """An actor that receives messages of type ``M``."""

    async def __call__(self, context: "Context[M_contra]", *, task_status: trio.TaskStatus[None]) -> None: ...


@frozen
class ChildSpec:
    """One worker. Times are seconds."""

    name: str = field(validator=validators.min_len(1))
    actor: Actor[Never] = field(repr=False)
    """``Actor[Never]`` is any actor: what it receives is between it and those who hold its address."""
    restart: Restart = Restart.PERMANENT
    shutdown: float = field(default=SHUTDOWN, validator=validators.ge(0))
    """Grace from the cancellation to being called stuck."""
    mailbox: int = field(default=DEFAULT_BOUND, validator=validators.ge(1))
    """The bound, in messages."""
    liveness: float | None = field(default=None, validator=validators.optional(validators.gt(0)))
    """The oldest allowed age of the last proof of life; None for a child that cannot be probed."""
    core: bool = False
    """Without it the program cannot work: it fails upward where a leaf is quarantined."""
    start_within: float = field(default=START_WITHIN, validator=validators.gt(0))
    """Until ``started()``; later is a failure of the world's."""
    backoff: Backoff | None = None
    """Instead of the supervisor's."""
