"""Compressed bodies within a bound."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.errors import Refused
from hermes.tools.web.inflate import Body

LIMIT = 1000


def _packed(content: bytes, encoding: str) -> bytes:
    match encoding:
        case "gzip":
            return gzip.compress(content)
        case "deflate":
            return zlib.compress(content)
        case "raw":
            return zlib.compress(content)[2:-4]
        case _:
            return content


@given(
    st.binary(max_size=3000),
    st.sampled_from(["gzip", "deflate", "raw", ""]),
    st.integers(min_value=1, max_value=500),
    st.integers(min_value=1, max_value=100),
)
def test_whatever_the_pieces_the_body_is_what_was_packed_up_to_its_bound(
    content: bytes, encoding: str, size: int, repeat: int
) -> None:
    content = (content * repeat)[:5000]
    body = Body("deflate" if encoding == "raw" else encoding, LIMIT)
    packed = _packed(content, encoding)
    for start in range(0, len(packed), size):
        if not body.feed(packed[start : start + size]):
            break
    body.end()
    assert bytes(body.content) == content[:LIMIT]
    assert body.whole == (len(content) <= LIMIT)


def test_a_bomb_is_left_at_the_bound() -> None:
    bomb = gzip.compress(bytes(200_000_000))
    body = Body("gzip", LIMIT)
    assert not body.feed(bomb)
    assert (len(body.content), body.whole) == (LIMIT, False)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_what_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(Refused, match="not asked for"):
        Body(encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_broken_compression_is_told(encoding: str) -> None:
    body = Body(encoding, LIMIT)
    assert not body.feed(b"\xff\xfe not compressed at all")
    assert "is broken" in body.problem


def test_what_follows_the_end_and_what_fills_a_stream_with_nothing_is_left() -> None:
    body = Body("gzip", LIMIT)
    assert not body.feed(gzip.compress(b"hello") + b"trailing")
    body.end()
    assert (bytes(body.content), body.whole) == (b"hello", True)
    cut = Body("gzip", LIMIT)
    assert cut.feed(gzip.compress(b"hello")[:-3])
    cut.end()
    assert (bytes(cut.content), cut.whole) == (b"hello", False)
    empty = Body("gzip", LIMIT)
    assert empty.feed(gzip.compress(b"")[:10])
    fed = [empty.feed(b"\x00\x00\x00\xff\xff" * 100) for _ in range(10)]
    assert (fed[0], fed[-1], empty.whole) == (True, False, False)
