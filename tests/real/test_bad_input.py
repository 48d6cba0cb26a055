"""Wrong configuration and unusable homes, before the real process: one line each that names file and key, exit code
78, and nothing of the home is touched."""

import os
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
import trio
from attrs import field, frozen

from tests.kill.page import Page
from tests.kill.process import Gateway
from tests.plugins.environment import _OWN_SETTINGS as OWN_SETTINGS
from tests.real.command import hermes, photograph

pytestmark = pytest.mark.real

# Seconds for a chat to be answered on a machine that is busy with other tests.
WITHIN = 60.0

CONFIGURATION = 78


@frozen
class Bad:
    """A home that cannot be started from: what is done to it, and what each line says, beside the path of its file."""

    file: str
    says: tuple[tuple[str, ...], ...]
    content: str | bytes = ""
    environment: Mapping[str, str] = field(factory=dict)


CONFIG = {
    "broken YAML": Bad("config.yaml:2", (("no valid YAML",),), "platforms: [1\n  x: 3"),
    "no mapping": Bad("config.yaml:1", (("key: value",),), "- one\n- two\n"),
    "several wrong types": Bad(
        "config.yaml:",
        (("toolsets", "a list", "5"), ("agent.max_turns", "whole number", "'lots'"), ("terminal.timeout", "above 0")),
        "agent:\n  max_turns: lots\nterminal:\n  timeout: -1\ntoolsets: 5\n",
    ),
    "duplicate keys": Bad("config.yaml:3", (("max_turns", "twice"),), "agent:\n  max_turns: 1\n  max_turns: 2\n"),
    "not UTF-8": Bad("config.yaml:2", (("UTF-8",),), b"agent:\n  x: \xff\n"),
    "too large": Bad("config.yaml", (("larger than 1000000 bytes",),), "#" * 1_000_001),
    "unknown provider": Bad("config.yaml", (("model.provider", "'nonsense'"),), "model:\n  provider: nonsense\n"),
    "unknown provider in the environment": Bad(
        "", (("HERMES_INFERENCE_PROVIDER", "'nonsense'"),), environment={"HERMES_INFERENCE_PROVIDER": "nonsense"}
    ),
    "port out of range": Bad(
        "config.yaml:4",
        (("platforms.web.extra.port", "0 to 65535", "70000"),),
        "platforms:\n  web:\n    extra:\n      port: 70000\n",
    ),
    "port in the environment": Bad("", (("API_SERVER_PORT (environment)",),), environment={"API_SERVER_PORT": "x"}),
    "host beyond loopback without a key": Bad(
        ".env",
        (("API_SERVER_KEY", "platforms.web.extra.host", "0.0.0.0"),),
        "platforms:\n  web:\n    extra:\n      host: 0.0.0.0\n",
    ),
    "no platform": Bad(
        "config.yaml", (("platforms.web.enabled",),), "platforms:\n  web:\n    enabled: false\n"
    ),
    "no working directory": Bad("config.yaml", (("terminal.cwd", "/nonexistent"),), "terminal:\n  cwd: /nonexistent\n"),
}  # fmt: skip


async def converse(gateway: Gateway, chat: str, *messages: str) -> list[str]:
    """Say each message in turn; what was answered."""
    page = Page(gateway.port, chat)
    answers: list[str] = []
    with trio.fail_after(WITHIN):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(page.run)
            for number, text in enumerate(messages):
                await page.send(f"m{number}", text)
                answers.append(await page.until_answered(f"m{number}"))
            nursery.cancel_scope.cancel()
    return answers


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which something was said."""
    home = tmp_path_factory.mktemp("lived_in") / "home"

    async def live() -> None:
        gateway = Gateway(home)
        try:
            await gateway.start()
            assert await converse(gateway, "chat", "say remember me") == ["remember me"]
            assert await gateway.stop() == 0
        finally:
            with trio.CancelScope(shield=True):
                await gateway.kill()

    with pytest.MonkeyPatch.context() as patch:
        # The fixture that does this for each test comes after those of the module.
        for name in filter(OWN_SETTINGS.fullmatch, list(os.environ)):
            patch.delenv(name)
        trio.run(live)
    return home


@pytest.fixture
def home(lived_in: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it, which is made accessible again before it is removed."""
    copy = tmp_path / "home"
    shutil.copytree(lived_in, copy)
    yield copy
    copy.chmod(0o700)


@pytest.mark.parametrize("name", CONFIG)
async def test_a_wrong_configuration_is_told_and_nothing_is_touched(home: Path, name: str) -> None:
    bad = CONFIG[name]
    content = bad.content if isinstance(bad.content, bytes) else bad.content.encode()
    (home / "config.yaml").write_bytes(content)
    before = photograph(home)
    ended = await hermes("gateway", "run", home=home, environment=bad.environment)
    assert ended.code == CONFIGURATION, ended
    assert ended.output == ""
    assert len(ended.lines) == len(bad.says), ended.errors
    for line, words in zip(ended.lines, bad.says, strict=True):
        assert all(word in line for word in (str(home / bad.file) if bad.file else "", *words)), line
    assert photograph(home) == before


async def test_the_only_platform_without_its_token_ends_the_start(home: Path) -> None:
    config = home / "config.yaml"
    config.write_text("platforms:\n  web:\n    enabled: false\n  telegram:\n    enabled: true\n")
    ended = await hermes("gateway", "run", home=home)
    assert ended.code == CONFIGURATION, ended
    (line,) = ended.lines
    assert all(word in line for word in (str(config), "TELEGRAM_BOT_TOKEN", "@BotFather")), line


@frozen
class Unusable:
    """What is done to a home before a start as a user without privileges, and the one line that tells it."""

    do: Callable[[Path], object]
    says: tuple[str, ...]


def _replace(path: Path, content: bytes | None) -> None:
    """Put a file in the place of what is there, or a folder."""
    if path.exists():
        path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)


def _newer_schema(home: Path) -> None:
    with closing(sqlite3.connect(home / "state.db")) as connection, connection:
        connection.execute("UPDATE schema_version SET version = 999")


def _damaged_inside(home: Path) -> None:
    """Its head is that of a database; what follows is not."""
    with (home / "state.db").open("r+b") as file:
        file.seek(100)
        file.write(b"x" * 100_000)


HOMES = {
    "configuration is a folder": Unusable(lambda home: _replace(home / "config.yaml", None), ("config.yaml",)),
    "configuration is unreadable": Unusable(lambda home: (home / "config.yaml").chmod(0), ("config.yaml", "denied")),
    "configuration is a dead link": Unusable(lambda home: _link(home / "config.yaml"), ("config.yaml", "nowhere")),
    "keys are unreadable": Unusable(
        lambda home: (_replace(home / ".env", b"A=1"), (home / ".env").chmod(0)), (".env",)
    ),
    "home is unreadable": Unusable(lambda home: home.chmod(0o300), ("", "HERMES_HOME", "chmod u+rwx")),
    "home is unwritable": Unusable(lambda home: home.chmod(0o500), ("", "HERMES_HOME", "chmod u+rwx")),
    "home cannot be entered": Unusable(lambda home: home.chmod(0o600), ("", "HERMES_HOME", "chmod u+rwx")),
    "logs are unwritable": Unusable(lambda home: (home / "logs").chmod(0o500), ("logs", "chmod u+rwx")),
    "lock is somebody else's": Unusable(lambda home: (home / "run/gateway.lock").chmod(0), ("run/gateway.lock",)),
    "database is garbage": Unusable(
        lambda home: _replace(home / "state.db", b"no database" * 999), ("state.db", "damaged")
    ),
    "database is damaged inside": Unusable(_damaged_inside, ("state.db", "damaged")),
    "database is of a newer schema": Unusable(_newer_schema, ("state.db", "999", "update the program")),
    "database is read-only": Unusable(lambda home: (home / "state.db").chmod(0o400), ("state.db", "writable")),
    "database is a folder": Unusable(lambda home: _replace(home / "state.db", None), ("state.db",)),
}


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize("name", HOMES)
async def test_an_unusable_home_is_told_in_one_line_and_nothing_is_touched(home: Path, name: str) -> None:
    HOMES[name].do(home)
    before = _all_of(home)
    ended = await hermes("gateway", "run", home=home, privileged=False)
    assert ended.code == CONFIGURATION, ended
    assert ended.output == ""
    assert len(ended.lines) == 1, ended.errors
    path, *words = HOMES[name].says
    assert all(word in ended.errors for word in (str(home / path), *words)), ended.errors
    assert _all_of(home) == before


def _all_of(home: Path) -> dict[str, str]:
    """As root, who may read it."""
    mode = home.stat().st_mode
    home.chmod(0o700)
    try:
        return photograph(home)
    finally:
        home.chmod(mode)


async def test_after_wrong_starts_and_their_cures_everything_is_there(home: Path) -> None:
    good = (home / "state.db").read_bytes()
    for spoil in (_newer_schema, _damaged_inside, lambda spoilt: _replace(spoilt / "config.yaml", b"a: [")):
        spoil(home)
        assert (await hermes("gateway", "run", home=home)).code == CONFIGURATION
        (home / "state.db").write_bytes(good)
    gateway = Gateway(home)
    page = Page(gateway.port, "chat")
    try:
        with trio.fail_after(WITHIN):
            async with trio.open_nursery() as nursery:
                await gateway.start()
                nursery.start_soon(page.run)
                assert (await page.until_entry(kind="answer"))["text"] == "remember me"
                nursery.cancel_scope.cancel()
        assert await gateway.stop() == 0
    finally:
        with trio.CancelScope(shield=True):
            await gateway.kill()


async def test_a_taken_port_is_one_line_and_what_was_said_stays(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        (home / "config.yaml").write_text(f"platforms:\n  web:\n    extra:\n      port: {where.partition(':')[2]}\n")
        ended = await hermes("gateway", "run", home=home)
    assert ended.code == CONFIGURATION
    assert ended.output == ""
    (line,) = ended.lines
    assert all(word in line for word in (str(home / "config.yaml"), where, "taken", "platforms.web.extra.port")), line
    with closing(sqlite3.connect(home / "state.db")) as connection:
        assert connection.execute("SELECT content FROM messages ORDER BY id").fetchall()[0] == ("say remember me",)


async def test_a_home_that_is_a_file_is_told_and_stays_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("precious")
    for command in (("gateway", "run"), ("gateway", "status"), ("gateway", "stop")):
        ended = await hermes(*command, home=home)
        assert (ended.code, ended.output, len(ended.lines)) == (CONFIGURATION, "", 1), ended
        assert str(home) in ended.errors
        assert "HERMES_HOME" in ended.errors
    assert home.read_text() == "precious"


async def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        ended = await hermes("gateway", "run", home=tmp_path / "home", privileged=False)
    finally:
        tmp_path.chmod(0o700)
    assert (ended.code, len(ended.lines)) == (CONFIGURATION, 1), ended
    assert all(word in ended.errors for word in (str(tmp_path / "home"), "HERMES_HOME")), ended.errors
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("length", [600, 5000])
async def test_a_path_that_is_too_long_is_told_by_every_command(tmp_path: Path, length: int) -> None:
    home = tmp_path / "/".join(["x" * 99] * (length // 100))
    for command in (("gateway", "run"), ("gateway", "status"), ("config", "show")):
        ended = await hermes(*command, home=home)
        assert (ended.code, ended.output, len(ended.lines)) == (CONFIGURATION, "", 1), ended
        assert "HERMES_HOME" in ended.errors
        assert "at most" in ended.errors


async def test_an_unreadable_home_is_told_by_the_commands_that_look_at_a_gateway(home: Path) -> None:
    home.chmod(0o600)
    for command in (("gateway", "status"), ("gateway", "status", "--json"), ("gateway", "stop")):
        ended = await hermes(*command, home=home, privileged=False)
        assert (ended.code, ended.output, len(ended.lines)) == (CONFIGURATION, "", 1), ended
        assert str(home) in ended.errors
