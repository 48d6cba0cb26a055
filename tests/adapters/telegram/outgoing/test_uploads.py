"""Files that are sent, over the fake Bot API: as what, how marked, and what is said of those that cannot be."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define

from adapters.contract import Ambiguous
from adapters.telegram.adapter import TelegramAdapter, create
from adapters.telegram.outgoing import uploads
from adapters.telegram.outgoing.message import CAPTION_MARK
from adapters.telegram.outgoing.uploads import AT_A_TIME, MOST_BYTES, MOST_PHOTO_BYTES, kind_of
from adapters.telegram.settings import ReplyTo
from hermes.errors import RateLimited, Refused, TransientError
from hermes.events import Source
from hermes.sendable import Sendable
from hermes.tools.danger.protected import Place
from tests.adapters.fakehost import outbound
from tests.adapters.telegram.botapi import OWNER, WITHIN, BotApi, serving
from tests.adapters.telegram.faults import flooded, hang, lose_reply, refusing
from tests.contract.telegram import settings

SOURCE = Source("telegram", "bot110201543", str(OWNER), user_id=str(OWNER))
SESSION = f"agent:main:telegram:dm:{OWNER}"


@define(eq=False)
class Scene:
    api: BotApi
    adapter: TelegramAdapter
    folder: Path

    def put(self, name: str, content: bytes = b"content") -> str:
        (self.folder / name).write_bytes(content)
        return str(self.folder / name)

    async def send(self, path: str, *, marked: bool = False, source: Source = SOURCE, **more: Any) -> dict[str, Any]:
        """The message as it stands in the chat."""
        message = outbound(source, SESSION, f"MEDIA:{path}", file=path, **more)
        with trio.fail_after(WITHIN):
            receipt = await self.adapter.send(message, marked=marked)
        return next(each for each in self.api.by_bot() if str(each["message_id"]) == receipt.message_id)


@asynccontextmanager
async def scene(folder: Path, **changes: Any) -> AsyncIterator[Scene]:
    async with serving() as api:
        adapter = create(settings(api, **changes), folder / "cache", (), Sendable((folder,), Place()))
        try:
            yield Scene(api, adapter, folder)
        finally:
            await adapter._calls.renew()


@pytest.mark.parametrize(
    ("name", "voice", "kind"),
    [
        ("a.png", False, "photo"),
        ("a.JPG", False, "photo"),
        ("a.mp4", False, "video"),
        ("a.gif", False, "animation"),
        ("a.mp3", False, "audio"),
        ("a.mp3", True, "voice"),
        ("a.ogg", True, "voice"),
        ("a.png", True, "photo"),
        ("a.pdf", False, "document"),
        ("no ending", False, "document"),
        ("a ü.txt", False, "document"),
    ],
)
async def test_a_file_is_sent_as_what_its_ending_says(tmp_path: Path, name: str, voice: bool, kind: str) -> None:
    async with scene(tmp_path) as it:
        sent = await it.send(it.put(name), voice=voice)
    assert sent[f"sent_{kind}"] == (name, b"content")
    assert "caption" not in sent


def test_what_is_too_large_for_a_photo_is_a_document() -> None:
    assert kind_of("/a.png", MOST_PHOTO_BYTES, voice=False) == "photo"
    assert kind_of("/a.png", MOST_PHOTO_BYTES + 1, voice=False) == "document"


async def test_what_the_server_does_not_take_as_a_photo_goes_as_a_document(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.api.fail("sendPhoto", refusing(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"))
        sent = await it.send(it.put("a.png"))
    assert sent["sent_document"] == ("a.png", b"content")


async def test_a_refusal_that_is_about_the_chat_is_no_reason_for_a_second_try(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.api.gone.add(OWNER)
        with pytest.raises(Refused, match="Chat not found"):
            await it.send(it.put("a.png"))
        assert it.api.of("sendDocument") == []


async def test_a_repetition_is_marked_by_its_caption(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        sent = await it.send(it.put("a.png"), marked=True)
    assert sent["caption"] == CAPTION_MARK


async def test_a_file_stands_in_its_topic_and_quotes_as_the_parts_of_an_answer_do(tmp_path: Path) -> None:
    source = Source("telegram", "bot110201543", str(OWNER), thread_id="9", user_id=str(OWNER))
    async with scene(tmp_path, reply_to=ReplyTo.FIRST) as it:
        it.api.say("draw")
        asked = str(it.api.chats[OWNER][-1]["message_id"])
        first = await it.send(it.put("a.png"), source=source, reply_to=asked)
        second = await it.send(it.put("b.png"), source=source, reply_to=asked, part=1)
    assert (first["message_thread_id"], second["message_thread_id"]) == (9, 9)
    assert str(first["replies_to"]) == asked
    assert "replies_to" not in second


async def test_a_group_that_moved_gets_its_file_all_the_same(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.api.migrated[OWNER] = -100777
        path = it.put("a.png")
        await it.adapter.send(outbound(SOURCE, SESSION, "x", file=path))
        assert it.api.by_bot(-100777)[0]["sent_photo"] == ("a.png", b"content")


async def test_a_file_that_is_gone_or_not_allowed_is_refused_for_good(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    (tmp_path / "in").mkdir()
    async with scene(tmp_path / "in") as it:
        with pytest.raises(Refused, match="there is no such file"):
            await it.send(str(tmp_path / "in" / "gone.png"))
        with pytest.raises(Refused, match="outside of the folders"):
            await it.send(str(tmp_path / "outside"))
        assert it.api.calls == []


async def test_what_is_larger_than_the_bot_api_takes_is_refused_unsent(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        with (tmp_path / "large.bin").open("wb") as file:
            file.truncate(MOST_BYTES + 1)
        with pytest.raises(Refused, match="more than 50 MB"):
            await it.send(str(tmp_path / "large.bin"))
        assert it.api.calls == []


async def test_what_the_server_finds_too_large_is_not_tried_for_ever(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.api.fail("sendDocument", refusing(413, "Request Entity Too Large"))
        with pytest.raises(Refused, match="too large"):
            await it.send(it.put("a.bin"))


async def test_a_lost_answer_leaves_it_uncertain_and_a_pause_is_kept(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.api.fail("sendPhoto", lose_reply, flooded(7))
        with pytest.raises(Ambiguous):
            await it.send(it.put("a.png"))
        with pytest.raises(RateLimited) as limit:
            await it.send(it.put("a.png"))
        assert limit.value.retry_after == 7
        # During the pause nothing is read: that it is gone is found out later.
        with pytest.raises(RateLimited):
            await it.send(str(tmp_path / "gone.png"))


async def test_few_are_on_their_way_at_a_time_and_a_further_one_is_certain_not_to_be_sent(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, trio.open_nursery() as nursery:
        it.api.always["sendPhoto"] = hang
        for number in range(AT_A_TIME):
            nursery.start_soon(it.send, it.put(f"{number}.png"))
        await it.api.until(lambda: len(it.api.of("sendPhoto")) == AT_A_TIME)
        with pytest.raises(TransientError, match="on their way") as caught:
            await it.send(it.put("a.png"))
        assert not isinstance(caught.value, Ambiguous)
        nursery.cancel_scope.cancel()
    async with scene(tmp_path) as it:
        assert await it.send(it.put("a.png"))


async def test_a_text_never_becomes_a_file(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        with pytest.raises(Refused):
            await it.adapter.edit(outbound(SOURCE, SESSION, "x", file=it.put("a.png")), "1")


async def test_a_cancelled_send_gives_its_place_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "AT_A_TIME", 1)
    async with scene(tmp_path) as it:
        it.api.always["sendPhoto"] = hang
        for _ in range(3):
            with trio.move_on_after(0.2):
                await it.send(it.put("a.png"))
        del it.api.always["sendPhoto"]
        assert await it.send(it.put("a.png"))
