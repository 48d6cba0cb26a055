"""People in a closed loop, and what stands in their chats."""

import pytest

from benchmarks.fakes.chats import Chats, Loop


class _Written:
    """What people said, and the clock that they look at."""

    def __init__(self) -> None:
        self.said: list[tuple[int, str]] = []
        self.now = 100.0
        self.chats = Chats(lambda chat, text: self.said.append((chat, text)))
        self.ended = 0

    def finished(self) -> None:
        self.ended += 1


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> _Written:
    one = _Written()
    monkeypatch.setattr("benchmarks.fakes.chats.time.monotonic", lambda: one.now)
    return one


def test_the_next_thing_is_said_when_the_last_is_answered_until_the_time_is_up(written: _Written) -> None:
    running = written.chats.begin(Loop(7, 1, 5.0), written.finished)
    assert written.said == [(7, "hello [[c7.1]]")]
    written.now = 101.5
    written.chats.stands(7, 1, "well: [[c7.1]]")
    assert written.said[1:] == [(7, "hello [[c7.2]]")]
    written.now = 106.0
    written.chats.stands(7, 2, "late: [[c7.2]]")
    assert (written.ended, len(written.said)) == (1, 2)
    assert running.told() == {"answered": 2, "inside": 1, "unanswered": 0, "last": 6.0, "latencies": [1.5, 4.5]}


def test_only_a_message_with_the_mark_of_what_was_said_is_an_answer(written: _Written) -> None:
    running = written.chats.begin(Loop(1, 2, 0.0), written.finished)
    written.chats.stands(1, 1, "I am at work")
    written.chats.stands(1, 2, "[[c2.2]]")
    assert running.told()["answered"] == 0
    written.chats.stands(1, 1, r"\[\[c1.1\]\] as markup has it, by an edit")
    assert running.told()["answered"] == 1
    assert written.ended == 0
    written.chats.stands(2, 3, "[[c2.2]]")
    assert written.ended == 1


def test_a_loop_that_nobody_waits_for_any_more_says_nothing_new(written: _Written) -> None:
    running = written.chats.begin(Loop(1, 1, 5.0), written.finished)
    written.chats.end(running)
    written.chats.stands(1, 1, "[[c1.1]]")
    assert len(written.said) == 1
    assert running.told()["unanswered"] == 1


def test_a_mark_that_stands_twice_counts_twice_unless_the_message_says_so(written: _Written) -> None:
    mark = written.chats.say(3)
    written.chats.stands(3, 1, mark)
    written.chats.stands(3, 2, f"\u21bb Perhaps a repetition:\n{mark}")
    assert (written.chats.copies(), written.chats.marked()) == ({mark: 1}, 1)
    written.chats.stands(3, 3, mark)
    assert written.chats.copies() == {mark: 2}
    written.chats.delete(3, 3)
    assert written.chats.copies() == {mark: 1}
