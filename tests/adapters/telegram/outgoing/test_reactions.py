"""Reactions on messages: what they show, and that they are in nobody's way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from attrs import define, evolve, field

from adapters.telegram.calls import Calls
from adapters.telegram.flood import Flood
from adapters.telegram.outgoing.reactions import LONGEST_PAUSE, MOST_WANTED, SEEN, SHOWN, TRIES, Reactions
from hermes.errors import RateLimited, Refused
from hermes.events import DraftState, Verdict
from tests.adapters.fakehost import draft
from tests.adapters.telegram.botapi import OWNER
from tests.adapters.telegram.faults import hang
from tests.adapters.telegram.scenes import SESSION, SOURCE, Scene, running

ANSWERED, FAILED = SHOWN[Verdict.ANSWERED], SHOWN[Verdict.FAILED]


@define(eq=False)
class Asked(Calls):
    """Notes what is asked for, after a second each; fails as ``failures`` say."""

    failures: list[Exception] = field(factory=list[Exception])
    given: list[tuple[str, str, float]] = field(factory=list[tuple[str, str, float]])
    most: int = 0
    _under_way: int = 0

    async def react(self, chat_id: str, message_id: str, emoji: str) -> None:
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        self.given.append((message_id, emoji, trio.current_time()))
        await trio.sleep(1.0)
        self._under_way -= 1
        if self.failures:
            raise self.failures.pop(0)

    @property
    def shown(self) -> list[tuple[str, str]]:
        return [(message_id, emoji) for message_id, emoji, _ in self.given]


@define(eq=False)
class Room:
    calls: Asked
    reactions: Reactions

    def turn(self, *messages: str, state: DraftState = DraftState.THINKING, verdict: Verdict | None = None) -> None:
        self.reactions.show(draft(SOURCE, SESSION, "", state=state, messages=messages, verdict=verdict))

    def end(self, *messages: str, verdict: Verdict | None = Verdict.ANSWERED) -> None:
        self.turn(*messages, state=DraftState.ENDED, verdict=verdict)


@asynccontextmanager
async def room(*failures: Exception) -> AsyncIterator[Room]:
    calls = Asked.__new__(Asked)
    calls.flood, calls.failures, calls.given, calls.most, calls._under_way = Flood(), list(failures), [], 0, 0
    made = Room(calls, Reactions(calls))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.reactions.run)
        await trio.testing.wait_all_tasks_blocked()
        yield made
        nursery.cancel_scope.cancel()
    assert not made.reactions._wanted


@pytest.mark.parametrize(("verdict", "shown"), list(SHOWN.items()))
async def test_a_message_is_seen_and_then_shows_how_it_ended(
    verdict: Verdict, shown: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with room() as it:
        for state in (DraftState.THINKING, DraftState.WRITING, DraftState.TOOL):
            it.turn("7", state=state)
            await trio.sleep(2.0)
        it.end("7", verdict=verdict)
        await trio.sleep(2.0)
    assert it.calls.shown == [("7", SEEN), ("7", shown)]


async def test_a_turn_that_is_cut_short_is_still_seen(autojump_clock: trio.testing.MockClock) -> None:
    async with room() as it:
        it.turn("7")
        it.end("7", verdict=None)
        it.turn("7")
        await trio.sleep(3.0)
    assert it.calls.shown == [("7", SEEN)]


async def test_what_joins_a_turn_is_seen_too(autojump_clock: trio.testing.MockClock) -> None:
    async with room() as it:
        it.turn("7")
        it.turn("7", "8")
        await trio.sleep(3.0)
        it.end("7", "8")
        await trio.sleep(3.0)
    assert sorted(it.calls.shown) == sorted([("7", SEEN), ("8", SEEN), ("7", ANSWERED), ("8", ANSWERED)])


async def test_the_newest_is_what_a_message_ends_with(autojump_clock: trio.testing.MockClock) -> None:
    async with room() as it:
        it.turn("7")
        await trio.sleep(0.5)
        it.end("7", verdict=Verdict.FAILED)
        await trio.sleep(3.0)
        it.end("8")
        await trio.sleep(3.0)
    assert it.calls.shown == [("7", SEEN), ("7", FAILED), ("8", ANSWERED)]


async def test_a_pause_is_kept_by_all_reactions_and_by_no_message(autojump_clock: trio.testing.MockClock) -> None:
    async with room(RateLimited("slowly", retry_after=30.0)) as it:
        it.turn("7")
        await trio.sleep(2.0)
        assert not it.calls.flood.left(SOURCE.chat_id)
        it.turn("8")
        await trio.sleep(10.0)
        it.end("7")
        await trio.sleep(60.0)
    assert it.calls.given[0] == ("7", SEEN, 0.0)
    assert sorted(it.calls.given[1:]) == [("7", ANSWERED, 31.0), ("8", SEEN, 31.0)]


async def test_a_pause_of_the_messages_holds_back_the_reactions(autojump_clock: trio.testing.MockClock) -> None:
    async with room() as it:
        it.calls.flood.pause(SOURCE.chat_id, 20.0)
        it.turn("7")
        await trio.sleep(30.0)
    assert it.calls.given == [("7", SEEN, 20.0)]


@pytest.mark.parametrize(
    ("failures", "times"),
    [
        ([RateLimited("slowly", retry_after=1.0)] * 10, TRIES),
        ([RateLimited("slowly", retry_after=LONGEST_PAUSE + 1)], 1),
        ([Refused("no reactions here")], 1),
    ],
)
async def test_what_is_not_taken_is_given_up(
    failures: list[Exception], times: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with room(*failures) as it:
        it.turn("7")
        await trio.sleep(1000.0)
        assert not it.reactions._wanted
    assert it.calls.shown == [("7", SEEN)] * times


async def test_few_are_under_way_and_many_are_left_out(autojump_clock: trio.testing.MockClock) -> None:
    async with room() as it:
        it.turn(*[str(number) for number in range(2 * MOST_WANTED)])
        await trio.sleep(1000.0)
    assert len(it.calls.given) == MOST_WANTED
    assert it.calls.most == 4


async def test_before_the_bot_runs_nothing_is_shown() -> None:
    reactions = Reactions(Asked.__new__(Asked))
    reactions.show(draft(SOURCE, SESSION, "", messages=("7",)))
    assert not reactions._wanted
    assert not reactions._seen


async def _asked(it: Scene) -> str:
    it.api.say("hello")
    await it.host.received()
    return it.host.events[0].message_id


async def test_the_server_is_asked_as_it_understands_it() -> None:
    async with running(reactions=True) as it:
        message_id = await _asked(it)
        place = (OWNER, int(message_id))
        told = draft(SOURCE, SESSION, "", messages=(message_id,))
        await it.adapter.show_draft(told)
        await it.api.until(lambda: it.api.reactions.get(place) == [SEEN])
        await it.adapter.show_draft(evolve(told, state=DraftState.ENDED, verdict=Verdict.DROPPED))
        await it.api.until(lambda: it.api.reactions[place] == [SEEN, ""])
        await it.adapter.show_draft(evolve(told, state=DraftState.ENDED, verdict=Verdict.ANSWERED))
        await it.api.until(lambda: it.api.reactions[place] == [SEEN, "", ANSWERED])


async def test_unless_it_is_asked_for_nothing_is_shown() -> None:
    async with running() as it:
        told = draft(SOURCE, SESSION, "", state=DraftState.THINKING, messages=(await _asked(it),))
        await it.adapter.show_draft(told)
        await it.api.until(lambda: it.api.of("sendChatAction"))
        assert not it.api.of("setMessageReaction")


async def test_reactions_that_hang_hold_up_no_message() -> None:
    async with running(reactions=True) as it:
        it.api.always["setMessageReaction"] = hang
        told = [draft(SOURCE, SESSION, "", messages=(str(number),)) for number in range(200)]
        for each in told:
            await it.adapter.show_draft(each)
        await it.api.until(lambda: len(it.api.of("setMessageReaction")) == 4)
        await it.send("hello")
        assert it.api.said() == ["hello"]
