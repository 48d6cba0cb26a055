"""The reader of server-sent events: by the examples of the standard, and the same however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.errors import RemoteProtocolError
from hermes.models.wires.sse import SseEvent, SseReader

LINES = st.sampled_from(
    ["data: a", "data:b", "data:  two spaces", "data", "data:", "event: ping", "event:", ": comment", ":", "id: 7",
     "retry: 10", "nothing", "", "", "data: \u00e4\u20ac\U0001f600", "data: {\"x\": \"a:b\"}", "\ufeffdata: late bom"]
)  # fmt: skip
ENDS = st.sampled_from(["\n", "\r", "\r\n"])
STREAMS = st.lists(st.tuples(LINES, ENDS)).map(lambda pairs: "".join(line + end for line, end in pairs).encode())


def read(*pieces: bytes) -> list[tuple[str, str]]:
    reader = SseReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return [(event.name, event.data) for event in (*events, *reader.end())]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: one\n\ndata: two\n\n", [("", "one"), ("", "two")]),
        (b"data: one\r\n\r\ndata: two\r\rdata: three\n\n", [("", "one"), ("", "two"), ("", "three")]),
        (b"event: add\ndata: 1\ndata: 2\n\n", [("add", "1\n2")]),
        (b"data\n\ndata\ndata\n\n", [("", ""), ("", "\n")]),
        (b"data:no space\n\ndata:  two\n\n", [("", "no space"), ("", " two")]),
        (b": keep-alive\n\n: again\n\ndata: x\n\n", [("", "x")]),
        (b"event: lost\n\ndata: x\n\n", [("", "x")]),
        (b"\xef\xbb\xbfdata: x\n\n", [("", "x")]),
        (b"id: 1\nretry: 5\nunknown: y\ndata: x\n\n", [("", "x")]),
        (b"data: cut without its blank line", [("", "cut without its blank line")]),
        (b"data: x\n", [("", "x")]),
        (b"event: alone", []),
        (b"data: \xff\n\n", [("", "\ufffd")]),
        (b"", []),
    ],
)
def test_a_stream_gives_its_events(stream: bytes, events: list[tuple[str, str]]) -> None:
    assert read(stream) == events


@given(STREAMS, st.lists(st.integers(0, 200)))
def test_the_same_events_come_however_the_bytes_are_cut(stream: bytes, cuts: list[int]) -> None:
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert read(*pieces) == read(stream)


@given(STREAMS)
def test_the_same_events_come_byte_by_byte(stream: bytes) -> None:
    assert read(*(stream[n : n + 1] for n in range(len(stream)))) == read(stream)


def test_an_event_comes_with_the_piece_that_ends_it() -> None:
    reader = SseReader()
    assert reader.feed(b"data: x\n") == []
    assert reader.feed(b"\n") == [SseEvent("", "x")]
    assert reader.feed(b"data: y\r\r") == [SseEvent("", "y")]


def test_a_line_that_never_ends_is_refused_at_its_bound() -> None:
    reader = SseReader(limit=10)
    reader.feed(b"data: 123")
    with pytest.raises(RemoteProtocolError, match="longer than 10 bytes"):
        reader.feed(b"45")


def test_an_event_of_endless_lines_is_refused_at_its_bound() -> None:
    reader = SseReader(limit=10)
    with pytest.raises(RemoteProtocolError, match="longer than 10 bytes"):
        reader.feed(b"data: 123\n" * 3)


def test_comments_without_end_hold_nothing() -> None:
    reader = SseReader(limit=10)
    for _ in range(100):
        assert reader.feed(b": alive\n\n") == []
