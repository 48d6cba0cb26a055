"""Nothing outlives the session: no child of it, no orphan that lives in its temporary folder, no temporary file that
somebody made outside of ``tmp_path`` and forgot.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

# A process that was killed may need a moment to be gone on a busy machine; one that stays longer was forgotten.
_GRACE_SECONDS = 5.0


@frozen
class Leftover:
    pid: int
    parent: int
    state: str
    """One letter of proc(5); Z is a child that nobody waited for."""
    command: str

    def __str__(self) -> str:
        return f"pid {self.pid} (parent {self.parent}, state {self.state}): {self.command}"


def leftovers(folder: Path) -> list[Leftover]:
    """Children of this process, and whatever runs in ``folder`` or has an environment that names a path in it."""
    mine = os.getpid()
    found: list[Leftover] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == mine:
            continue
        process = _read(entry)
        if process is not None and (process.parent == mine or _lives_in(entry, os.fsencode(folder) + b"/")):
            found.append(process)
    return found


def _read(entry: Path) -> Leftover | None:
    try:
        # The name in parentheses may itself hold spaces and parentheses.
        name, _, rest = (entry / "stat").read_text(errors="replace").rpartition(")")
        arguments = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return None  # it ended meanwhile
    state, parent = rest.split()[:2]
    return Leftover(int(entry.name), int(parent), state, arguments or name.partition("(")[2])


def _lives_in(entry: Path, prefix: bytes) -> bool:
    try:
        return prefix in (entry / "environ").read_bytes() or prefix in os.fsencode((entry / "cwd").readlink()) + b"/"
    except OSError:
        return False  # it ended meanwhile, or is another user's


@pytest.fixture(scope="session", autouse=True)
def no_temporary_file_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    tmp_path_factory.getbasetemp()  # where tmp_path lies, and what pytest keeps for a look
    # A short path: sockets in it have 107 bytes for theirs.
    folder = Path(tempfile.mkdtemp(prefix="tests-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield
    left = sorted(path.name for path in folder.iterdir())
    shutil.rmtree(folder, ignore_errors=True)
    if left:
        pytest.fail("temporary files are left behind: " + ", ".join(left), pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.getbasetemp()
    yield
    until = time.monotonic() + _GRACE_SECONDS
    while (left := leftovers(folder)) and time.monotonic() < until:
        time.sleep(0.05)
    if left:
        pytest.fail("processes are left behind:\n" + "\n".join(map(str, left)), pytrace=False)
