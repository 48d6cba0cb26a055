"""Files that were on their way when a process ended: the next one takes them up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from adapters.telegram.adapter import TelegramAdapter, create
from adapters.telegram.incoming import files
from adapters.telegram.incoming.media import FETCH_WITHIN, NAME_CHARACTERS, Attachment, Wanted, noted, read_note
from adapters.telegram.incoming.utterances import ALBUM_WITHIN
from hermes.errors import StoreFull, TransientError, Unavailable
from hermes.events import Inbound
from hermes.store.tables.acceptance import MAX_ATTACHMENT_CHARACTERS
from tests.adapters.fakehost import FakeHost
from tests.adapters.telegram import scenes
from tests.adapters.telegram.botapi import WITHIN, BotApi, serving
from tests.adapters.telegram.faults import hang, refusing
from tests.contract.telegram import settings

PHOTO = [{"file_id": "p1", "file_unique_id": "up1", "width": 1, "height": 1, "file_size": 7}]


async def left(api: BotApi, cache: Path, count: int = 1, **more: Any) -> list[Inbound]:
    """Messages as the inbox has them when a process ends before any of their files is there."""
    host = FakeHost()
    api.always["getFile"] = hang
    async with trio.open_nursery() as nursery:
        nursery.start_soon(create(settings(api), cache).run, host)
        for _ in range(count):
            api.push(message=api.message(None, photo=PHOTO, **more))
        with trio.fail_after(WITHIN):
            events = list(await host.received(count))
        await api.until(lambda: len(api.confirmed) == count and len(api.of("getFile")) == count)
        nursery.cancel_scope.cancel()
    del api.always["getFile"]
    return events


@asynccontextmanager
async def started(api: BotApi, cache: Path, host: FakeHost) -> AsyncIterator[TelegramAdapter]:
    """The process after it."""
    adapter = create(settings(api), cache)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(WITHIN):
            await nursery.start(adapter.run, host)
        yield adapter
        nursery.cancel_scope.cancel()


async def parts(host: FakeHost, count: int) -> list[Inbound]:
    with trio.fail_after(WITHIN):
        return list(await host.received(count))


async def test_a_file_that_was_on_its_way_is_fetched_by_the_next_process(tmp_path: Path) -> None:
    async with serving() as api:
        api.files["p1"] = b"picture"
        (message,) = await left(api, tmp_path)
        async with started(api, tmp_path, host := FakeHost(left=[message])) as adapter:
            assert host.asked_for_left == [("telegram", adapter.account, FETCH_WITHIN)]
            (part,) = await parts(host, 1)
    path = tmp_path / "images" / "up1.jpg"
    assert path.read_bytes() == b"picture"
    text = f"[The photo is kept as {path}]"
    assert part == evolve(message, event_id=f"{message.event_id}:file", text=text, more_within=0.0, attachment="")


async def test_nothing_is_asked_of_the_next_process_for_a_file_that_nobody_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part brings no file of its own, and a file that is not fetched is none that is to come."""
    monkeypatch.setattr(files, "MOST", 0)
    async with serving() as api, started(api, tmp_path, host := FakeHost()):
        api.push(message=api.message(None, photo=PHOTO))
        (message,) = await parts(host, 1)
    assert message.attachment == ""


async def test_the_files_of_an_album_are_taken_up_together(tmp_path: Path) -> None:
    async with serving() as api:
        api.files["p1"] = b"picture"
        messages = await left(api, tmp_path, 3, media_group_id="7")
        async with started(api, tmp_path, host := FakeHost(left=messages)):
            found = await parts(host, 3)
    assert {part.utterance for part in found} == {"album:7"}
    assert [part.more_within for part in found] == [FETCH_WITHIN, FETCH_WITHIN, ALBUM_WITHIN]


async def test_a_file_that_cannot_be_had_any_more_is_said_so(tmp_path: Path) -> None:
    async with serving() as api:
        (message,) = await left(api, tmp_path)
        api.fail("getFile", refusing(400, "Bad Request: wrong file_id"))
        async with started(api, tmp_path, host := FakeHost(left=[message])):
            (part,) = await parts(host, 1)
    assert part.text == "[The photo could not be fetched]"


@pytest.mark.parametrize("note", ["", "{", "[]", "{}", '{"file": {}, "rest_within": 0.0}', '{"file": 1}'])
async def test_a_note_that_cannot_be_read_costs_the_file_alone_and_is_said_so(tmp_path: Path, note: str) -> None:
    async with serving() as api:
        (message,) = await left(api, tmp_path)
        asked = len(api.of("getFile"))
        async with started(api, tmp_path, host := FakeHost(left=[evolve(message, attachment=note)])):
            (part,) = await parts(host, 1)
        assert len(api.of("getFile")) == asked
    assert part.text == "[The file could not be fetched]"


async def test_what_was_left_is_asked_for_once_a_process_and_not_once_a_connection(tmp_path: Path) -> None:
    """Else each of many reconnections would have the turns wait anew."""
    async with serving() as api:
        host, adapter = FakeHost(), create(settings(api), tmp_path)
        for _ in range(2):
            async with trio.open_nursery() as nursery:
                with trio.fail_after(WITHIN):
                    await nursery.start(adapter.run, host)
                nursery.cancel_scope.cancel()
    assert len(host.asked_for_left) == 1


@pytest.mark.parametrize("failure", [StoreFull("the disk is full"), Unavailable("the store did not answer")])
async def test_no_turn_is_begun_while_it_is_not_known_what_was_left(tmp_path: Path, failure: Exception) -> None:
    """The platform is connected anew, and asks again."""
    async with serving() as api:
        host, adapter = FakeHost(), create(settings(api), tmp_path)
        host.left_failures.append(failure)
        error = await scenes.Scene(api, adapter, host).run()
        assert isinstance(error, TransientError)
        async with trio.open_nursery() as nursery:
            with trio.fail_after(WITHIN):
                await nursery.start(adapter.run, host)
            nursery.cancel_scope.cancel()
    assert len(host.asked_for_left) == 2


async def test_a_message_that_telegram_hands_over_again_is_not_fetched_for_twice_at_once(tmp_path: Path) -> None:
    """It was not confirmed, and is left as well."""
    async with serving() as api:
        (message,) = await left(api, tmp_path)
        api.always["getFile"] = hang
        asked = len(api.of("getFile"))
        async with started(api, tmp_path, host := FakeHost(left=[message], events=[message])):
            api.push_raw({"update_id": int(message.event_id), "message": api.message(None, photo=PHOTO)})
            await api.until(lambda: host.calls and len(api.of("getFile")) > asked)
            await api.until(lambda: not api.pending)
        assert len(api.of("getFile")) == asked + 1


@pytest.mark.parametrize("name", ["", "notes.txt", "Grüße " * 100 + ".txt", "\U0001f4c4" * 1000, "half \ud83d a pair"])
def test_a_note_is_read_as_it_was_written(name: str) -> None:
    wanted = Wanted(Attachment("document", "f" * 512, "u" * 512, 7, name[-NAME_CHARACTERS:]), rest_within=1.5)
    note = noted(wanted)
    assert read_note(note) == wanted
    assert len(note) <= MAX_ATTACHMENT_CHARACTERS


async def test_of_a_long_name_the_end_counts(tmp_path: Path) -> None:
    async with serving() as api:
        api.files["d1"] = b"words"
        async with started(api, tmp_path, host := FakeHost()):
            file = {"file_id": "d1", "file_unique_id": "ud1", "file_size": 5, "file_name": "x" * 10_000 + ".txt"}
            api.push(message=api.message(None, document=file))
            message, _ = await parts(host, 2)
    assert len(message.attachment) < MAX_ATTACHMENT_CHARACTERS
    assert (tmp_path / "documents" / "ud1.txt").exists()
