"""What is not used is not imported: a command's time is mostly the time of its imports."""

import signal
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

# What a terminal shows, what reaches a network, and what no configuration here names.
SCREEN = {"prompt_toolkit", "pygments", "rich"}
NETWORK = {"h11", "h2", "hpack", "httpcore", "httpx", "hypercorn", "starlette", "trio_websocket", "wsproto"}
REMOTE_MODELS = {
    "hermes.models.wires.anthropic_request",
    "hermes.models.wires.chat_request",
    "hermes.models.http",
    "hermes.models.providers",
    "hermes.models.wires.build",
}
LATER = {"aiohttp", "mcp", "pydantic", "telegram", "uvicorn"}

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
    "gateway status": LIBRARIES - {"attr", "attrs"} | HEAVY - {"json"} | OURS - {"hermes.errors"},
    "chat -q hello": SCREEN
    | NETWORK
    | REMOTE_MODELS
    | LATER
    | {"adapters.web", "asyncio", "email", "http", "multiprocessing", "hermes.cli.gateway", "hermes.cli.status"},
}

# Of the page's server: starlette and hypercorn import asyncio themselves.
FORBIDDEN_IN_A_GATEWAY = (
    SCREEN
    | LATER
    | REMOTE_MODELS
    | {
        "adapters.terminal",
        "actors.chat",
        "hermes.cli.chat",
        "hermes.cli.run_chat",
        "hermes.cli.status",
        "httpcore",
        "httpx",
        "trio_websocket",
        "urllib.request",
    }
)

# `gateway status` where none runs.
EXIT_CODES = {"gateway status": 3}

# Seconds for a program on a machine that is busy with other tests.
WITHIN = 60


def account(errors: str) -> set[str]:
    """The modules in what ``-X importtime`` prints."""
    lines = [line for line in errors.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def within(names: set[str], forbidden: set[str]) -> set[str]:
    """Those of ``names`` that are one of ``forbidden`` or lie below one."""
    return {name for name in names if any(name == one or name.startswith(one + ".") for one in forbidden)}


def imported_by(command: str, folder: Path) -> set[str]:
    """Every module that the whole process imports, by the interpreter's own account."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "hermes", *command.split()],
        capture_output=True,
        text=True,
        timeout=WITHIN,
        env={"HOME": str(folder)},
    )
    assert done.returncode == EXIT_CODES.get(command, 0), done.stderr[-2000:]
    return account(done.stderr)


def imported_by_an_idle_gateway(folder: Path, model: str = "") -> set[str]:
    """From its start to an end that is asked for once it serves; nobody talks to it."""
    (folder / "config.yaml").write_text(f"platforms:\n  web:\n    extra:\n      port: 0\n{model}")
    errors = folder / "errors"
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "hermes", "gateway", "run"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={"HOME": str(folder), "HERMES_HOME": str(folder)},
        ) as gateway,
    ):
        try:
            assert gateway.stdout is not None
            assert gateway.stdout.readline().startswith("Hermes is running"), errors.read_text()
            assert children_of(gateway.pid) == []
            gateway.send_signal(signal.SIGINT)
            assert gateway.wait(WITHIN) == 0
        finally:
            gateway.kill()
    return account(errors.read_text())


def children_of(pid: int) -> list[str]:
    """Process ids, by the fourth field of proc(5), stat: what stands before it may hold spaces."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
        except OSError:
            continue  # it ended meanwhile
        if parent == str(pid):
            found.append(entry.name)
    return found


@pytest.mark.parametrize("command", FORBIDDEN)
def test_a_command_imports_nothing_that_it_does_not_use(command: str, tmp_path: Path) -> None:
    found = imported_by(command, tmp_path)
    assert "click" in found, "the account of imports is empty"
    assert within(found, FORBIDDEN[command]) == set()


def test_an_idle_gateway_imports_and_starts_nothing_that_is_not_configured(tmp_path: Path) -> None:
    found = imported_by_an_idle_gateway(tmp_path)
    assert {"trio", "adapters.web.adapter", "hypercorn.trio"} <= found, "the account of imports is empty"
    assert within(found, FORBIDDEN_IN_A_GATEWAY) == set()


def test_a_gateway_with_a_provider_imports_its_wire_without_a_screen(tmp_path: Path) -> None:
    found = imported_by_an_idle_gateway(tmp_path, "model: {base_url: 'http://127.0.0.1:1/v1', default: m}\n")
    assert {"httpx", "hermes.models.wires.build"} <= found
    assert within(found, SCREEN | LATER) == set()


def test_the_account_sees_what_is_imported_late(tmp_path: Path) -> None:
    assert {"yaml", "cattrs", "hermes.config.load"} <= imported_by("config show", tmp_path)
