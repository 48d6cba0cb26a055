"""Named points between two durable states, at which a test can kill, fail or hang the program.

``failpoint("store.before_commit")`` does nothing unless the environment arms it when this module is imported:

    HERMES_FAILPOINTS=name=action[@hit],...     action: kill (SIGKILL of this process), raise (RuntimeError), hang
    (blocks the
                                                thread for ever); hit: act at that hit only, counted from 1, default
                                                the first
    HERMES_FAILPOINTS_SEEN=FILE                 append each name to FILE when it is first reached

Rules:

1. Every name stands in ``FAILPOINTS``, with what is durable and what is not when it is reached. Another name is a
   bug, and
   is reported as one whenever a failpoint is armed or recorded.
2. A name is recorded before its action, so that a kill does not hide that it was reached.
3. Hits are counted for one process; a process that is started again begins at none.
"""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from attrs import define, field, frozen

from hermes.errors import ConfigError

ARM = "HERMES_FAILPOINTS"
RECORD = "HERMES_FAILPOINTS_SEEN"

FAILPOINTS: Mapping[str, str] = {
    "store.before_commit": "A batch of writes is done but not committed: all of it is lost.",
    "store.after_commit": "A batch of writes is durable, and none of its callers knows.",
    "inbox.before_accept": "An event has arrived and is not in the inbox: the platform still holds it.",
    "inbox.after_accept": "An event is in the inbox, and the platform was not told so: it will hand it over again.",
    "turn.after_claim": "A turn is leased and has done no work.",
    "turn.before_model": "The model is about to be called.",
    "turn.after_model": "The model has replied, and the reply is not in the session.",
    "turn.after_append": "A reply or a tool's result is in the session, and the turn goes on.",
    "turn.before_tool": "A tool is about to run, and is not recorded as started.",
    "turn.after_start_call": "An effectful call is recorded as started, and has not run.",
    "turn.after_tool": "A tool has run, and its result is not in the session.",
    "turn.before_finish": "The answer is whole, and nothing of it is durable.",
    "turn.after_finish": "The turn is over and its answer stands in the outbox; nobody was told.",
    "ask.after_open": "A question is journaled with its outbox row, and the turn does not wait for it yet.",
    "ask.after_answer": "An answer is journaled, and the turn has not taken it.",
    "draft.after_begin": "The first part of an answer that grows has its row, and nothing left this machine.",
    "draft.after_send": "The platform has the first part of an answer, and its row does not know under which id.",
    "draft.after_sent": "The row of a first part has its id.",
    "outbox.before_send": "A row is due, and is not marked as being sent.",
    "outbox.after_begin_send": "A row is marked as being sent, and nothing left this machine.",
    "outbox.after_send": "The platform has the message, and the row does not say so.",
    "outbox.after_sent": "The row says that the message was sent.",
    "recovery.before_wake": "An adapter is connected, and its unfinished conversations are not woken.",
}
"""Every failpoint: what is durable when it is reached."""


class Action(StrEnum):
    KILL = "kill"
    RAISE = "raise"
    HANG = "hang"


@frozen
class Armed:
    """What happens at one failpoint, and at which of its hits."""

    action: Action
    hit: int


@define
class Failpoints:
    """The failpoints of one environment. Usable from any thread."""

    armed: Mapping[str, Armed]
    record: Path | None
    _hits: Counter[str] = field(factory=Counter[str])
    _lock: threading.Lock = field(factory=threading.Lock)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Failpoints | None":
        """None when nothing is armed and nothing recorded. Raises ``ConfigError`` for what does not exist."""
        armed = dict(_parse(entry) for entry in environment.get(ARM, "").split(",") if entry.strip())
        record = environment.get(RECORD, "")
        return cls(armed, Path(record) if record else None) if armed or record else None

    def reach(self, name: str) -> None:
        """Record and count ``name``, then do what it is armed with. Raises ``KeyError`` when it is not declared."""
        if name not in FAILPOINTS:
            raise KeyError(f"failpoint {name!r} is not declared in hermes.failpoints.FAILPOINTS")
        with self._lock:
            self._hits[name] += 1
            hit = self._hits[name]
            if hit == 1 and self.record is not None:
                _append(self.record, name)
        armed = self.armed.get(name)
        if armed is not None and armed.hit == hit:
            _act(armed.action, name)


def _parse(entry: str) -> tuple[str, Armed]:
    name, _, rest = entry.strip().partition("=")
    action, _, hit = rest.partition("@")
    if name not in FAILPOINTS:
        raise ConfigError(f"{ARM}: there is no failpoint {name!r}", key=ARM)
    if action not in set(Action) or not (hit or "1").isdecimal() or int(hit or "1") < 1:
        raise ConfigError(f"{ARM}: expected {name}=kill|raise|hang[@hit], found {entry.strip()!r}", key=ARM)
    return name, Armed(Action(action), int(hit or "1"))


def _append(path: Path, name: str) -> None:
    """One write to a file opened with O_APPEND: several processes record in one file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, f"{name}\n".encode())
    finally:
        os.close(descriptor)


def _act(action: Action, name: str) -> None:
    if action is Action.KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    if action is Action.RAISE:
        raise RuntimeError(f"failpoint {name}")
    while True:
        time.sleep(3600)


_ACTIVE = Failpoints.from_environment(os.environ)


def failpoint(name: str) -> None:
    """Mark the step ``name``. Free unless the environment armed or recorded failpoints at the time of the import."""
    if _ACTIVE is not None:
        _ACTIVE.reach(name)
