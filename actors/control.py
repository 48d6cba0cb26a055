"""The control socket: one line of JSON in, one line of JSON out, for commands of the same user on the same machine.

    {"do": "status"}                       -> {"tree": ..., "journal": ..., "pid": ..., "draining": ...}
    {"do": "stop"}                         -> {"ok": true}, then a drain and exit 0
    {"do": "replace", "pid":, "start_time":} -> the same, if these name this process
    {"do": "restart", "child": "a/b"}      -> {"ok": true|false}

The socket lies in HERMES_HOME with mode 0600: who may open it may do all of this.
"""

import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import cast

import trio

from actors.messages import Look
from actors.runtime import Context
from hermes.home import socket_address

# A request is one short line.
MAX_REQUEST = 4096

# Seconds for one exchange: who connects and says nothing is let go.
EXCHANGE_WITHIN = 10.0

# Connections at once, so that a runaway script cannot eat the descriptors.
MAX_CONNECTIONS = 16

log = logging.getLogger(__name__)

Handler = Callable[[dict[str, object]], Awaitable[dict[str, object]]]


async def control(context: Context[Look], path: Path, handle: Handler, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve until cancelled. A stale socket file is replaced: the gateway's lock is held, so nobody listens behind
    it.
    """
    limiter = trio.CapacityLimiter(MAX_CONNECTIONS)
    with _listening(path) as listener:
        await trio.serve_listeners(partial(_serve, handle, limiter), [listener], task_status=_Started(task_status))


class _Started:
    """Says "started" without the listeners that trio would pass on."""

    def __init__(self, task_status: trio.TaskStatus[None]) -> None:
        self._task_status = task_status

    def started(self, value: object = None) -> None:
        del value
        self._task_status.started()


@contextmanager
def _listening(path: Path) -> Generator[trio.SocketListener]:
    try:
        yield _listen(path)
    finally:
        path.unlink(missing_ok=True)


def _listen(path: Path) -> trio.SocketListener:
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        previous = os.umask(0o177)
        try:
            with socket_address(path) as address:
                sock.bind(address)
        finally:
            os.umask(previous)
        sock.listen(MAX_CONNECTIONS)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return trio.SocketListener(trio.socket.from_stdlib_socket(sock))


async def _serve(handle: Handler, limiter: trio.CapacityLimiter, stream: trio.SocketStream) -> None:
    with trio.move_on_after(EXCHANGE_WITHIN):
        async with stream:
            try:
                limiter.acquire_nowait()
            except trio.WouldBlock:
                # Let go at once: one that waits here holds a descriptor too.
                await _say(stream, b'{"error": "too many ask at once: try again"}')
                return
            try:
                await _say(stream, await _answer(handle, await _line(stream)))
            finally:
                limiter.release()


async def _say(stream: trio.SocketStream, line: bytes) -> None:
    try:
        await stream.send_all(line + b"\n")
    except trio.BrokenResourceError:
        return  # who asked has left


async def _line(stream: trio.SocketStream) -> bytes:
    received = b""
    while b"\n" not in received and len(received) <= MAX_REQUEST:
        try:
            chunk = await stream.receive_some(MAX_REQUEST)
        except trio.BrokenResourceError:
            return b""
        if not chunk:
            break
        received += chunk
    return received.partition(b"\n")[0]


async def _answer(handle: Handler, line: bytes) -> bytes:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return b'{"error": "a request is one line of JSON"}'
    if not isinstance(request, dict):
        return b'{"error": "a request is a JSON object"}'
    question = cast(dict[str, object], request)
    try:
        return json.dumps(await handle(question)).encode()
    except Exception as bug:
        # This actor is core: somebody who asks again and again for what fails would end the gateway.
        log.exception("the request %s failed", question.get("do"))
        return json.dumps({"error": f"the gateway failed at it: {type(bug).__name__}; see its log"}).encode()
