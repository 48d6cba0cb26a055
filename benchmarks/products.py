"""Whom the figures compare: how each is installed, configured for the fakes, started and asked.

Every product gets a home of its own, the same model, the same chat platform, its API where the gateway has one, and
streaming to the chat off. Of the others only what they document is used: commands, configuration, behaviour. nanobot
documents no address for the Bot API: a ``sitecustomize`` on its path names ours to the library that both use.
"""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from attrs import evolve, frozen

from benchmarks.services import World

CACHE = Path.home() / ".cache/hermes-bench"
"""Environments of the others, one each."""

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"

API_KEY = "a-key-of-the-benchmarks"
"""Of the API and of the page, where there is one."""

_SITE = """\
import os

from telegram.ext import ApplicationBuilder

_original = ApplicationBuilder.__init__


def _pointed_at_the_fake(self):
    _original(self)
    self.base_url(os.environ["BENCH_BOT_API"])


ApplicationBuilder.__init__ = _pointed_at_the_fake
"""


@frozen
class Product:
    """One that is measured."""

    name: str
    packages: tuple[str, ...]
    """What pip installs; nothing for ours, which ``make venv`` installs."""
    program: Path
    version: tuple[str, ...]
    chat: tuple[str, ...]
    """One question, "hi", and its answer."""
    gateway: tuple[str, ...]
    configure: Callable[[Path, World], None]
    variables: Callable[[Path], dict[str, str]]
    port: int = 18643
    """Of its API; the page of ours is there too."""

    @property
    def installed(self) -> bool:
        return self.program.exists()

    def prepare(self, home: Path, world: World) -> None:
        """Write its configuration into an empty home."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.configure(home, world)

    def environment(self, home: Path) -> dict[str, str]:
        """Little of this process's, so that no key and no setting of the person who runs it takes part."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        return {**kept, "HOME": str(home), **self.variables(home)}

    def gateway_environment(self, home: Path, world: World) -> dict[str, str]:
        """The same, with the chat platform."""
        site = home / "site"
        more = {"PYTHONPATH": str(site), "BENCH_BOT_API": world.bot_url} if site.exists() else {}
        return {**self.environment(home), **_telegram(self), **more}


def _telegram(product: "Product") -> dict[str, str]:
    named = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_ALLOWED_USERS": "*", "GATEWAY_ALLOW_ALL_USERS": "true"}
    api = {"API_SERVER_ENABLED": "true", "API_SERVER_KEY": API_KEY, "API_SERVER_PORT": str(product.port)}
    return {} if product.name.startswith("nanobot") else {**named, **api}


def _ours(home: Path, world: World, more: str = "") -> None:
    _write_yaml(home / "config.yaml", world, "", "")
    with (home / "config.yaml").open("a") as file:
        file.write(more)


def _hermes_agent(home: Path, world: World) -> None:
    (home / "hermes").mkdir()
    _write_yaml(home / "hermes/config.yaml", world, "", "  provider: custom\n  api_key: k\n")


def _write_yaml(path: Path, world: World, platforms: str, model: str) -> None:
    path.write_text(
        f"model:\n  default: fake-model\n  base_url: {world.model_url}\n{model}"
        "streaming:\n  enabled: false\n"
        f"platforms:\n{platforms}  telegram:\n    extra:\n      base_url: {world.bot_url}\n"
        f"      base_file_url: {world.bot_url.replace('/bot', '/file/bot')}\n"
    )


def _nanobot(home: Path, world: World) -> None:
    telegram = {"enabled": True, "token": TOKEN, "allowFrom": ["*"], "streaming": False}
    content = {
        "agents": {"defaults": {"model": "fake-model", "provider": "custom", "contextWindowTokens": 200_000}},
        "providers": {"custom": {"apiKey": "k", "apiBase": world.model_url}},
        "channels": {"telegram": telegram},
        "gateway": {"port": 18644},
    }
    (home / ".nanobot").mkdir()
    (home / ".nanobot/config.json").write_text(json.dumps(content))
    (home / "site").mkdir()
    (home / "site/sitecustomize.py").write_text(_SITE)


def _home(home: Path) -> dict[str, str]:
    return {"HERMES_HOME": str(home)}


def _inner_home(home: Path) -> dict[str, str]:
    return {"HERMES_HOME": str(home / "hermes")}


def _nothing(_home: Path) -> dict[str, str]:
    return {}


OURS = Product(
    name="hermes (ours)",
    packages=(),
    program=Path(sys.executable).with_name("hermes"),
    version=("version",),
    chat=("chat", "-q", "hi"),
    gateway=("gateway", "run", "--replace"),
    configure=_ours,
    variables=_home,
)


def ours(port: int, more: str = "") -> Product:
    """The same with its page at ``port``, and ``more`` in its configuration."""
    return evolve(OURS, port=port, configure=partial(_ours, more=more))


HERMES_AGENT = Product(
    name="hermes-agent 0.19",
    # What the package itself names for Telegram and for its API, in its extra `messaging`, without the other platforms.
    packages=("hermes-agent==0.19.0", "python-telegram-bot[webhooks]==22.6", "aiohttp==3.14.1"),
    program=CACHE / "hermes-agent/bin/hermes",
    version=("version",),
    chat=("chat", "-q", "hi"),
    gateway=("gateway", "run", "--replace"),
    configure=_hermes_agent,
    variables=_inner_home,
)

NANOBOT = Product(
    name="nanobot-ai 0.3.5",
    packages=(
        "nanobot-ai==0.3.5",
        "python-telegram-bot[socks,webhooks]>=22.6,<23",
        "socksio>=1,<2",
        "python-socks[asyncio]>=2.8,<3",
    ),
    program=CACHE / "nanobot-ai/bin/nanobot",
    version=("--version",),
    chat=("agent", "-m", "hi"),
    gateway=("gateway", "--foreground"),
    configure=_nanobot,
    variables=_nothing,
)

PRODUCTS = (OURS, HERMES_AGENT, NANOBOT)
PEERS = (HERMES_AGENT, NANOBOT)
