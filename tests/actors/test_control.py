"""The control socket over the real wire: one line each way, bounded, for the same user only."""

import json
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from actors import control
from actors.runtime import ChildSpec, Supervisor
from hermes.control import request
from hermes.errors import HermesError, Unavailable
from tests.actors.trees import supervised


async def echo(question: dict[str, object]) -> dict[str, object]:
    match question.get("do"):
        case "fail":
            return {"error": "no"}
        case "crash":
            raise RuntimeError("a bug in a request")
        case "odd":
            return {"odd": object()}
        case _:
            return {"asked": question}


@asynccontextmanager
async def serving(path: Path) -> AsyncIterator[Supervisor]:
    async with supervised(ChildSpec("control", partial(control.control, path=path, handle=echo))) as tree:
        yield tree


async def ask(path: Path, question: dict[str, object]) -> dict[str, object]:
    return await trio.to_thread.run_sync(partial(request, path, question, within=10))


async def test_a_request_gets_its_answer(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sock"
    async with serving(path):
        assert await ask(path, {"do": "status"}) == {"asked": {"do": "status"}}


async def test_a_refusal_is_raised_at_the_client(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sock"
    async with serving(path):
        with pytest.raises(HermesError, match="no"):
            await ask(path, {"do": "fail"})


async def test_the_socket_is_for_its_owner_alone_and_goes_with_the_actor(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sock"
    async with serving(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


async def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    async with serving(path):
        assert await ask(path, {"do": "x"})


async def test_a_home_with_a_long_path_has_a_control_socket_too(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    async with serving(folder / "gateway.sock"):
        assert await ask(folder / "gateway.sock", {"do": "x"})


@pytest.mark.parametrize("line", [b"\n", b"{\n", b"[]\n", b"\xff\xfe\n", b"x" * 5000, b"[" * 4000, b""])
async def test_what_is_no_request_is_told_so_and_harms_nobody(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "gateway.sock"
    async with serving(path) as tree:
        with trio.fail_after(10):
            async with await trio.open_unix_socket(str(path)) as stream:
                await stream.send_all(line)
                await stream.send_eof()
                answer = b"".join([chunk async for chunk in stream])
        assert "error" in json.loads(answer)
        assert await ask(path, {"do": "x"})
        assert tree.status().children[0].restarts == 0


@pytest.mark.parametrize("do", ["crash", "odd"])
async def test_a_bug_in_one_request_is_told_to_who_asked_and_ends_nothing(tmp_path: Path, do: str) -> None:
    path = tmp_path / "gateway.sock"
    async with serving(path) as tree:
        for _ in range(8):
            with pytest.raises(HermesError, match="the gateway failed at it"):
                await ask(path, {"do": do})
        assert await ask(path, {"do": "x"})
        assert tree.status().children[0].restarts == 0


async def test_who_comes_when_too_many_ask_is_let_go_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_CONNECTIONS", 2)
    path = tmp_path / "gateway.sock"
    async with serving(path):
        silent = [await trio.open_unix_socket(str(path)) for _ in range(2)]
        with trio.fail_after(5):
            # Asked by a task of this loop: behind the two, it is the third that is served.
            async with await trio.open_unix_socket(str(path)) as stream:
                answer = b"".join([chunk async for chunk in stream])
        assert "too many" in json.loads(answer)["error"]
        for stream in silent:
            await stream.aclose()
        await wait_until_served(path)


async def wait_until_served(path: Path) -> None:
    with trio.fail_after(10):
        while True:
            try:
                await ask(path, {"do": "x"})
            except HermesError:
                await trio.sleep(0.01)
            else:
                return


async def test_who_leaves_before_the_answer_harms_nobody(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sock"
    async with serving(path):
        for _ in range(5):
            async with await trio.open_unix_socket(str(path)) as stream:
                await stream.send_all(b'{"do": "x"}\n')
        assert await ask(path, {"do": "x"})


async def test_nobody_behind_the_socket_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"control socket .* cannot be reached"):
        await ask(tmp_path / "gateway.sock", {"do": "status"})
