"""Files of messages: kept in the cache, told to the agent, and in nobody's way."""

import os
import stat
import tempfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from adapters.telegram.adapter import create
from adapters.telegram.incoming import files, media
from adapters.telegram.incoming.media import FETCH_WITHIN, MOST_BYTES, Attachment, keep, told
from adapters.telegram.incoming.utterances import ALBUM_WITHIN
from hermes.errors import TransientError
from hermes.events import Inbound
from tests.adapters.fakehost import FakeHost
from tests.adapters.telegram import scenes
from tests.adapters.telegram.botapi import WITHIN, BotApi, serving
from tests.adapters.telegram.faults import cut, hang, refusing
from tests.contract.telegram import settings


@define(eq=False)
class Scene:
    api: BotApi
    host: FakeHost
    cache: Path

    def sends(self, kind: str, file_id: str, content: bytes, **more: Any) -> None:
        """The owner sends a file."""
        self.api.files[file_id] = content
        size = {"width": 1, "height": 1, "length": 1, "duration": 1}
        fields = {"photo": ("width", "height"), "voice": ("duration",), "video": ("width", "height", "duration")}
        file = {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": len(content)}
        file |= {name: size[name] for name in fields.get(kind, ())} | more.pop("file", {})
        made = [{**file, "file_id": "thumb"}, file] if kind == "photo" else file
        self.api.push(message=self.api.message(None, **{kind: made}, **more))

    async def parts(self, count: int) -> list[Inbound]:
        with trio.fail_after(WITHIN):
            return list(await self.host.received(count))


@asynccontextmanager
async def running(cache: Path) -> AsyncIterator[Scene]:
    async with serving() as api, trio.open_nursery() as nursery:
        host = FakeHost()
        adapter = create(settings(api), cache)
        with trio.fail_after(WITHIN):
            await nursery.start(adapter.run, host)
        yield Scene(api, host, cache)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("name", ["d 1. Müller", "d#1?x=2.txt", "d%20.txt"])
async def test_a_file_is_fetched_by_whatever_name_the_server_keeps_it(tmp_path: Path, name: str) -> None:
    """It keeps the ending of the name that its sender gave it."""
    async with running(tmp_path) as it:
        it.sends("document", name, b"words")
        _, second = await it.parts(2)
    assert "words" in second.text


async def test_a_photo_is_kept_and_its_place_is_told_with_the_message(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        it.sends("photo", "p1", b"\xff\xd8picture", caption="look")
        first, second = await it.parts(2)
    path = tmp_path / "images" / "up1.jpg"
    assert path.read_bytes() == b"\xff\xd8picture"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (first.text, first.more_within) == ("[a photo]\nlook", FETCH_WITHIN)
    assert (second.text, second.more_within) == (f"[The photo is kept as {path}]", 0.0)
    assert second.event_id == f"{first.event_id}:file"
    assert first.utterance == second.utterance != ""
    assert first.session_key == second.session_key


async def test_a_short_text_is_shown_whole_and_other_files_by_their_place(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        it.sends("document", "d1", "Grüße\n```\n".encode(), file={"file_name": "notes.TXT"})
        _, text = await it.parts(2)
        it.sends("document", "d2", b"\0\1\2", file={"file_name": "x.bin"})
        *_, binary = await it.parts(4)
        it.sends("voice", "v1", b"OggS")
        *_, voice = await it.parts(6)
    assert text.text.startswith("[The document 'notes.TXT' is kept as ")
    assert "````\nGrüße\n```\n\n````" in text.text
    assert (tmp_path / "documents" / "ud1.txt").exists()
    assert binary.text == f"[The document 'x.bin' is kept as {tmp_path / 'documents' / 'ud2.bin'}]"
    assert voice.text == f"[The voice message is kept as {tmp_path / 'audio' / 'uv1.ogg'}]"


async def test_a_file_that_cannot_be_had_is_said_so(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        it.api.fail("getFile", refusing(400, "Bad Request: file is too big"))
        it.sends("photo", "p1", b"x")
        _, second = await it.parts(2)
    assert second.text == "[The photo could not be fetched]"


async def test_a_file_whose_way_was_cut_is_tried_again(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        it.api.fail("getFile", cut, refusing(502))
        it.sends("document", "d1", b"words")
        _, second = await it.parts(2)
    assert "words" in second.text


async def test_a_file_that_was_interrupted_by_the_end_of_the_stream_is_fetched_by_the_next(tmp_path: Path) -> None:
    """Its message is confirmed by then, so that nobody else brings it."""
    async with serving() as api:
        it = Scene(api, FakeHost(), tmp_path)
        adapter = create(settings(api), tmp_path)
        api.fail("getFile", hang)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scenes.Scene(api, adapter, it.host).run)
            await api.until(lambda: api.polled)
            it.sends("document", "d1", b"words")
            await api.until(lambda: api.confirmed and api.of("getFile"))
            api.fail("getUpdates", cut)
            api.end_poll()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(adapter.run, it.host)
            _, second = await it.parts(2)
            nursery.cancel_scope.cancel()
    assert "words" in second.text


async def test_a_file_beyond_those_that_can_wait_is_said_so_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST", 1)
    async with running(tmp_path) as it:
        it.api.fail("getFile", hang)
        it.sends("document", "d1", b"words")
        it.sends("document", "d2", b"words")
        second = next(event for event in await it.parts(2) if event.event_id.endswith("1"))
    assert "[The document is not fetched: too many others are on their way]" in second.text
    assert second.more_within == 0.0


async def test_a_cache_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    async with running(tmp_path / "cache") as it:
        it.sends("photo", "p1", b"x")
        _, second = await it.parts(2)
    assert second.text == "[The photo could not be fetched]"


async def test_a_file_that_is_too_large_is_not_asked_for(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        it.sends("video", "v1", b"x", file={"file_size": MOST_BYTES + 1})
        (only,) = await it.parts(1)
        assert it.api.of("getFile") == []
    assert only.text == "[a video]\n[The video is too large to be fetched]"
    assert only.more_within == 0.0


async def test_a_slow_file_holds_up_nobody(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        it.api.fail("getFile", hang)
        it.sends("photo", "p1", b"x")
        await it.parts(1)
        for number in range(3):
            it.api.say(f"line {number}")
            await it.parts(2 + number)


async def test_the_last_file_of_an_album_lets_its_turn_begin(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        for number in range(3):
            it.sends("photo", f"p{number}", b"x", media_group_id="7")
        events = await it.parts(6)
    assert {event.utterance for event in events} == {"album:7"}
    parts = [event.more_within for event in events if event.event_id.endswith(":file")]
    assert parts == [FETCH_WITHIN, FETCH_WITHIN, ALBUM_WITHIN]


async def test_a_part_that_the_store_does_not_take_is_offered_again(tmp_path: Path) -> None:
    async with running(tmp_path) as it:

        async def busy_after_the_first(event: Inbound) -> None:
            it.host.failures.append(TransientError("busy"))
            it.host.on_accept = nothing

        async def nothing(event: Inbound) -> None: ...

        it.host.on_accept = busy_after_the_first
        it.sends("photo", "p1", b"x")
        await it.parts(2)


def test_the_oldest_files_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "CACHE_BYTES", 250)
    for number in range(5):
        path = keep(tmp_path, Attachment("photo", "f", f"u{number}", 100), bytes(100))
        # Their times are what counts, and a machine may write all of them within one.
        os.utime(path, (number, number))
    assert sorted(path.name for path in tmp_path.glob("*/*")) == ["u3.jpg", "u4.jpg"]


def test_files_that_are_kept_at_once_take_room_from_each_other_and_fail_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "CACHE_BYTES", 500)

    def keep_many(thread: int) -> list[Path]:
        files = [Attachment("photo", "f", f"u{thread}x{number}", 100) for number in range(80)]
        return [keep(tmp_path, file, bytes(100)) for file in files]

    with ThreadPoolExecutor(max_workers=8) as threads:
        kept = [path for paths in threads.map(keep_many, range(8)) for path in paths]
    assert len(set(kept)) == 8 * 80
    # Who looks while others still write may leave one too many each, and never nothing.
    assert 1 <= len(list(tmp_path.glob("*/*"))) <= 5 + 8


def test_what_a_crash_left_half_written_goes_in_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "CACHE_BYTES", 150)
    (tmp_path / "images").mkdir()
    old, new = tmp_path / "images" / ".old", tmp_path / "images" / ".new"
    for draft in (old, new):
        draft.write_bytes(bytes(100))
    os.utime(old, (1, 1))
    path = keep(tmp_path, Attachment("photo", "f", "u", 100), bytes(100))
    assert sorted(tmp_path.glob("*/*")) == [new, path]


@given(st.text(max_size=20), st.text(max_size=30))
def test_no_name_leads_out_of_the_cache(unique_id: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        file = Attachment("document", "f", unique_id, 1, name)
        path = keep(cache, file, b"x")
        assert path.parent == cache / "documents"
        assert [found for found in Path(folder).rglob("*") if found.is_file()] == [path]
        assert told(file, path, b"x")
