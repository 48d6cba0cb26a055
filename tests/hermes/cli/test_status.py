"""The picture of the tree in a terminal: what is not well is seen, and nothing in it commands the terminal."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from hermes.cli import gateway as module
from hermes.cli.status import render
from hermes.config.schema import Agent
from hermes.errors import ConfigError
from hermes.home import find_home, make_home
from hermes.instance import InstanceLock, ourselves


def child(name: str, state: str = "running", *children: dict[str, Any], **rest: Any) -> dict[str, Any]:
    plain = {"restarts": 0, "since": 0.0, "next_try": None, "detail": "", "failure": None}
    return {
        "name": name,
        "state": state,
        "children": list(children),
        **plain,
        "mailbox": None,
        "liveness": None,
        **rest,
    }


def picture(tree: dict[str, Any], **more: Any) -> str:
    console = Console(width=200, force_terminal=False)
    answer = {"pid": 1, "healthy": False, "draining": False, "problem": "", "journal": None, "tree": tree} | more
    with console.capture() as capture:
        console.print(render(answer, 0.0))
    return capture.get()


def test_among_many_conversations_the_one_that_is_not_well_is_shown() -> None:
    many = [child(f"chat {number}") for number in range(100)]
    failure = {"error": "RuntimeError: a bug", "at": 0.0, "ours": True}
    many[70] = child("chat 70", "failed", failure=failure)
    shown = picture(child("gateway", "running", child("conversations", "running", *many)))
    assert "chat 70 failed" in shown
    assert "a bug" in shown
    assert "and 80 more" in shown


def test_a_few_children_keep_their_order() -> None:
    shown = picture(child("gateway", "running", child("one"), child("two", "failed"), child("three")))
    assert shown.index("one") < shown.index("two") < shown.index("three")


def test_nothing_from_outside_reaches_the_terminal_as_a_command() -> None:
    failure = {"error": "the server said \x1b[2J", "at": 0.0, "ours": False}
    shown = picture(child("gateway\x1b]0;x\x07", detail="\x9b31m", failure=failure))
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert "the server said" in shown


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> InstanceLock:
    """Held by this process, as a gateway would."""
    home = find_home({"HERMES_HOME": str(tmp_path / "home")})
    make_home(home)
    monkeypatch.setattr(module, "find_home", lambda _: home)
    lock = InstanceLock(home.gateway_lock)
    assert lock.acquire(ourselves(()))
    return lock


def test_a_stop_is_over_when_somebody_else_holds_the_lock(lock: InstanceLock, monkeypatch: pytest.MonkeyPatch) -> None:
    def succeed(*_: object, **__: object) -> dict[str, object]:
        lock.release()
        assert lock.acquire(ourselves(("its successor",)))
        return {"ok": True}

    monkeypatch.setattr(module, "request", succeed)
    monkeypatch.setattr(module, "STOP_GRACE", -Agent().restart_drain_timeout + 5.0)
    result = CliRunner().invoke(module.gateway, ["stop"])
    lock.release()
    assert "has ended" in result.output


def test_a_configuration_that_broke_meanwhile_hides_no_stop(
    lock: InstanceLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object, **__: object) -> dict[str, object]:
        lock.release()
        return {"ok": True}

    def broken(*_: object) -> None:
        raise ConfigError("config.yaml: broken")

    monkeypatch.setattr(module, "request", end)
    monkeypatch.setattr("hermes.config.load.load", broken)
    assert "has ended" in CliRunner().invoke(module.gateway, ["stop"]).output


def test_home_channels_are_told_with_their_topic_and_who_set_them() -> None:
    chat = {"platform": "telegram", "chat_id": "-1001", "thread_id": ""}
    homes = [
        {"source": chat, "name": "", "chosen": False},
        {"source": {**chat, "thread_id": "9"}, "name": "Us\x1b[2J", "chosen": True},
    ]
    shown = picture(child("gateway"), homes=homes)
    assert "home channel of telegram: chat -1001, configured" in shown
    assert "home channel of telegram: Us\ufffd[2J (chat -1001, topic 9), chosen by /sethome" in shown
