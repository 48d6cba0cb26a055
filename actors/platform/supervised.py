"""Puts any adapter under supervision: one supervisor an account, with inbound, delivery and liveness as its children.

They start in that order: delivery and recovery begin when the adapter is connected. They fail alone (one_for_one),
and none of them fails the rest of the gateway.
"""

from functools import partial

from attrs import frozen

from actors.conversation.services import Platform
from actors.platform.connection import Proof, Surroundings
from actors.platform.delivery import MAILBOX as DELIVERY_MAILBOX
from actors.platform.delivery import delivery
from actors.platform.drafts import DraftBoard
from actors.platform.homeward import no_home
from actors.platform.inbound import inbound
from actors.platform.late import LateEdits
from actors.platform.liveness import liveness
from actors.platform.outlet import Outlet
from actors.runtime import Backoff, ChildSpec, Strategy, Supervisor
from adapters.contract import Adapter

# Backoff of a connection: its cap keeps recovery under 30 s of the service's return.
RECONNECT = Backoff(first=0.5, cap=5.0)

# A connection is deaf when this many probes in a row proved nothing.
MISSED_PROBES = 3


@frozen
class SupervisedPlatform:
    """An adapter's supervisor and its way out."""

    supervisor: Supervisor
    outlet: Outlet


def supervise(adapter: Adapter, platform: Platform, around: Surroundings) -> SupervisedPlatform:
    """The supervisor of ``adapter``, not yet running."""
    drafts, late, proof = DraftBoard(), LateEdits(), Proof()
    probed = adapter.probe_interval
    bound = adapter.limits.deaf_after if probed is None else probed * MISSED_PROBES
    # What one person's process says is for the owner's eyes alone where the owner is the only one who writes.
    home = partial(around.homes.of, adapter.name, adapter.account) if platform.owner else no_home
    deliver = partial(
        delivery, adapter=adapter, store=around.store, drafts=drafts, late=late, redactor=around.redactor, home=home
    )
    supervisor = Supervisor(
        adapter.name,
        (
            ChildSpec("inbound", partial(inbound, adapter=adapter, around=around, proof=proof), liveness=bound),
            ChildSpec("delivery", deliver, mailbox=DELIVERY_MAILBOX),
            ChildSpec("liveness", partial(liveness, adapter=adapter, proof=proof)),
        ),
        strategy=Strategy.ONE_FOR_ONE,
        backoff=RECONNECT,
    )
    return SupervisedPlatform(supervisor, Outlet(adapter, platform, supervisor.address("delivery"), drafts, late))
