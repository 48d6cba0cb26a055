"""Output that is kept within a bound, however much is printed: its head and its tail, and how much lies between."""

from attrs import define, field

OUTPUT_BYTES = 50_000
"""Enough for a long build log's beginning and end; more fills a model's context with what it does not read."""

# The end of an output tells what went wrong more often than its beginning.
_HEAD_SHARE = 0.4


@define
class BoundedOutput:
    """Keeps at most ``limit`` bytes; holds at most twice as many, and the chunk in hand."""

    limit: int
    total: int = field(default=0, init=False)
    """Bytes that were fed."""
    _head: bytearray = field(factory=bytearray, init=False)
    _tail: bytearray = field(factory=bytearray, init=False)

    @property
    def truncated(self) -> bool:
        return self.total > self.limit

    @property
    def omitted(self) -> int:
        return max(0, self.total - self.limit)

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        self.total += len(data)
        room = self._head_limit - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        # Moved only when it is twice as long as it has to be, so that small chunks cost no more than large ones.
        if len(self._tail) > 2 * self._tail_limit:
            del self._tail[: len(self._tail) - self._tail_limit]

    def getvalue(self) -> bytes:
        """All of it, or its head and tail with a line between them that says how many bytes were left out."""
        if not self.truncated:
            return bytes(self._head + self._tail)
        tail = self._tail[len(self._tail) - self._tail_limit :]
        return bytes(self._head) + b"\n[... %d bytes left out ...]\n" % self.omitted + bytes(tail)

    @property
    def _head_limit(self) -> int:
        return int(self.limit * _HEAD_SHARE)

    @property
    def _tail_limit(self) -> int:
        return self.limit - self._head_limit
