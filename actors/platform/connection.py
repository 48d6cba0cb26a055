"""What the children of one platform share, and what every platform is connected to."""

from collections.abc import Callable

from attrs import define, frozen

from actors.homes import Homes
from actors.messages import Look
from actors.runtime import DynamicSupervisor
from hermes.redact import Redactor
from hermes.status import ChildStatus
from hermes.store.interface import Store


@define
class Gate:
    """Whether new messages are taken in. Closed while the gateway drains: the platform keeps them, or the page sends
    them again."""

    open: bool = True


@define
class Proof:
    """Where a proven round trip is told: to the incarnation of inbound that runs just then."""

    beat: Callable[[], None] = lambda: None


@frozen
class Surroundings:
    """What every platform is connected to."""

    store: Store
    conversations: DynamicSupervisor[Look]
    gate: Gate
    describe: Callable[[], ChildStatus]
    redactor: Redactor
    homes: Homes
