"""Undoes the compression of a body piece by piece, so that a few bytes can never become more memory than was agreed."""

import zlib
from typing import Protocol

from hermes.errors import Refused

_GZIP, _ZLIB, _BARE = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS
# Of bytes as they come: compressed ones are fewer than what they become, unless somebody fills a stream with nothing.
_RAW_SHARE = 2


class _Inflate(Protocol):
    """The object that zlib has no public name for."""

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class Body:
    """A body that grows up to a bound. ``Content-Encoding`` may be gzip, deflate or nothing."""

    def __init__(self, encoding: str, limit: int) -> None:
        """``limit``: bytes that are kept. Raises ``Refused`` for another encoding, or several."""
        self._encoding = encoding.strip().lower()
        if self._encoding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
            raise Refused(f"the body is compressed in a way that was not asked for ({self._encoding[:40]!r})")
        self._inflate: _Inflate | None = zlib.decompressobj(_GZIP) if self._encoding.endswith("gzip") else None
        self._head = b""
        self._raw = 0
        self._limit = limit
        self.content = bytearray()
        self.whole = True
        """False: there was more."""
        self.problem = ""
        """Why what came cannot be read."""

    def feed(self, data: bytes) -> bool:
        """Take a piece as it came; False when no more is wanted, since there is enough, an end or a problem."""
        self._raw += len(data)
        if self._raw > _RAW_SHARE * self._limit:
            self.whole = False
        if self._encoding == "deflate" and self._inflate is None:
            self._head += data
            if len(self._head) < 2:
                return self.whole
            data, self._inflate = self._head, zlib.decompressobj(_format(self._head))
        return self._keep(data) if self._inflate is None else self._unpack(self._inflate, data)

    def end(self) -> None:
        """Nothing more comes: a compressed stream that has not ended was cut."""
        if self._inflate is not None and not self._inflate.eof:
            self.whole = False

    def _unpack(self, inflate: _Inflate, data: bytes) -> bool:
        try:
            more = self._keep(inflate.decompress(data, self._limit - len(self.content) + 1))
        except zlib.error as error:
            self.problem = f"the compressed body is broken: {error}"
            return False
        # What follows the end of the compressed stream would only be collected.
        return more and not inflate.eof

    def _keep(self, data: bytes) -> bool:
        self.content += data
        if len(self.content) > self._limit:
            del self.content[self._limit :]
            self.whole = False
        return self.whole


def _format(head: bytes) -> int:
    """What a server means by "deflate": the zlib format, or the bare one (RFC 9110, 8.4.1.2), told by RFC 1950, 2.2."""
    return _ZLIB if head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0 else _BARE
