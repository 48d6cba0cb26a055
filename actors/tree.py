"""The supervision tree of the gateway, put together.

    gateway (one_for_one, 3 in 60 s: then the process exits, and systemd starts it again)
    ├─ core             without these nothing works, so they fail upward
    │  ├─ store         the one writer
    │  ├─ models        permits for streams
    │  └─ processes     the host of child processes
    ├─ conversations    dynamic, one a session key
    ├─ background       the processes that conversations left running
    ├─ platforms        one supervisor an account: inbound, delivery, liveness
    ├─ pruning          drops what is settled from the journal
    ├─ control          the socket for `hermes gateway status` and `stop`
    └─ watchdog         systemd's, started last: READY means that all of the above has started

They start in this order and stop in reverse. `hermes chat` runs the same tree with the terminal as its only platform.
"""

from collections.abc import Callable, Sequence
from functools import partial

from attrs import frozen

from actors.background.actor import Backgrounds, background_actor
from actors.background.process import Surroundings as BackgroundSurroundings
from actors.conversation.actor import MAILBOX as CONVERSATION_MAILBOX
from actors.conversation.actor import conversation
from actors.conversation.services import Outlets as OutletsPort
from actors.conversation.services import Permits, Platform, Services
from actors.homes import Homes
from actors.messages import LOOK, Look
from actors.models import MAILBOX as MODELS_MAILBOX
from actors.models import Connections, LentPermits, models_actor
from actors.platform.connection import Gate, Surroundings
from actors.platform.outlet import Outlet, Outlets
from actors.platform.supervised import supervise
from actors.processes import LentHost, processes_actor
from actors.runtime import ChildSpec, DynamicSupervisor, Intensity, Report, Supervisor
from actors.store import MAILBOX as STORE_MAILBOX
from actors.store import ActorCommit, store_actor
from adapters.contract import Adapter
from hermes.agent.ports import Processes
from hermes.home import Home
from hermes.redact import Redactor
from hermes.status import ChildStatus
from hermes.store.engine.readers import Readers
from hermes.store.interface import Store

# Conversations in memory at once. Idle ones passivate after minutes; at some 20 KB each this bounds them to 100 MB.
MAX_CONVERSATIONS = 5000

# Seconds that a conversation gets to close its stream and its tools; what it had not finished is in the journal.
CONVERSATION_SHUTDOWN = 5.0

# Seconds for the host of child processes to see its last child gone. It gives up after 15 by itself, and a core child
# that is called stuck ends the gateway.
PROCESSES_SHUTDOWN = 20.0


# Seconds for the grace of every background process; what does not end by then ends with the host.
BACKGROUND_SHUTDOWN = 10.0


@frozen
class Attached:
    """An adapter and what conversations have to know of its platform."""

    adapter: Adapter
    platform: Platform
    on: str = ""
    """The platform whose port it is served on: where that one does not work, this one does not either."""


@frozen
class Base:
    """What the upper parts of the tree stand on."""

    store: Store
    permits: Permits
    connections: Connections
    processes: Processes
    backgrounds: Backgrounds
    outlets: OutletsPort
    homes: Homes
    describe: Callable[[], ChildStatus]


@frozen
class Blueprint:
    """What one tree is made of."""

    home: Home
    open_store: Callable[[ActorCommit, Readers], Store]
    attached: Sequence[Attached]
    services: Callable[[Base], Services]
    """What conversations need; called once, before anything runs."""
    extras: Callable[[Base], Sequence[ChildSpec]]
    """Children that start last: pruning, control and watchdog."""
    gate: Gate
    report: Callable[[Report], None]
    redactor: Redactor
    escalate: Callable[[str], None]
    """Called with the path of a child that does not end: the process has to."""


@frozen
class Tree:
    root: Supervisor
    base: Base


def build(blueprint: Blueprint) -> Tree:
    """The whole tree, not yet running."""
    roots: list[Supervisor] = []
    connections = Connections()
    readers = Readers(blueprint.home.state_db)
    core, lent = _core(blueprint.home, readers, connections)
    outlets: dict[tuple[str, str], Outlet] = {}
    store = blueprint.open_store(ActorCommit(core.address("store")), readers)
    base = Base(
        store=store,
        permits=LentPermits(core.address("models")),
        connections=connections,
        processes=lent,
        backgrounds=Backgrounds(lent.present),
        outlets=Outlets(outlets),
        homes=_homes(store, blueprint.attached),
        describe=lambda: roots[0].status(),
    )
    services = blueprint.services(base)
    conversations = _conversations(services)
    around = Surroundings(base.store, conversations, blueprint.gate, base.describe, blueprint.redactor, base.homes)
    platforms = Supervisor("platforms", _platforms(blueprint.attached, around, outlets), start_together=True)
    root = Supervisor(
        "gateway",
        (
            core,
            conversations,
            _background(base, services, conversations, blueprint.gate),
            platforms,
            *blueprint.extras(base),
        ),
        intensity=Intensity(restarts=3, period=60.0),
        reports=blueprint.report,
        redact=blueprint.redactor.redact,
        escalate=blueprint.escalate,
    )
    roots.append(root)
    return Tree(root, base)


def _homes(store: Store, attached: Sequence[Attached]) -> Homes:
    able = [(each.adapter, each.platform.home) for each in attached if each.platform.home is not None]
    return Homes(store, {(adapter.name, adapter.account): rules.configured for adapter, rules in able})


def _core(home: Home, readers: Readers, connections: Connections) -> tuple[Supervisor, LentHost]:
    lent = LentHost()
    store = partial(store_actor, path=home.state_db, readers=readers, mode=home.file_mode)
    core = Supervisor(
        "core",
        (
            ChildSpec("store", store, core=True, mailbox=STORE_MAILBOX),
            ChildSpec("models", partial(models_actor, connections=connections), core=True, mailbox=MODELS_MAILBOX),
            ChildSpec("processes", partial(processes_actor, lent=lent), core=True, shutdown=PROCESSES_SHUTDOWN),
        ),
    )
    return core, lent


def _conversations(services: Services) -> DynamicSupervisor[Look]:
    always = set(services.settings.command_allowlist)

    def child(session_key: str) -> ChildSpec:
        return ChildSpec(
            session_key,
            partial(conversation, services=services, session_key=session_key, always=always),
            mailbox=CONVERSATION_MAILBOX,
            shutdown=CONVERSATION_SHUTDOWN,
        )

    return DynamicSupervisor[Look]("conversations", child, max_children=MAX_CONVERSATIONS)


def _background(base: Base, services: Services, conversations: DynamicSupervisor[Look], gate: Gate) -> ChildSpec:
    def wake(session_key: str) -> None:
        # While the gateway drains no turn begins; the next start finds what is in the inbox.
        if gate.open:
            conversations.tell_nowait(session_key, LOOK)

    around = BackgroundSurroundings(base.store, services.owner, services.redactor, wake)
    actor = partial(background_actor, backgrounds=base.backgrounds, around=around)
    return ChildSpec("background", actor, shutdown=BACKGROUND_SHUTDOWN)


def _platforms(
    attached: Sequence[Attached], around: Surroundings, outlets: dict[tuple[str, str], Outlet]
) -> list[Supervisor]:
    supervisors: list[Supervisor] = []
    for each in attached:
        supervised = supervise(each.adapter, each.platform, around)
        outlets[each.adapter.name, each.adapter.account] = supervised.outlet
        supervisors.append(supervised.supervisor)
    return supervisors
