"""What no page of ours sends, sent to the real process: told with its reason, and the connection and the chat go on."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import frozen

from adapters.web.protocol import FRAME_BYTES
from adapters.web.server import MAX_MESSAGE
from hermes.store.tables.acceptance import MAX_TEXT_BYTES
from tests.adapters.web.client import PageClient, open_page, open_raw_page
from tests.kill.process import Gateway

pytestmark = pytest.mark.real


@frozen
class Served:
    """A gateway's page, as the clients of the adapter's own tests want it."""

    port: int


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path / "home")
    await gateway.start()
    yield gateway
    with trio.CancelScope(shield=True):
        await gateway.kill()


@pytest.fixture
def served(gateway: Gateway) -> Any:
    return Served(gateway.port)


async def answered(page: PageClient, event_id: str) -> str:
    """The text that answers a message."""
    while True:
        entry = (await page.take("message"))["entry"]
        if event_id in entry["answers"]:
            return str(entry["text"])


async def goes_on(page: PageClient) -> None:
    """This connection and this chat take a message and answer it."""
    assert (await page.say("say still here", "after"))["type"] == "accepted"
    assert await answered(page, "after") == "still here"


def text_of(character: str, size: int) -> str:
    """Exactly ``size`` bytes of it, filled up with "x"."""
    width = len(character.encode())
    return character * (size // width) + "x" * (size % width)


def send_frame(text: str) -> str:
    return json.dumps({"type": "send", "chat": "main", "id": "long", "text": text}, ensure_ascii=False)


async def test_a_message_of_a_megabyte_is_refused_for_good_and_the_chat_goes_on(served: Any) -> None:
    async with open_page(served) as page:
        await page.hello()
        await page.put_raw(send_frame("x" * 1024 * 1024))
        told = await page.take("accepted", "refused", "error")
        assert (told["type"], told["id"]) == ("error", "long")
        assert str(FRAME_BYTES) in told["reason"]
        assert "too long" in told["reason"]
        await goes_on(page)
        entries = (await page.hello())["entries"]
    assert [entry["key"] for entry in entries if entry["kind"] == "user"] == ["after"]


@pytest.mark.parametrize("character", ["x", "€", "😀"])
async def test_a_message_of_exactly_the_bound_is_answered_and_a_byte_more_is_refused(
    served: Any, character: str
) -> None:
    text = text_of(character, MAX_TEXT_BYTES)
    async with open_page(served) as page:
        await page.hello()
        await page.put_raw(send_frame(text + "x"))
        told = await page.take("accepted", "refused", "error")
        assert (told["type"], told["retry"]) == ("refused", False)
        assert f"{MAX_TEXT_BYTES // 1024} KB" in told["reason"]
        await page.put_raw(send_frame(text))
        assert (await page.take("accepted", "refused", "error"))["type"] == "accepted"
        assert (await answered(page, "long")).startswith("You said: " + character)
        (entry,) = [entry for entry in (await page.hello())["entries"] if entry["kind"] == "user"]
        assert entry["text"] == text
        await goes_on(page)


async def test_what_is_larger_still_ends_its_own_connection_alone(served: Any) -> None:
    async with open_page(served) as other, open_page(served) as page:
        await other.hello()
        await page.put_raw(send_frame("x" * MAX_MESSAGE))
        assert (await page.closed())[0] == 1009
        await goes_on(other)


async def test_bytes_that_are_no_text_end_at_most_their_own_connection(served: Any) -> None:
    async with open_page(served) as page:
        await page.hello()
        await page.put_raw(b'{"type":"send","chat":"main","id":"b","text":"\xff"}')
        assert "UTF-8" in (await page.take("error"))["reason"]
        async with open_raw_page(served) as raw:
            await raw.put_text(b'{"type":"send","chat":"main","id":"c","text":"\xff"}')
            await raw.drain()
        await goes_on(page)
        entries = (await page.hello())["entries"]
    assert [entry["key"] for entry in entries if entry["kind"] == "user"] == ["after"]


NOT_UNDERSTOOD = {
    "half a surrogate pair": r'{"type":"send","chat":"main","id":"bad","text":"a\ud800b"}',
    "surrogates the wrong way round": r'{"type":"send","chat":"main","id":"bad","text":"\ude00\ud83d"}',
    "half a surrogate pair in the id": r'{"type":"send","chat":"main","id":"bad\udfff","text":"a"}',
    "half a surrogate pair in the chat": r'{"type":"hello","chat":"main\udfff"}',
    "no JSON": "send this",
    "nothing": "",
    "a list": "[]",
    "deeper than any parser goes": "[" * 200_000,
    "no type": "{}",
    "an unknown type": '{"type":"drop"}',
    "a type that is a list": '{"type":[]}',
    "a chat that is a path": '{"type":"send","chat":"../x","id":"bad","text":"a"}',
    "an id of a kilobyte": f'{{"type":"send","chat":"main","id":"{"x" * 1024}","text":"a"}}',
    "no text": '{"type":"send","chat":"main","id":"bad","text":""}',
    "a text that is a number": '{"type":"send","chat":"main","id":"bad","text":5}',
    "a number beyond all": '{"type":"ping","n":1e999}',
    "a number of a thousand digits": f'{{"type":"older","chat":"main","before":{"9" * 1000}}}',
    "an entry beyond those of any store": '{"type":"older","chat":"main","before":99999999999999999999}',
    "an answer to nothing": '{"type":"answer","chat":"main","id":"bad","ask_id":"","choice":"once"}',
}


async def test_each_frame_that_is_not_understood_is_told_and_the_connection_goes_on(served: Any) -> None:
    async with open_page(served) as page:
        await page.hello()
        for name, frame in NOT_UNDERSTOOD.items():
            await page.put_raw(frame)
            told = await page.take("accepted", "refused", "error", "snapshot", "earlier", "pong")
            assert told["type"] == "error", (name, told)
            assert told["id"] in {"", "bad", "bad\udfff"}, (name, told)
        await goes_on(page)


async def test_characters_that_no_keyboard_has_are_kept_and_answered(served: Any) -> None:
    text = "say \x00 \x1b[31m \u202e \ufffe 👩‍👩‍👧 \x7f \r\n\v end"
    async with open_page(served) as page:
        await page.hello()
        assert (await page.say(text, "odd"))["type"] == "accepted"
        assert (await answered(page, "odd")).rstrip().endswith("end")
        entries = (await page.hello())["entries"]
        await goes_on(page)
    assert entries[0]["text"] == text
