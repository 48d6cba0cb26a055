"""What a streamed call of a model costs this process: CPU time, and memory while many run. Run by hand.

    python benchmarks/model_cost.py

A provider in a process of its own writes each answer in 200 pieces, every one an event and a chunk of HTTP. The cost of
a call is this process's CPU time, the waiting left out.
"""

import json
import os
import socket
import time
from pathlib import Path

import trio

from hermes.messages import Message, Role
from hermes.models.contract import Completed, ModelRequest
from hermes.models.failures import Speaker
from hermes.models.remote import RemoteModel
from hermes.models.wires.build import Setup, chat_model

_PIECES = 200
_CALLS = 100
_AT_ONCE = 50


def _answer() -> bytes:
    chunks: list[dict[str, object]] = [
        {"choices": [{"index": 0, "delta": {"content": f" word{n}"}, "finish_reason": None}]} for n in range(_PIECES)
    ]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    events = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks] + [b"data: [DONE]\n\n"]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in events) + b"0\r\n\r\n"


def serve(listening: socket.socket) -> None:
    """The provider, in a process of its own."""
    answer = _answer()

    async def one(stream: trio.SocketStream) -> None:
        asked = b""
        while piece := await stream.receive_some():
            asked += piece
            # Each request ends with its body, which ends so.
            if asked.endswith(b'"include_usage":true}}'):
                asked = b""
                await stream.send_all(answer)

    async def run() -> None:
        listening.setblocking(False)
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening))
        await trio.serve_listeners(one, [listener])

    trio.run(run)


def resident_megabytes() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1000


async def call(model: RemoteModel, request: ModelRequest) -> None:
    async with model.stream(request) as pieces:
        async for piece in pieces:
            if isinstance(piece, Completed):
                return


async def main(port: int) -> None:
    model = chat_model(Setup(Speaker("bench", "m"), "bench", f"http://127.0.0.1:{port}/v1", 1000))
    request = ModelRequest("", "Be brief.", (), (Message(Role.USER, "x" * 200),))
    begin = time.process_time()
    await call(model, request)
    print(f"first call, with its imports: {(time.process_time() - begin) * 1000:.1f} ms of CPU")
    begin = time.process_time()
    for _ in range(_CALLS):
        await call(model, request)
    spent = (time.process_time() - begin) / _CALLS
    print(f"a call of {_PIECES} pieces: {spent * 1000:.2f} ms of CPU, {spent / _PIECES * 1e6:.0f} us a piece")
    before = resident_megabytes()
    async with trio.open_nursery() as nursery:
        for _ in range(_AT_ONCE):
            nursery.start_soon(call, model, request)
    print(f"{_AT_ONCE} streams at once: {resident_megabytes() - before:.1f} MB more at the peak")
    await model.aclose()


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0), backlog=_AT_ONCE) as listening:
        provider = os.fork()
        if provider == 0:
            serve(listening)
        try:
            trio.run(main, listening.getsockname()[1])
        finally:
            os.kill(provider, 9)
            os.waitpid(provider, 0)
