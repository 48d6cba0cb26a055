"""A crash inside any one actor, while chats on two platforms talk: nothing is lost, doubled, failed or out of order,
the others do not notice, and the status tells of it with its reason."""

import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from actors.control import control
from actors.lifecycle import Lifecycle
from actors.pruning import pruning
from actors.requests import Requests
from actors.runtime import ChildSpec
from actors.tree import Base
from actors.watchdog import Notifier, store_answers, watchdog
from hermes.events import OutboundKind
from hermes.failpoints import FAILPOINTS
from hermes.status import State
from hermes.store.engine.database import Database
from tests.actors.faults import Bombs, arm, bombs
from tests.actors.house import Chat, House, house

CHATS = ("a", "b", "c")
MESSAGES = 6

PLATFORM = ("platforms/fake/inbound", "platforms/fake/delivery", "platforms/fake/liveness")

# Every actor of the tree by its path; the conversation and the platform's are those of one chat of the first platform.
ACTORS = (
    "core/store",
    "core/models",
    "core/processes",
    "conversations/session:fake-a",
    "background",
    *PLATFORM,
    "pruning",
    "control",
    "watchdog",
)


def event_id(platform: Chat, chat: str, number: int) -> str:
    return f"{platform.name}-{chat}-{number}"


def key(platform: Chat, chat: str) -> str:
    """Its chat id, which names its session too."""
    return f"{platform.name}-{chat}"


async def talk(platform: Chat, chat: str, pause: float = 0.0) -> None:
    """One message after another; each third runs a command."""
    for number in range(MESSAGES):
        text = "run sleep 0.05; echo 1 2 3" if number % 3 == 2 else "count to 3 slowly"
        await platform.say(event_id(platform, chat, number), text, key(platform, chat))
        await platform.answer(event_id(platform, chat, number))
        await trio.sleep(pause)


def named(platform: Chat, chat: str) -> list[str]:
    """The messages of a chat in the order of their answers."""
    return [
        event for message in platform.seen if message.source.chat_id == key(platform, chat) for event in message.answers
    ]


def assert_each_was_answered_once_in_order(platforms: Sequence[Chat]) -> None:
    for platform in platforms:
        for chat in CHATS:
            assert named(platform, chat) == [event_id(platform, chat, number) for number in range(MESSAGES)]


def assert_no_turn_failed(platforms: Sequence[Chat]) -> None:
    for platform in platforms:
        assert all("1 2 3" in message.text for message in platform.seen if message.answers), platform.seen


def all_actors(placed: Bombs, folder: Path, base: Base) -> Sequence[ChildSpec]:
    """What the gateway has beside the rest of the tree."""
    lifecycle = Lifecycle()
    requests = Requests(lambda: None, base.store, base.homes, lifecycle, 0)  # type: ignore[arg-type, return-value]
    return (
        ChildSpec("pruning", partial(placed.into(pruning), prune=base.store.prune)),  # type: ignore[arg-type]
        ChildSpec(
            "control",
            partial(placed.into(control), path=folder / "gateway.sock", handle=requests.handle),  # type: ignore[arg-type]
            core=True,
        ),
        ChildSpec(
            "watchdog",
            partial(  # type: ignore[arg-type]
                placed.into(watchdog),
                notifier=Notifier(""),
                interval=None,
                answers=partial(store_answers, base.store),
                describe=base.describe,
            ),
            core=True,
        ),
    )


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> Bombs:
    return bombs(monkeypatch)


async def blow_up(placed: Bombs, gateway: House, path: str, times: int) -> None:
    """Crash one actor ``times`` times, each in the middle of what the chats say."""
    moments = random.Random(path)
    for number in range(times):
        await trio.sleep(moments.uniform(0.05, 0.3))
        await gateway.until(lambda: state_of(gateway, path) is State.RUNNING)
        placed.explode(f"gateway/{path}")
        await gateway.until(lambda: path in gateway.children() and gateway.children()[path].restarts > number)  # noqa: B023


def state_of(gateway: House, path: str) -> State | None:
    child = gateway.children().get(path)
    return None if child is None else child.state


def was_crashed(child: Any) -> bool:
    return child.failure is not None and "Injected: injected into" in child.failure.error


@pytest.mark.parametrize("path", ACTORS)
async def test_a_crash_inside_any_one_actor_delays_and_changes_nothing_for_the_others(
    tmp_path: Path, placed: Bombs, path: str
) -> None:
    platforms = (Chat(probe_interval=30.0), Chat(name="other", probe_interval=30.0))
    async with house(
        tmp_path,
        chat=platforms[0],
        neighbours=platforms[1:],
        every_command=False,
        extras=partial(all_actors, placed, tmp_path),
    ) as gateway:
        with trio.fail_after(120):
            async with trio.open_nursery() as nursery:
                for platform in platforms:
                    for chat in CHATS:
                        nursery.start_soon(talk, platform, chat)
                # A turn lives through one crash of its conversation; the second is held against the message.
                nursery.start_soon(blow_up, placed, gateway, path, 1 if path.startswith("conversations") else 3)
            await gateway.until(lambda: state_of(gateway, path) is State.RUNNING)
        children = gateway.children()
        assert_each_was_answered_once_in_order(platforms)
        # A command that ran when its host crashed is told to the model as such, and is not run again.
        if path != "core/processes":
            assert_no_turn_failed(platforms)
        assert was_crashed(children[path])
        assert not any("injected" in message.text for platform in platforms for message in platform.seen)
        others = {name: child for name, child in children.items() if name and not path.startswith(name)}
        assert all(child.restarts == 0 and child.failure is None for child in others.values()), others


@pytest.mark.parametrize("child", ["store", "models", "processes"])
async def test_a_core_that_fails_upward_is_started_again_as_a_whole_and_costs_no_turn(
    tmp_path: Path, placed: Bombs, child: str
) -> None:
    """Six crashes in a row are one too many for the core's own supervisor; the root starts it anew."""
    platforms = (Chat(),)
    async with house(tmp_path, chat=platforms[0], every_command=False) as gateway:
        with trio.fail_after(120):
            async with trio.open_nursery() as nursery:
                for chat in CHATS:
                    nursery.start_soon(talk, platforms[0], chat)
                for _ in range(6):
                    await gateway.until(lambda: state_of(gateway, f"core/{child}") is State.RUNNING)
                    restarts = gateway.children()[f"core/{child}"].restarts
                    placed.explode(f"gateway/core/{child}")
                    await gateway.until(lambda: gateway.children()[f"core/{child}"].restarts > restarts)  # noqa: B023
        children = gateway.children()
        assert_each_was_answered_once_in_order(platforms)
        if child != "processes":
            assert_no_turn_failed(platforms)
        assert children["core"].restarts == 1
        assert f"core/{child} failed more often" in children["core"].failure.error
        assert all(children[name].restarts == 0 for name in ("conversations", *PLATFORM))


@pytest.mark.parametrize("path", ["core/store", "core/models", "core/processes", *PLATFORM])
async def test_a_message_that_makes_no_sense_to_its_actor_costs_the_others_nothing(tmp_path: Path, path: str) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "count to 5 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        gateway.tree.root.address(path).tell_nowait("garbage")
        assert (await gateway.chat.answer("1")).endswith("5")
        await gateway.chat.say("2", "say on")
        assert await gateway.chat.answer("2") == "on"
        assert [event for message in gateway.chat.seen for event in message.answers] == ["1", "2"]


async def hand_over(chat: Chat, event: str, text: str) -> None:
    """As ``say``; a bug inside of ``accept`` ends the stream, and the platform hands the event over again."""
    try:
        await chat.say(event, text)
    except RuntimeError as bug:
        chat.break_run(bug)
        await chat.say(event, text)


@pytest.mark.parametrize("hit", [1, 2])
@pytest.mark.parametrize("name", sorted(FAILPOINTS))
async def test_a_crash_at_any_step_between_two_durable_states_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, hit: int
) -> None:
    async with house(tmp_path) as gateway:
        chat = gateway.chat
        arm(monkeypatch, name, hit)
        with trio.fail_after(60):
            await hand_over(chat, "hello", "say hello")
            assert await chat.answer("hello") == "hello"
            await hand_over(chat, "run", f"run echo ran >> {tmp_path}/ran.txt")
            # A call that was recorded as started and then lost is told to the model, and asks nobody.
            seen = await chat.until(lambda message: message.kind is OutboundKind.ASK or "run" in message.answers)
            if seen.kind is OutboundKind.ASK:
                await press(chat, seen)
            await chat.answer("run")
            await hand_over(chat, "todo", "todo a; b")
            assert "a" in await chat.answer("todo")
            await hand_over(chat, "last", "say last")
            assert await chat.answer("last") == "last"
        assert [event for message in chat.seen for event in message.answers] == ["hello", "run", "todo", "last"]
    ran = tmp_path / "ran.txt"
    assert not ran.exists() or ran.read_text() == "ran\n"


async def press(chat: Chat, ask: Any) -> None:
    try:
        await chat.press(ask, "once")
    except RuntimeError as bug:
        chat.break_run(bug)
        await chat.press(ask, "once")


@pytest.mark.parametrize("first", range(4))
async def test_a_store_that_crashes_after_its_commits_repeats_no_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    """Four crashes, each after a commit that nobody was told of; which ones differs from run to run of this test."""
    commit, count = Database.commit, 0

    def crashing(database: Database, batch: Any) -> list[object]:
        nonlocal count
        results = commit(database, batch)
        count += 1
        if count in range(8 + first, 24 + first, 4):
            raise RuntimeError("a crash after the commit")
        return results

    monkeypatch.setattr(Database, "commit", crashing)
    async with house(tmp_path) as gateway:
        chat = gateway.chat
        await chat.say("hello", "say hello")
        assert await chat.answer("hello") == "hello"
        await chat.say("run", f"run echo ran >> {tmp_path}/ran.txt")
        await chat.press(await chat.question(), "once")
        await chat.answer("run")
        await chat.say("last", "say last")
        assert await chat.answer("last") == "last"
        assert gateway.children()["core/store"].restarts == 4
        assert [event for message in chat.seen for event in message.answers] == ["hello", "run", "last"]
    assert (tmp_path / "ran.txt").read_text() == "ran\n"
