"""Where the notes of a circle of readers lie, and how they are changed by several programs at once.

Rules:

1. The owner's notes are MEMORY.md and USER.md in HERMES_HOME/memories. Those of any other person on a platform, and
   those of a chat that several people read, lie in folders of their own below it, named by what the platform vouches
   for.
2. A change reads, changes and replaces a file under one lock (flock on ``.lock`` beside it): of two programs none
   undoes what the other wrote. The wait for the lock is bounded.
3. A file is replaced whole: after a crash there is the old one or the new one.
4. A file that cannot be understood (not UTF-8, far too large, no regular file) is left as it is.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from urllib.parse import quote

import trio
from attrs import frozen

from hermes.agent.context_files import ContextFile, clip, read_text
from hermes.agent.injection import find_injection
from hermes.audience import Audience
from hermes.errors import Refused
from hermes.flock import try_lock
from hermes.home import Home
from hermes.memory.entries import Entries, joined, parse
from hermes.tools.files.replace import replace_file
from hermes.tools.files.window import open_regular

# Whoever holds the lock only reads and writes a few KB: longer than this, its disk hangs.
LOCK_SECONDS = 10.0
_PAUSE_SECONDS = 0.1
# Far above any limit in use; a larger file was not written by us.
MOST_BYTES = 256 * 1024
# A longer id would not fit into a file name once it is quoted.
_LONGEST_NAME = 120
# A disk that hangs holds its thread for ever; this many may.
_THREADS = trio.CapacityLimiter(4)


class Target(StrEnum):
    """Which of the two files."""

    MEMORY = "memory"
    USER = "user"


FILES: Mapping[Target, str] = {Target.MEMORY: "MEMORY.md", Target.USER: "USER.md"}


@frozen
class Shelf:
    """The notes of one circle of readers."""

    home: Home
    folder: Path
    limits: Mapping[Target, int]
    """Characters of each file; one that is switched off is absent."""

    async def change(self, target: Target, edit: Callable[[Entries], Entries]) -> Entries:
        """Replace the entries of a file by what ``edit`` makes of them, and return those. It must be in ``limits``.

        Raises what ``edit`` raises, ``Refused`` when the file cannot be understood or the lock is not had within
        ``LOCK_SECONDS``, and ``OSError``; the file is as it was then. Cancelled: a write that has begun is finished.
        """
        descriptor = await trio.to_thread.run_sync(self._open_lock, limiter=_THREADS)
        try:
            await self._lock(descriptor)
            return await trio.to_thread.run_sync(partial(self._change, target, edit), limiter=_THREADS)
        finally:
            os.close(descriptor)

    def notes(self, target: Target) -> ContextFile | None:
        """What a prompt shows of a file; None when there is nothing. An entry that a prompt must not hold is left out,
        with the reason.

        Blocks.
        """
        if target not in self.limits:
            return None
        found = read_text(self.folder / FILES[target], FILES[target])
        if found is None or found.problem:
            return found
        shown = [_harmless(entry) for entry in parse(found.text)]
        return ContextFile(found.name, clip(joined(tuple(shown)), found.name)) if shown else None

    def _open_lock(self) -> int:
        _make_folders(self.home, self.folder)
        path = self.folder / ".lock"
        self.home.touch(path)
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)

    async def _lock(self, descriptor: int) -> None:
        with trio.move_on_after(LOCK_SECONDS):
            # Another program's lock tells nobody when it is free.
            while not await trio.to_thread.run_sync(try_lock, descriptor, limiter=_THREADS):  # noqa: ASYNC110
                await trio.sleep(_PAUSE_SECONDS)
            return
        raise Refused(f"another program has held {self.folder / '.lock'} for {LOCK_SECONDS:g} seconds: try again later")

    def _change(self, target: Target, edit: Callable[[Entries], Entries]) -> Entries:
        path = self.folder / FILES[target]
        before = _read(path)
        after = edit(before)
        if after != before:
            self.home.touch(path)
            replace_file(path, joined(after).encode() + b"\n")
        return after


def shelf(home: Home, audience: Audience, limits: Mapping[Target, int]) -> Shelf:
    """The notes that ``audience`` may see."""
    return Shelf(home, _folder(home.memories_dir, audience), limits)


def _folder(root: Path, audience: Audience) -> Path:
    if audience.owner:
        return root
    if audience.shared:
        return root / "chats" / _name(audience.platform) / _name(audience.shared)
    return root / "users" / _name(audience.platform) / _name(audience.user_id)


def _name(text: str) -> str:
    """A file name for any text, another for every other; without separators, and never a dot at its beginning."""
    name = "=" + quote(text, safe="", errors="surrogatepass")
    if len(name) <= _LONGEST_NAME:
        return name
    return "#" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _make_folders(home: Home, folder: Path) -> None:
    for place in (*reversed(folder.relative_to(home.root).parents[:-1]), folder.relative_to(home.root)):
        path = home.root / place
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        path.chmod(home.folder_mode)  # mkdir's own mode is cut by the umask


def _read(path: Path) -> Entries:
    try:
        with open_regular(path) as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return ()
    if len(data) > MOST_BYTES:
        raise Refused(f"{path} has more than {MOST_BYTES:,} bytes: it has to be shortened by hand first")
    try:
        return parse(data.decode())
    except UnicodeDecodeError:
        raise Refused(f"{path} is not UTF-8 text: it has to be mended by hand first") from None


def _harmless(entry: str) -> str:
    problem = find_injection(entry)
    return f"[an entry was left out: {problem}]" if problem else entry
