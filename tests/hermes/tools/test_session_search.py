"""Searching earlier conversations."""

import json

import pytest
import trio
from attrs import define, field

from hermes.redact import Redactor
from hermes.store.found import Found
from hermes.tools.contract import ToolResult
from hermes.tools.registry import Registry
from hermes.tools.session_search import MOST_CHARACTERS, session_search
from tests.hermes.tools.ports import World

NOON = 1_800_014_400.0


@define
class Shelves:
    """An archive that finds the same whatever is asked, and remembers the question."""

    found: tuple[Found, ...] = ()
    asked: list[object] = field(factory=list[object])

    async def search(self, query: str, *, roles: tuple[str, ...], limit: int) -> tuple[Found, ...]:
        await trio.lowlevel.checkpoint()
        self.asked.append((query, roles))
        return self.found[:limit]

    async def recent(self, *, limit: int) -> tuple[Found, ...]:
        await trio.lowlevel.checkpoint()
        self.asked.append(limit)
        return self.found[:limit]


def hit(session: str, snippet: str, role: str = "user", title: str = "") -> Found:
    return Found(session, title, role, snippet, NOON)


async def search(world: World, *found: Found, **arguments: object) -> str:
    world.archive = Shelves(found)
    outcome = await Registry(["session_search"]).invoke("session_search", json.dumps(arguments), world.context())
    assert isinstance(outcome, ToolResult)
    assert not outcome.is_error
    return outcome.content


async def test_hits_stand_under_their_conversation_the_best_first(world: World) -> None:
    found = (hit("b", "the >>>harbour<<<\n is north"), hit("a", "x", title="Boats"), hit("b", "y", "assistant"))
    assert await search(world, *found, query="harbour") == (
        "What was said earlier, hits marked >>>like this<<<:\n"
        "2027-01-15 12:00 UTC, session b\n  user: the >>>harbour<<< is north\n  assistant: y\n"
        "2027-01-15 12:00 UTC, session a, Boats\n  user: x"
    )


async def test_as_many_conversations_and_places_are_shown_as_asked_for_and_no_more(world: World) -> None:
    found = [hit(f"s{number % 20}", "x") for number in range(100)]
    text = await search(world, *found, query="x")
    assert text.count(", session ") == 3
    assert text.count("  user: x") == 9
    assert text.count("and 2 more") == 3
    assert (await search(world, *found, query="x", limit=1000)).count(", session ") == 10
    assert (await search(world, *found, query="x", limit=-1)).count(", session ") == 1


async def test_what_is_found_is_bounded_in_characters(world: World) -> None:
    text = await search(world, *(hit(f"s{n}", "x" * 300) for n in range(10) for _ in range(3)), query="x", limit=10)
    assert len(text) <= MOST_CHARACTERS
    assert text.endswith("more have no room here]")


async def test_without_a_query_the_latest_conversations_are_told_by_their_beginning(world: World) -> None:
    for arguments in ({}, {"query": " "}):
        text = await search(world, hit("a", "Hello " * 60), **arguments)
        assert text.startswith(
            "The latest conversations, and how each began:\n2027-01-15 12:00 UTC, session a\n  Hello"
        )
        assert text.endswith("…")
    assert world.archive is not None
    assert (await search(world)) == "No earlier conversation."
    assert (await search(world, query="x")) == "Nothing was found."


@pytest.mark.parametrize(
    ("given", "roles"), [(None, ("user", "assistant")), ("tool", ("tool",)), (" User , tool ", ("user", "tool"))]
)
async def test_words_of_tools_are_left_out_unless_they_are_asked_for(
    world: World, given: str | None, roles: tuple[str, ...]
) -> None:
    await search(world, query="x", role_filter=given)
    assert isinstance(world.archive, Shelves)
    assert world.archive.asked == [("x", roles)]


async def test_an_unknown_role_and_a_missing_archive_are_told(world: World) -> None:
    assert (await world.result(session_search, query="x")).is_error
    world.archive = Shelves()
    result = await world.result(session_search, query="x", role_filter="user,robot")
    assert result == ToolResult("role_filter has 'robot'; it takes user, assistant, tool.", is_error=True)


async def test_secrets_of_earlier_days_stay_hidden(world: World) -> None:
    world.redactor = Redactor(["hunter2hunter2"])
    assert "hunter2" not in await search(world, hit("a", "it is >>>hunter2hunter2<<<"), query="x")
