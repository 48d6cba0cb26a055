"""Commands of the real program over a home, as a person types them, and what is looked at afterwards."""

import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import trio
from attrs import frozen

# Seconds for one command on a machine that is busy with other tests.
COMMAND_WITHIN = 60.0

# Seconds between two looks at a state that another process comes to.
POLL = 0.05

# Takes away what lets root pass over the modes of files; for anybody else nothing has to be taken away.
WITHOUT_PRIVILEGE: tuple[str, ...] = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
)


@frozen
class Ended:
    """What a command said, and its exit code."""

    code: int
    output: str
    errors: str

    @property
    def lines(self) -> list[str]:
        """Of standard error."""
        return self.errors.splitlines()


def program(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hermes", *arguments]


async def hermes(
    *arguments: str, home: Path, environment: Mapping[str, str] | None = None, privileged: bool = True
) -> Ended:
    """Run ``hermes ARGUMENTS`` over ``home`` to its end; unprivileged, the modes of files count for root too."""
    with trio.fail_after(COMMAND_WITHIN):
        done = await trio.run_process(
            [*(() if privileged else WITHOUT_PRIVILEGE), *program(*arguments)],
            env={**os.environ, "HERMES_HOME": str(home), **(environment or {})},
            cwd="/",
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


async def status(home: Path) -> tuple[int, dict[str, Any], str]:
    """What ``gateway status`` tells scripts and people: the exit code, the JSON and the text.

    Both ask for themselves, so this is for a state that lasts; ``until_status`` waits for one.
    """
    asked: list[Ended] = []

    async def ask(*arguments: str) -> None:
        # Wide, so that no path is broken over two lines.
        asked.append(await hermes("gateway", "status", *arguments, home=home, environment={"COLUMNS": "1000"}))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        nursery.start_soon(ask, "--json")
    (scripted,) = (each for each in asked if each.output.startswith("{"))
    (read,) = (each for each in asked if each is not scripted)
    assert scripted.code == read.code, asked
    assert not scripted.errors + read.errors, asked
    return read.code, json.loads(scripted.output), " ".join(read.output.split())


async def until_status(home: Path, code: int) -> str:
    """Wait until ``gateway status`` ends with ``code``, in a state that lasts; the text for people."""
    while (await hermes("gateway", "status", "--json", home=home)).code != code:
        await trio.sleep(POLL)
    told = await status(home)
    assert told[0] == code
    return told[2]


def photograph(folder: Path) -> dict[str, str]:
    """Every file below ``folder`` with a digest of its contents: of a database what it holds.

    Logs, locks and SQLite's own files beside a database, which come and go with each opening, are left out.
    """
    return {
        str(path.relative_to(folder)): hashlib.sha256(_contents(path)).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parent.name not in {"logs", "run"} and not path.name.endswith(("-shm", "-wal"))
    }


def _contents(path: Path) -> bytes:
    if path.suffix != ".db":
        return path.read_bytes()
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
            return "".join(connection.iterdump()).encode()
    except sqlite3.DatabaseError:
        return path.read_bytes()


def processes_of(folder: Path) -> dict[int, str]:
    """Command lines, by pid, of whatever has ``folder`` in its environment or works in it."""
    prefix = os.fsencode(folder)
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                lives = prefix in (entry / "environ").read_bytes() or prefix in os.fsencode((entry / "cwd").readlink())
                if lives:
                    found[int(entry.name)] = (
                        (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    )
            except OSError:
                continue  # it ended meanwhile
    return found
