"""Supervised actors over trio: OTP's semantics by OTP's names. See docs/adr/0010-supervision.md.

spec.py         what a supervisor is told about a child      strategy.py     which siblings share a fate
context.py      what an actor is handed                      verdict.py      the two kinds of end
mailbox.py      its messages; address.py sends them          intensity.py    how many of our own
ask.py          messages that want an answer                 backoff.py      how long the world gets
supervisor.py   children known from the start                liveness.py     deaf, idle, retrying
dynamic.py      children that come with a message            report.py       what is told of each change
supervision.py  the run of either; keeper.py one child's     child.py        its state; incarnation.py one life
"""

from actors.runtime.address import Address
from actors.runtime.ask import Reply
from actors.runtime.backoff import HEALTHY_AFTER, Backoff
from actors.runtime.context import Context
from actors.runtime.dynamic import DynamicSupervisor
from actors.runtime.failures import ChildStuck, EndedUnasked, IntensityExceeded
from actors.runtime.intensity import Intensity
from actors.runtime.mailbox import Mailbox
from actors.runtime.report import Report, What
from actors.runtime.spec import Actor, ChildSpec, Restart
from actors.runtime.strategy import Strategy
from actors.runtime.supervisor import Supervisor
from actors.runtime.verdict import QUARANTINE

__all__ = [
    "HEALTHY_AFTER",
    "QUARANTINE",
    "Actor",
    "Address",
    "Backoff",
    "ChildSpec",
    "ChildStuck",
    "Context",
    "DynamicSupervisor",
    "EndedUnasked",
    "Intensity",
    "IntensityExceeded",
    "Mailbox",
    "Reply",
    "Report",
    "Restart",
    "Strategy",
    "Supervisor",
    "What",
]
