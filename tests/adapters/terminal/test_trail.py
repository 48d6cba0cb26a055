import pytest

from adapters.terminal.blocks import ToolUsed
from adapters.terminal.chats import session_key, source
from adapters.terminal.trail import MAX_TIMES, ToolTrail
from hermes.events import Draft, DraftState
from hermes.store.rows import TranscriptEntry


def running(tool: str, turn_id: str = "t1") -> Draft:
    state = DraftState.TOOL if tool else DraftState.THINKING
    return Draft(source("s"), session_key("s"), turn_id, state, tool=tool)


def called(number: int, arguments: str, tool: str = "terminal") -> TranscriptEntry:
    return TranscriptEntry(number, "tool", arguments, 0.0, f"call-{number}", tool=tool)


def test_a_call_is_printed_once_with_the_time_it_was_seen_running() -> None:
    trail = ToolTrail()
    entries = [TranscriptEntry(1, "user", "hi", 0.0, "u1"), called(2, '{"command": "ls"}')]
    trail.watch(running('terminal {"command": "ls"}'), 10.0)
    trail.watch(running('terminal {"command": "ls"}'), 11.0)
    trail.watch(running(""), 12.5)
    assert trail.fresh(entries, ended=True) == (ToolUsed("terminal", '{"command": "ls"}', 2.5),)
    assert trail.fresh(entries, ended=True) == ()


def test_calls_one_after_the_other_have_a_time_each() -> None:
    trail = ToolTrail()
    for tool, at in (("a {}", 0.0), ("b {}", 1.0), ("", 3.0)):
        trail.watch(running(tool), at)
    lines = trail.fresh([called(1, "{}", "a"), called(2, "{}", "b"), called(3, "{}", "c")], ended=True)
    assert [line.seconds for line in lines] == [1.0, 2.0, None]


def test_a_preview_that_was_cut_off_still_finds_its_call() -> None:
    trail = ToolTrail()
    trail.watch(running('terminal {"command": "ls …'), 0.0)
    trail.watch(running(""), 1.0)
    assert trail.fresh([called(1, '{"command": "ls -la"}')], ended=True)[0].seconds == 1.0


def test_what_stood_there_at_the_start_is_not_printed_again() -> None:
    trail = ToolTrail()
    trail.skip([called(1, "{}"), called(2, "{}")])
    assert [line.name for line in trail.fresh([called(2, "{}"), called(3, "{}", "new")], ended=True)] == ["new"]
    trail.skip([])
    assert trail.fresh([called(3, "{}")], ended=True) == ()


def test_the_same_call_in_the_next_turn_is_not_taken_for_run_when_the_end_of_the_last_one_was_not_seen() -> None:
    trail = ToolTrail()
    trail.watch(running("terminal {}"), 0.0)
    trail.watch(running("", "t2"), 1.0)
    assert trail.fresh([called(1, "{}")], ended=False) == ()
    trail.watch(running("terminal {}", "t2"), 2.0)
    trail.watch(running("", "t2"), 5.0)
    assert [line.seconds for line in trail.fresh([called(1, "{}")], ended=False)] == [3.0]


@pytest.mark.parametrize("count", [MAX_TIMES * 3])
def test_times_are_bounded(count: int) -> None:
    trail = ToolTrail()
    for number in range(count):
        trail.watch(running(f"tool{number}"), float(number))
    assert len(trail._times) <= MAX_TIMES


def test_a_call_that_was_not_seen_running_waits_for_the_end_or_for_a_later_one() -> None:
    trail = ToolTrail()
    assert trail.fresh([called(1, "{}", "a")], ended=False) == ()
    trail.watch(running("b {}"), 0.0)
    trail.watch(running(""), 1.0)
    entries = [called(1, "{}", "a"), called(2, "{}", "b"), called(3, "{}", "c")]
    assert [line.name for line in trail.fresh(entries, ended=False)] == ["a", "b"]
    assert [line.name for line in trail.fresh(entries, ended=True)] == ["c"]
