"""The way through a SOCKS5 proxy (RFC 1928), with a name and a password where it asks for them (RFC 1929).

Rules:

1. socksio writes and reads the messages. It takes one that comes in pieces for a broken one, so each is read whole
   here, and not a byte beyond it: what follows belongs to the server behind.
2. A proxy that picks a login which was not offered, or answers by something else than SOCKS5, is ``NotSent``.
"""

from typing import TypeVar
from urllib.parse import SplitResult

import trio
from attrs import field, frozen
from socksio import (
    ProtocolError,
    SOCKS5AType,
    SOCKS5AuthMethod,
    SOCKS5AuthMethodsRequest,
    SOCKS5Command,
    SOCKS5CommandRequest,
    SOCKS5Reply,
    SOCKS5ReplyCode,
    SOCKS5UsernamePasswordRequest,
)
from socksio.socks5 import SOCKS5AuthReply, SOCKS5UsernamePasswordReply

from adapters.telegram.way.lost import NotSent
from adapters.telegram.way.settings import login

SOCKS_PORT = 1080
"""Where the address of a proxy names none (RFC 1928, section 3)."""

# Bytes of the short replies, and of the long one up to the first byte of its address.
_SHORT = 2
_HEAD = 5

# Bytes of an address and its port that follow this head.
_REST = {SOCKS5AType.IPV4_ADDRESS: 3 + 2, SOCKS5AType.IPV6_ADDRESS: 15 + 2}

_VERSION = b"\x05"

_Asked = SOCKS5AuthMethodsRequest | SOCKS5UsernamePasswordRequest
_Reply = TypeVar("_Reply", SOCKS5AuthReply, SOCKS5UsernamePasswordReply)


@frozen
class SocksProxy:
    """See the rules."""

    _address: SplitResult = field(repr=False)

    async def open(self, host: str, port: int) -> trio.SocketStream:
        stream = await trio.open_tcp_stream(self._address.hostname or "", self._address.port or SOCKS_PORT)
        try:
            await _Talk(stream).through(host, port, *login(self._address))
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return stream


@frozen
class _Talk:
    """What is said to the proxy on one connection, before it is the server's."""

    _stream: trio.SocketStream

    async def through(self, host: str, port: int, name: str, password: str) -> None:
        """Ask for the way to ``host``. Raises ``NotSent``."""
        try:
            await self._log_in(name, password)
            await self._ask_for(host, port)
        except ProtocolError:
            raise NotSent("the proxy (TELEGRAM_PROXY) does not speak SOCKS5") from None

    async def _log_in(self, name: str, password: str) -> None:
        offered = [SOCKS5AuthMethod.NO_AUTH_REQUIRED]
        if name:
            offered.append(SOCKS5AuthMethod.USERNAME_PASSWORD)
        method = (await self._ask(SOCKS5AuthMethodsRequest(offered), SOCKS5AuthReply)).method
        if method not in offered:
            raise NotSent("the proxy takes no login of those that TELEGRAM_PROXY has")
        if method is SOCKS5AuthMethod.USERNAME_PASSWORD:
            request = SOCKS5UsernamePasswordRequest(name.encode(), password.encode())
            if not (await self._ask(request, SOCKS5UsernamePasswordReply)).success:
                raise NotSent("the proxy does not know the login of TELEGRAM_PROXY")

    async def _ask(self, request: _Asked, kind: type[_Reply]) -> _Reply:
        await self._stream.send_all(request.dumps())
        return kind.loads(await self._exactly(_SHORT))

    async def _ask_for(self, host: str, port: int) -> None:
        await self._stream.send_all(SOCKS5CommandRequest.from_address(SOCKS5Command.CONNECT, (host, port)).dumps())
        head = await self._exactly(_SHORT)
        # What follows a refusal differs from proxy to proxy, and tells nothing.
        if head[:1] == _VERSION and head[1:] != SOCKS5ReplyCode.SUCCEEDED:
            raise NotSent(f"the proxy (TELEGRAM_PROXY) gives no way to the server: {_said(head[1:])}")
        head += await self._exactly(_HEAD - _SHORT)
        SOCKS5Reply.loads(head + await self._exactly(_rest(head)))

    async def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            piece = await self._stream.receive_some(count - len(found))
            if not piece:
                raise NotSent("the proxy (TELEGRAM_PROXY) closed the connection")
            found += piece
        return found


def _rest(head: bytes) -> int:
    """Bytes that follow the head of a reply. Raises ``ProtocolError``."""
    try:
        kind = SOCKS5AType(head[3:4])
    except ValueError:
        raise ProtocolError("an address of no known kind") from None
    return head[4] + 2 if kind is SOCKS5AType.DOMAIN_NAME else _REST[kind]


def _said(code: bytes) -> str:
    try:
        return SOCKS5ReplyCode(code).name.lower().replace("_", " ")
    except ValueError:
        return f"its code {code[0]}"
