"""HTTP/1.1 as the fake Bot API speaks it: a request and an answer at a time on each connection."""

import json
from email import message_from_bytes
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import trio
from attrs import define, field, frozen

_TEXTS = frozenset({"text", "caption", "callback_query_id", "file_id"})


@frozen
class Upload:
    """A file in a form."""

    name: str
    content: bytes


@frozen
class Request:
    path: str
    parameters: dict[str, Any]
    """By name; what a form gives as text is read as JSON where it can be, as Telegram does."""
    headers: dict[str, str]


@define
class Connection:
    """The server's end of one."""

    stream: trio.SocketStream
    _buffer: bytearray = field(factory=bytearray)

    async def request(self) -> Request | None:
        """The next one; None when the client has closed."""
        while b"\r\n\r\n" not in self._buffer:
            if not await self._more():
                return None
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        self._buffer = bytearray(rest)
        while len(self._buffer) < length:
            if not await self._more():
                return None
        body, self._buffer = bytes(self._buffer[:length]), self._buffer[length:]
        address = urlsplit(first.split()[1])
        parameters = dict(parse_qsl(address.query)) | _parameters(body, headers.get("content-type", ""))
        return Request(address.path, {name: _value(name, value) for name, value in parameters.items()}, headers)

    async def answer(self, status: int, content: bytes, kind: str = "application/json") -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(content)}\r\n\r\n"
        await self.stream.send_all(head.encode() + content)

    async def status(self) -> int:
        """Of an answer, where this is the client's end; the rest of it is not read."""
        while b"\r\n" not in self._buffer:
            assert await self._more(), "closed without an answer"
        return int(self._buffer.split()[1])

    async def until_closed(self) -> None:
        """Read nothing into an answer any more; return when the client has gone."""
        while await self.stream.receive_some():
            pass

    async def _more(self) -> bool:
        piece = await self.stream.receive_some()
        self._buffer += piece
        return bool(piece)


def _parameters(body: bytes, kind: str) -> dict[str, Any]:
    if not body:
        return {}
    if kind.startswith("application/json"):
        read = json.loads(body)
        assert isinstance(read, dict)
        return read
    if kind.startswith("multipart/form-data"):
        return _form(body, kind)
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def _form(body: bytes, kind: str) -> dict[str, Any]:
    message = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=HTTP)
    found: dict[str, Any] = {}
    for part in message.iter_parts():  # type: ignore[attr-defined]
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        file_name = part.get_filename()
        found[name] = Upload(file_name, content) if file_name else content.decode()
    return found


def _value(name: str, value: Any) -> Any:
    """Telegram takes numbers, flags and objects as text too."""
    if name in _TEXTS or not isinstance(value, str) or not value or value[0] not in "{[-0123456789tf":
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
