"""The real gateway behind Telegram: what it says, to whom, and as how many turns."""

import sqlite3
from contextlib import closing, suppress
from functools import partial
from typing import Any

import pytest
import trio

from hermes.control import request
from hermes.errors import Unavailable
from hermes.home import find_home
from tests.kill.bot import FIRST_USER, bot
from tests.kill.process import Gateway

pytestmark = pytest.mark.kill

# Seconds for one scenario on a machine that is busy with other tests.
WITHIN = 60.0

PHOTO = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]


def turns(gateway: Gateway) -> list[str]:
    """What the person said, as the model was given it, by turn."""
    with closing(sqlite3.connect(gateway.home / "state.db")) as connection:
        query = "SELECT content FROM messages WHERE role = 'user' ORDER BY id"
        return [content for (content,) in connection.execute(query)]


async def test_albums_and_texts_that_were_cut_are_one_turn_each(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway, users=3) as chat:
            await gateway.start()
            api, album, text = chat.api, FIRST_USER, FIRST_USER + 1
            api.files["f"] = b"picture"
            for caption in ("say look", None):
                more = {"caption": caption} if caption else {}
                message = api.message(None, album, album, photo=PHOTO, media_group_id="7", **more)
                api.push(message=message)
                await api.until(lambda: api.handed_out and not api.pending[1:])
            api.say("say " + "a" * 4000, text, text)
            await api.until(lambda: len(api.pending) < 2)
            api.say("b", text, text)
            ordinary = chat.write("say hello", FIRST_USER + 2)
            await chat.until_answered(ordinary, FIRST_USER + 2)
            await api.until(lambda: api.said(album) and len(api.said(text)) > 0)
            assert await gateway.stop() == 0
    # Two pictures, and where each is kept; the two parts of a text; one ordinary message.
    assert sorted(len(said.split("\n\n")) for said in turns(gateway)) == [1, 2, 4]
    assert (gateway.home / "cache" / "images" / "u.jpg").read_bytes() == b"picture"


async def test_who_is_not_named_is_not_heard_and_stands_in_no_journal(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway) as chat:
            await gateway.start()
            chat.api.say("let me in", 66, 66)
            await chat.until_answered(chat.write("say hello"))
            assert await gateway.stop() == 0
    assert turns(gateway) == ["say hello"]
    assert chat.api.said(66) == []
    assert "user 66 (User66) may not write to this bot" in (gateway.home / "logs" / "gateway.log").read_text()


async def test_settings_that_are_wrong_keep_the_page_from_nothing(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway) as chat:
            with (gateway.home / ".env").open("a") as file:
                file.write("TELEGRAM_REQUIRE_MENTION=perhaps\n")
            await gateway.start()
            while "TELEGRAM_REQUIRE_MENTION" not in gateway.output():
                await trio.sleep(0.05)
            assert await gateway.stop() == 0
    assert chat.api.calls == []
    assert chat.api.token not in gateway.output()


async def test_a_long_answer_comes_in_parts_with_whole_code_blocks(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway) as chat:
            await gateway.start()
            (gateway.home / "long.txt").write_text("".join(f"line {number}\n" for number in range(700)))
            chat.write(f"read {gateway.home / 'long.txt'}")
            await chat.api.until(lambda: len(chat.api.said(FIRST_USER)) > 1)
            assert await gateway.stop() == 0
    for message in chat.api.by_bot(FIRST_USER):
        assert len(message["text"].encode("utf-16-le")) // 2 <= 4096
        assert "```" not in message["text"]
        assert [entity["type"] for entity in message.get("entities", [])].count("pre") == 1


async def homes(gateway: Gateway) -> list[dict[str, Any]]:
    """What the status says of home channels."""
    path = find_home({"HERMES_HOME": str(gateway.home)}).control_socket
    ask = partial(request, path, {"do": "status"}, within=WITHIN)
    while True:
        # The socket is the last that a start opens.
        with suppress(Unavailable):
            return list((await trio.to_thread.run_sync(ask))["homes"])
        await trio.sleep(0.02)


async def test_a_home_channel_outlives_a_kill_and_is_chosen_by_those_who_are_named(gateway: Gateway) -> None:
    group = -100200
    with trio.fail_after(WITHIN):
        async with bot(gateway) as chat:
            with (gateway.home / ".env").open("a") as file:
                file.write(
                    f"TELEGRAM_HOME_CHANNEL=-1001\nTELEGRAM_GROUP_ALLOWED_CHATS={group}\nAPI_SERVER_KEY=sesame-open\n"
                )
            await gateway.start()
            (configured,) = await homes(gateway)
            chat.api.say("/sethome", group, 66)
            await chat.api.until(lambda: chat.api.said(group))
            assert "Only somebody" in chat.api.said(group)[0]
            chat.api.say("/sethome The kitchen", group, FIRST_USER)
            await chat.api.until(lambda: len(chat.api.said(group)) > 1)
            await gateway.kill()
            await gateway.start()
            (chosen,) = await homes(gateway)
            assert await gateway.stop() == 0
    assert (configured["source"]["chat_id"], configured["chosen"]) == ("-1001", False)
    assert (chosen["source"]["chat_id"], chosen["name"], chosen["chosen"]) == (str(group), "The kitchen", True)
