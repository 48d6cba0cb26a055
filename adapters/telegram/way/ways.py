"""How a stream to a host comes about: straight, or through a proxy.

Rules:

1. No byte of a request leaves before the stream is there, so whatever fails here is ``NotSent``, a refusal too.
2. A proxy is handed the name of the host and resolves it itself: where the way is barred, names often are as well.
3. No error holds the address of a proxy: a password may be part of it.
"""

from base64 import b64encode
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

import h11
import trio
from attrs import field, frozen

from adapters.telegram.way.lost import NotSent
from adapters.telegram.way.settings import login

HTTP_PROXY_PORT = 3128
"""Where the address of a proxy names none."""

_PIECE = 65_536


class Way(Protocol):
    """One way to every host."""

    async def open(self, host: str, port: int) -> trio.SocketStream:
        """A stream to ``host``. Raises ``OSError``, ``ValueError`` and ``NotSent``; cancelled, it leaves nothing."""
        ...


class Straight:
    """Without anybody between."""

    async def open(self, host: str, port: int) -> trio.SocketStream:
        return await trio.open_tcp_stream(host, port)


@frozen
class HttpProxy:
    """Through a proxy that is asked by CONNECT (RFC 9110, section 9.3.6)."""

    _address: SplitResult = field(repr=False)

    async def open(self, host: str, port: int) -> trio.SocketStream:
        stream = await trio.open_tcp_stream(self._address.hostname or "", self._address.port or HTTP_PROXY_PORT)
        try:
            await self._tunnel(stream, f"{host}:{port}")
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return stream

    async def _tunnel(self, stream: trio.SocketStream, target: str) -> None:
        http = h11.Connection(h11.CLIENT)
        request = h11.Request(method="CONNECT", target=target, headers=self._headers(target))
        await stream.send_all((http.send(request) or b"") + (http.send(h11.EndOfMessage()) or b""))
        try:
            while not isinstance(event := http.next_event(), h11.Response):
                if event is h11.NEED_DATA:
                    http.receive_data(await stream.receive_some(_PIECE))
        except h11.RemoteProtocolError:
            raise NotSent("the proxy (TELEGRAM_PROXY) gave no answer in HTTP") from None
        if not 200 <= event.status_code < 300:
            raise NotSent(f"the proxy (TELEGRAM_PROXY) gives no way to the server ({event.status_code})")

    def _headers(self, target: str) -> list[tuple[str, str]]:
        name, password = login(self._address)
        said = [("Proxy-Authorization", "Basic " + b64encode(f"{name}:{password}".encode()).decode())] if name else []
        return [("Host", target), *said]


def way(proxy: str) -> Way:
    """``proxy``: the address of one (http, socks5 or socks5h); empty: straight."""
    if not proxy:
        return Straight()
    address = urlsplit(proxy)
    if address.scheme == "http":
        return HttpProxy(address)
    # Only now: whoever has no such proxy does not load what it takes.
    from adapters.telegram.way.socks import SocksProxy

    return SocksProxy(address)
