"""What is kept of an output, and what is found in it."""

from hypothesis import given
from hypothesis import strategies as st

from actors.background.kept import Kept, Watch
from hermes.agent.ports import KeptOutput

_CHUNKS = st.lists(st.binary(max_size=30) | st.just(b"line\n"), max_size=30)


def test_all_of_a_short_output_is_kept() -> None:
    kept = Kept(100)
    for chunk in (b"one\n", b"t", b"wo\n"):
        kept.feed(chunk)
    assert kept.output() == KeptOutput(1, "one\ntwo\n")
    assert kept.total == 8


def test_of_a_long_output_the_end_is_kept_from_the_beginning_of_a_line_on() -> None:
    kept = Kept(100)
    for number in range(1, 1_001):
        kept.feed(b"line %d\n" % number)
    output = kept.output()
    assert output.text.startswith(f"line {output.first}\n")
    assert output.text.endswith("line 1000\n")
    assert len(output.text) <= 100


@given(_CHUNKS)
def test_line_numbers_stay_true_whatever_is_dropped(chunks: list[bytes]) -> None:
    kept = Kept(20)
    for chunk in chunks:
        kept.feed(chunk)
    whole = b"".join(chunks)
    output = kept.output()
    if len(whole) <= 20:
        assert output == KeptOutput(1, whole.decode("utf-8", "replace"))
    elif b"\n" in whole[-20:]:
        lines = whole.split(b"\n")
        assert output.text == b"\n".join(lines[output.first - 1 :]).decode("utf-8", "replace")
    assert len(output.text) <= 20


def test_of_a_line_that_was_cut_the_first_characters_are_left_out() -> None:
    kept = Kept(1_000)
    kept.feed(b"secret" + b"x" * 1_000)
    assert kept.output() == KeptOutput(1, "x" * 800)


def test_memory_is_bounded() -> None:
    kept = Kept(1_000)
    for _ in range(1_000):
        kept.feed(b"x" * 1_500)
    assert len(kept._tail) <= 2_000
    assert kept.total == 1_500_000


def test_each_pattern_is_found_once_with_its_line() -> None:
    watch = Watch(("ready", "error"))
    assert watch.feed(b"starting\nrea") == []
    assert watch.feed(b"dy on 80\nready\n") == [("ready", "ready on 80")]
    assert watch.feed(b"ready\nan error\nerror\n") == [("error", "an error")]
    assert watch.feed(b"error\n") == []


def test_a_prompt_that_ends_no_line_is_found() -> None:
    assert Watch(("password:",)).feed("caf\u00e9 password: ".encode()) == [("password:", "caf\u00e9 password: ")]


@given(st.text("ab\n\u00e9", max_size=40), st.lists(st.integers(1, 5), max_size=40))
def test_wherever_the_output_is_split_the_same_is_found(text: str, sizes: list[int]) -> None:
    data, watch, found = text.encode(), Watch(("ab", "\u00e9")), list[str]()
    for size in [*sizes, len(data)]:
        found += [pattern for pattern, _ in watch.feed(data[:size])]
        data = data[size:]
    assert sorted(found) == [pattern for pattern in ("ab", "\u00e9") if pattern in text]
