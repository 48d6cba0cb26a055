"""The queue of a bot, as getUpdates is documented."""

import asyncio

import pytest

from benchmarks.fakes.updates import CONFLICT, MOST, Update, Updates


class _Polls:
    """What each poll was answered."""

    def __init__(self, updates: Updates) -> None:
        self._updates = updates
        self.answers: list[list[int] | tuple[int, str]] = []

    def poll(self, **given: int) -> None:
        def answered(found: list[Update]) -> None:
            self.answers.append([int(str(update["update_id"])) for update in found])

        parameters = {name: str(value) for name, value in given.items()}
        self._updates.poll(parameters, answered, lambda status, text: self.answers.append((status, text)))


def test_an_update_is_handed_out_until_a_higher_offset_confirms_it() -> None:
    updates = Updates()
    polls = _Polls(updates)
    first, second = updates.put({}), updates.put({})
    for offset in (None, first, second, second + 1):
        polls.poll(**({} if offset is None else {"offset": offset}))
    assert polls.answers == [[first, second], [first, second], [second], []]


def test_a_negative_offset_leaves_only_the_last() -> None:
    updates = Updates()
    polls = _Polls(updates)
    numbers = [updates.put({}) for _ in range(3)]
    polls.poll(offset=-1)
    polls.poll()
    assert polls.answers == [numbers[-1:], numbers[-1:]]


@pytest.mark.parametrize(("limit", "expected"), [(2, 2), (0, 1), (1000, MOST)])
def test_an_answer_holds_at_most_what_is_asked_and_what_is_allowed(limit: int, expected: int) -> None:
    updates = Updates()
    polls = _Polls(updates)
    for _ in range(MOST + 1):
        updates.put({})
    polls.poll(limit=limit)
    (answer,) = polls.answers
    assert len(answer) == expected


def test_a_poll_waits_for_the_first_update_and_the_earlier_of_two_is_ended() -> None:
    async def scenario() -> None:
        updates = Updates()
        polls = _Polls(updates)
        polls.poll(timeout=50)
        polls.poll(timeout=50)
        assert polls.answers == [(409, CONFLICT)]
        number = updates.put({})
        assert polls.answers[1:] == [[number]]

    asyncio.run(scenario())


def test_a_poll_whose_client_is_gone_takes_nothing_with_it() -> None:
    async def scenario() -> None:
        updates = Updates()
        polls = _Polls(updates)
        polls.poll(timeout=50)
        updates.leave()
        number = updates.put({})
        assert polls.answers == []
        polls.poll()
        assert polls.answers == [[number]]
        updates.drop()
        assert updates.unconfirmed == 0

    asyncio.run(scenario())
