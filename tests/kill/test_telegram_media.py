"""SIGKILL around a file that an answer sends: nothing is lost, what stands twice says so, and order is kept."""

import signal
from pathlib import Path
from typing import Any

import pytest
import trio

from adapters.telegram.outgoing.message import CAPTION_MARK, MARK
from tests.kill.bot import FIRST_USER, Bot, bot
from tests.kill.process import Gateway

pytestmark = pytest.mark.kill

# Seconds for one scenario, restarts included, on a machine that is busy with other tests.
WITHIN = 120.0

STREAMING = "streaming: {enabled: true, edit_interval: 0.05, buffer_threshold: 1}\n"

PICTURE = b"\x89PNG\0picture"

# Of the answer's three rows the second is the file.
POINTS = [
    *(f"outbox.{point}@2" for point in ("before_send", "after_begin_send", "after_send", "after_sent")),
    "turn.before_finish@1",
    "turn.after_finish@1",
]


@pytest.fixture
def picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In a folder whose files may be sent: where temporary files lie."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    path = tmp_path / "a picture.png"
    path.write_bytes(PICTURE)
    return path


def shown(message: dict[str, Any]) -> str:
    """A message as a person sees it."""
    if "sent_photo" in message:
        name, content = message["sent_photo"]
        assert (name, content) == ("a picture.png", PICTURE)
        return f"{message.get('caption', '')}<photo>"
    return str(message["text"])


def chat_of(it: Bot) -> list[str]:
    return [shown(message) for message in it.api.by_bot(FIRST_USER)]


def ask(it: Bot, picture: Path) -> None:
    it.write(f"say look at this\nMEDIA: '{picture}'\nthat was it")


@pytest.mark.parametrize("more", ["", STREAMING], ids=["whole", "streamed"])
@pytest.mark.parametrize("point", POINTS)
async def test_a_kill_around_a_file_loses_nothing_and_doubles_nothing_unmarked(
    gateway: Gateway, picture: Path, point: str, more: str
) -> None:
    name, _, hit = point.partition("@")
    with trio.fail_after(WITHIN):
        async with bot(gateway, more=more) as it:
            await gateway.start(f"{name}=kill@{hit}", wait=False)
            ask(it, picture)
            assert await gateway.wait() == -signal.SIGKILL, f"{name} was not reached:\n{gateway.output()}"
            await gateway.start()
            await it.api.until(lambda: "that was it" in chat_of(it))
            assert await gateway.stop() == 0
            found = chat_of(it)
    marked = f"{CAPTION_MARK}<photo>"
    expected = {
        "outbox.after_begin_send": ["look at this", marked, "that was it"],
        "outbox.after_send": ["look at this", "<photo>", marked, "that was it"],
    }
    assert found == expected.get(name, ["look at this", "<photo>", "that was it"])
    assert MARK.strip() not in "".join(found).replace(CAPTION_MARK, "")


async def test_a_file_that_a_restart_does_not_find_is_told_in_its_place(gateway: Gateway, picture: Path) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway) as it:
            await gateway.start("outbox.before_send=kill@2", wait=False)
            ask(it, picture)
            assert await gateway.wait() == -signal.SIGKILL
            picture.unlink()
            await gateway.start()
            await it.api.until(lambda: "that was it" in chat_of(it))
            assert await gateway.stop() == 0
            first, told, last = chat_of(it)
    assert (first, last) == ("look at this", "that was it")
    assert told == f"[The file {picture} was not sent: there is no such file]"


async def test_what_may_not_be_sent_is_told_and_never_leaves(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway) as it:
            await gateway.start()
            hostile = [gateway.home / ".env", gateway.home / "state.db", "/etc/passwd", "/proc/self/environ"]
            it.write("say done\n" + "\n".join(f"MEDIA:{path}" for path in hostile) + "\nthat was it")
            await it.api.until(lambda: "that was it" in chat_of(it))
            assert await gateway.stop() == 0
            found = chat_of(it)
            calls = {call.method for call in it.api.calls}
    assert found[0] == "done"
    assert [text.partition(" was not sent: ")[0] for text in found[1:-1]] == [f"[The file {path}" for path in hostile]
    assert "sendDocument" not in calls
