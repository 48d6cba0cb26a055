import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.terminal.scene import Scene, status_line, tail, tool_line

IDLE = Scene("20260101_000000_abcdef", model="offline")
RUNNING = Scene("s1", model="offline", state="tool", since=10.0)


@pytest.mark.parametrize(
    ("scene", "width", "line"),
    [
        (IDLE, 100, "ready · offline · 20260101_000000_abcdef"),
        (IDLE, 10, "ready · o…"),
        (Scene("s1", sending=("hello",)), 100, "sending · s1"),
        (RUNNING, 100, "working 5 s · Ctrl-C stops · offline · s1"),
        (Scene("s1", state="waiting", since=15.0), 100, "waiting for you 0 s · Ctrl-C stops · s1"),
        (
            Scene("s1", state="new-in-a-later-version", since=20.0),
            100,
            "new-in-a-later-version 0 s · Ctrl-C stops · s1",
        ),
    ],
)
def test_the_status_line_says_what_runs_first(scene: Scene, width: int, line: str) -> None:
    assert status_line(scene, 15.0, width) == line


@given(st.text(), st.integers(1, 50))
def test_the_end_of_a_running_answer_is_bounded_and_is_its_end(text: str, limit: int) -> None:
    shown = tail(text, limit)
    assert len(shown) <= limit + 2
    assert text.endswith(shown.removeprefix("…\n").removeprefix("…"))


def test_the_end_of_a_running_answer_begins_with_a_whole_line() -> None:
    assert tail("first\nsecond\nthird", 10) == "…\nthird"
    assert tail("onelongword", 4) == "…word"
    assert tail("short", 10) == "short"


def test_the_running_tool_is_told_by_what_it_does() -> None:
    assert tool_line('terminal {"command": "ls -la"}', 3.2) == "terminal ls -la … 3 s"
    assert tool_line("todo {}", 0.0) == "todo … 0 s"
