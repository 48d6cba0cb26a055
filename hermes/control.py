"""The client of the gateway's control socket: one line of JSON each way. What it can ask: actors/control.py."""

import json
import socket
from pathlib import Path
from typing import Any, cast

from hermes.errors import HermesError, Unavailable
from hermes.home import socket_address

# An answer holds the whole tree; thousands of conversations at some 500 bytes each.
MAX_ANSWER = 16 * 1024 * 1024


def request(path: Path, question: dict[str, object], *, within: float) -> dict[str, Any]:
    """Ask the gateway, and return its answer. Blocks for at most ``within`` seconds for each step.

    Raises ``Unavailable`` when nobody listens or answers in time, and ``HermesError`` when it refuses.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
            connection.settimeout(within)
            with socket_address(path) as address:
                connection.connect(address)
            connection.sendall(json.dumps(question).encode() + b"\n")
            line = _read_line(connection)
    except TimeoutError:
        raise Unavailable(f"the gateway does not answer within {within:g} s") from None
    except OSError as error:
        raise Unavailable(f"the gateway's control socket {path} cannot be reached: {error.strerror}") from error
    return _parse(line)


def _read_line(connection: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n") and len(received) <= MAX_ANSWER:
        chunk = connection.recv(1 << 16)
        if not chunk:
            break
        received += chunk
    return bytes(received)


def _parse(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        raise Unavailable("the gateway ended the connection without an answer") from None
    if not isinstance(answer, dict):
        raise Unavailable("the gateway's answer is not understood")
    found = cast(dict[str, Any], answer)
    if "error" in found:
        raise HermesError(str(found["error"]))
    return found
