"""What is not used is not imported: a command's time is mostly the time of its imports."""

import subprocess
import sys
from pathlib import Path

import pytest

# Whatever a program of the house may import at all, apart from the command line's own click.
LIBRARIES = {
    "attr", "attrs", "cattr", "cattrs", "h2", "httpcore", "httpx", "hypercorn", "prompt_toolkit", "rich", "sniffio",
    "starlette", "trio", "trio_websocket", "wsproto", "yaml",
}  # fmt: skip
HEAVY = {"asyncio", "concurrent", "email", "http", "json", "logging", "multiprocessing", "sqlite3", "ssl", "subprocess"}
OURS = {
    "actors",
    "adapters",
    "hermes.agent",
    "hermes.config",
    "hermes.errors",
    "hermes.models",
    "hermes.store",
    "hermes.tools",
}

FORBIDDEN = {
    "version": LIBRARIES | HEAVY | OURS,
    "--version": LIBRARIES | HEAVY | OURS,
    "--help": LIBRARIES
    | HEAVY
    | OURS
    | {"hermes.cli.chat", "hermes.cli.config", "hermes.cli.gateway", "hermes.cli.version"},
    "config path": LIBRARIES - {"attr", "attrs"} | {"hermes.config.load"} | (OURS - {"hermes.config", "hermes.errors"}),
    "config show": LIBRARIES - {"attr", "attrs", "cattr", "cattrs", "yaml"}
    | {"asyncio", "ssl", "sqlite3"}
    | (OURS - {"hermes.config", "hermes.errors"}),
}


def imported_by(command: str, folder: Path) -> set[str]:
    """Every module that the whole process imports, by the interpreter's own account."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "hermes", *command.split()],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"HOME": str(folder)},
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize("command", FORBIDDEN)
def test_a_command_imports_nothing_that_it_does_not_use(command: str, tmp_path: Path) -> None:
    found = imported_by(command, tmp_path)
    assert "click" in found, "the account of imports is empty"
    assert {
        name for name in found if any(name == one or name.startswith(one + ".") for one in FORBIDDEN[command])
    } == set()


def test_the_account_sees_what_is_imported_late(tmp_path: Path) -> None:
    assert {"yaml", "cattrs", "hermes.config.load"} <= imported_by("config show", tmp_path)
