"""A question to the person."""

import pytest

from hermes.asks import AskKind, AskRequest
from hermes.tools.clarify import clarify
from hermes.tools.contract import TIMED_OUT, ToolResult
from tests.hermes.tools.ports import World


async def test_a_question_becomes_an_ask(world: World) -> None:
    ask = await world.call(clarify, question=" Which one? ", choices=["a", " b ", "a"])
    assert ask == AskRequest(AskKind.CLARIFY, "Which one?", ("a", "b"), 600.0)


async def test_without_choices_the_answer_is_free(world: World) -> None:
    ask = await world.call(clarify, question="Why?")
    assert isinstance(ask, AskRequest)
    assert ask.choices == ()


async def test_the_answer_comes_back_as_the_result(world: World) -> None:
    result = await world.result(clarify, "the blue one", question="Which?", choices=["a", "b"])
    assert result == ToolResult("The user answered: the blue one")


async def test_when_nobody_answers_the_model_is_told(world: World) -> None:
    result = await world.result(clarify, TIMED_OUT, question="Which?")
    assert result.content.startswith("Nobody answered within 600 seconds.")
    assert not result.is_error


@pytest.mark.parametrize(
    ("question", "choices"),
    [(" ", None), ("x" * 2_001, None), ("q", ["a", "b", "c", "d", "e"]), ("q", ["a", ""]), ("q", ["x" * 101])],
)
async def test_what_cannot_be_shown_is_not_asked(world: World, question: str, choices: list[str] | None) -> None:
    result = await world.result(clarify, question=question, choices=choices)
    assert result.is_error
    assert result.content.startswith("Nothing was asked: ")
