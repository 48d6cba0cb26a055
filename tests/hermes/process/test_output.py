from hypothesis import given
from hypothesis import strategies as st

from hermes.process import BoundedOutput

_CHUNKS = st.lists(st.binary(max_size=40), max_size=30)


def expected(data: bytes, limit: int) -> bytes:
    if len(data) <= limit:
        return data
    head = int(limit * 0.4)
    note = f"\n[... {len(data) - limit} bytes left out ...]\n".encode()
    return data[:head] + note + data[len(data) - (limit - head) :]


@given(_CHUNKS, st.integers(0, 200))
def test_the_head_and_the_tail_are_kept_however_the_output_is_cut_into_chunks(chunks: list[bytes], limit: int) -> None:
    output = BoundedOutput(limit)
    for chunk in chunks:
        output.feed(chunk)
    data = b"".join(chunks)
    assert output.getvalue() == expected(data, limit)
    assert (output.total, output.truncated) == (len(data), len(data) > limit)


def test_what_is_held_never_exceeds_twice_the_limit() -> None:
    output = BoundedOutput(100)
    for size in [1, 7, 60, 99, 250, 3] * 50:
        output.feed(b"x" * size)
        assert len(output._head) + len(output._tail) <= 2 * 100
