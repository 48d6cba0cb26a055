"""What a session has seen of files, so that it does not write over what somebody else changed meanwhile.

Rules:

1. A stamp is what the file system tells of a file at a moment: which file stands there, its size, when it was written.
2. A session's stamps live in its state, by a digest of the real path, and so through a restart. Bounded: the oldest of
   a bucket makes room, and a file that was forgotten counts as never seen.
3. A file that was never seen may be written: the person may want just that. One that was seen and is another now is
   refused until it is read again; both versions are there until then.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Self
from weakref import WeakValueDictionary

import trio
from attrs import define, field, frozen

from hermes.agent.ports import SessionState
from hermes.errors import Refused

# A session may have 256 keys of state, and this is not the only tool that wants some.
_BUCKETS = 64
_PER_BUCKET = 16
"""A thousand files in all: more than one session reads."""

_DIGEST_CHARACTERS = 20


@frozen
class Stamp:
    """A file at a moment."""

    inode: int
    size: int
    modified: int
    """Nanoseconds."""

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


@define(eq=False)
class _Turnstile:
    """One writer of a session's stamps at a time."""

    lock: trio.Lock = field(factory=trio.Lock)


_TURNSTILES: WeakValueDictionary[str, _Turnstile] = WeakValueDictionary()


class Seen:
    """The stamps of one session."""

    def __init__(self, session_id: str, state: SessionState) -> None:
        self._session_id = session_id
        self._state = state

    async def stamp(self, path: Path) -> Stamp | None:
        """What the session has last seen at the real place ``path``; None when it has not looked."""
        digest, key = _address(path)
        found = (await self._load(key)).get(digest)
        return None if found is None else Stamp(*found)

    async def keep(self, path: Path, stamp: Stamp | None) -> None:
        """Remember ``stamp``, or with None that there is nothing to remember. Cancelled: the old or the new one."""
        digest, key = _address(path)
        # Calls that only read run beside each other, and each rewrites its whole bucket.
        turnstile = _TURNSTILES.setdefault(self._session_id, _Turnstile())
        async with turnstile.lock:
            known = await self._load(key)
            before = known.pop(digest, None)
            if stamp is not None:
                known[digest] = [stamp.inode, stamp.size, stamp.modified]
            if before != known.get(digest):
                newest = list(known.items())[-_PER_BUCKET:]
                await self._state.put(key, json.dumps(dict(newest), separators=(",", ":")))

    async def _load(self, key: str) -> dict[str, list[int]]:
        stored = await self._state.get(key)
        loaded: dict[str, list[int]] = json.loads(stored) if stored else {}
        return loaded


def _address(path: Path) -> tuple[str, str]:
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:_DIGEST_CHARACTERS]
    return digest, f"seen_files:{int(digest[:8], 16) % _BUCKETS}"


def refuse_changed(path: Path, seen: Stamp | None, status: os.stat_result | None) -> None:
    """Raise ``Refused`` when another content than the one that was seen would be lost at ``path``."""
    if seen is not None and status is not None and Stamp.of(status) != seen:
        raise Refused(f"{path} was changed by somebody else since it was read: read it again, then decide")
