"""What a start does about changes of files that a kill cut short, in this process."""

import threading
from pathlib import Path

import pytest
import trio

from actors import changes
from actors.changes import settle_changes
from hermes.home import Home
from tests.actors.house import WITHIN, Chat
from tests.actors.leaving import leave_a_change
from tests.actors.serving import program, serving


async def test_a_gateway_takes_back_what_was_cut_short_before_a_platform_is_connected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = program(tmp_path).home
    path = leave_a_change(home, tmp_path)
    found: list[str] = []
    run = Chat.run

    async def look(self: Chat, *arguments: object, **options: object) -> None:
        found.append(path.read_text())
        await run(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Chat, "run", look)
    async with serving(program(tmp_path)) as gateway:
        await gateway.ask({"do": "stop"})
    assert found == ["old"]
    assert list(home.changes_dir.iterdir()) == []


async def test_a_disk_that_does_not_answer_keeps_no_start_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(changes, "settle_left", lambda _: answers.wait(60))
    monkeypatch.setattr(changes, "SETTLE_WITHIN", 0.0)
    try:
        with trio.fail_after(WITHIN):
            await settle_changes(Home(tmp_path))
    finally:
        answers.set()
    assert "not all taken back" in caplog.text
