"""The offline model: what it says, what it calls, how it streams."""

import json
from collections.abc import Iterable

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from hermes.agent.budget import SUM_UP
from hermes.agent.turn import TurnMachine
from hermes.agent.turnio import CallModel, Finish, ModelReplied, RunTools, Steered, ToolReturned, TurnEffect
from hermes.messages import Message, Role, ToolCall
from hermes.models.contract import ChatModel, Completed, ModelPiece, ModelRequest, TextDelta, ToolSchema
from hermes.models.offline.model import MAX_SHOWN, WHAT_I_AM, OfflineModel
from hermes.tools.contract import Effect, ToolResult

TOOLS = ("terminal", "read_file", "write_file", "todo", "clarify")


def request(*messages: Message | str, tools: Iterable[str] = TOOLS) -> ModelRequest:
    """A request; plain text is the user's."""
    made = tuple(Message(Role.USER, one) if isinstance(one, str) else one for one in messages)
    return ModelRequest("offline", "", tuple(ToolSchema(name, "", {}) for name in tools), made)


def called(*calls: tuple[str, str, str]) -> Message:
    return Message(Role.ASSISTANT, "", tool_calls=tuple(ToolCall(*call) for call in calls))


def result(call_id: str, name: str, text: str, reason: str = "") -> Message:
    return Message(Role.TOOL, text, tool_call_id=call_id, tool_name=name, finish_reason=reason)


async def pieces_of(wanted: ModelRequest, model: ChatModel | None = None) -> list[ModelPiece]:
    with trio.fail_after(1000):
        async with (model or OfflineModel()).stream(wanted) as stream:
            return [piece async for piece in stream]


async def reply_to(*messages: Message | str, tools: Iterable[str] = TOOLS) -> Message:
    last = (await pieces_of(request(*messages, tools=tools)))[-1]
    assert isinstance(last, Completed)
    return last.message


async def test_a_command_becomes_a_call_of_a_real_tool_and_its_result_is_shown() -> None:
    first = await reply_to("run ls")
    assert first.content == ""
    [call] = first.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("terminal", {"command": "ls"})
    then = await reply_to("run ls", first, result(call.id, "terminal", "a.txt\nb.txt\n"))
    assert then == Message(Role.ASSISTANT, "```\na.txt\nb.txt\n```", finish_reason="stop")


async def test_two_files_are_read_by_two_calls_of_one_reply() -> None:
    first = await reply_to("read a and b")
    assert [json.loads(call.arguments) for call in first.tool_calls] == [{"path": "a"}, {"path": "b"}]
    one, two = first.tool_calls
    then = await reply_to("read a and b", first, result(two.id, "read_file", "B"), result(one.id, "read_file", "A"))
    assert then.content == "`read_file` a:\n```\nA\n```\n\n`read_file` b:\n```\nB\n```"


async def test_it_calls_only_tools_that_are_offered() -> None:
    reply = await reply_to("run ls", tools=["read_file"])
    assert reply.tool_calls == ()
    assert "`terminal`" in reply.content
    assert "nothing" in reply.content


async def test_it_remembers_only_where_there_is_a_memory() -> None:
    assert "`memory`" in (await reply_to("remember the milk")).content
    [call] = (await reply_to("remember the milk", tools=["memory"])).tool_calls
    assert json.loads(call.arguments)["content"] == "the milk"


async def test_what_it_does_not_understand_it_repeats_and_says_what_it_is() -> None:
    reply = await reply_to("What is the meaning of life?")
    assert reply.content == f"You said: What is the meaning of life?\n\n{WHAT_I_AM}"
    long = await reply_to("x" * 10_000)
    assert long.content.startswith("You said: x")
    assert len(long.content) < 1_000


async def test_help_lists_every_command_and_what_is_lacking() -> None:
    text = (await reply_to("help", tools=["terminal"])).content
    for verb in ("run", "read", "write", "todo", "ask", "remember", "say", "count to", "think", "help"):
        assert f"`{verb}" in text
    assert "run a shell command\n" in text
    assert "needs the tool `read_file`" in text


async def test_a_failed_call_is_told_as_failed() -> None:
    text = (await reply_to("run x", called(("c", "terminal", "{}")), result("c", "terminal", "no x", "error"))).content
    assert text == "`terminal` failed:\n```\nno x\n```"


async def test_a_fence_in_the_output_does_not_end_the_code_block() -> None:
    text = (await reply_to("run x", called(("c", "terminal", "{}")), result("c", "terminal", "```\n````"))).content
    assert text == "`````\n```\n````\n`````"


async def test_a_long_result_is_cut_and_that_is_told() -> None:
    text = (await reply_to("run x", called(("c", "terminal", "{}")), result("c", "terminal", "y" * 20_000))).content
    assert text.count("y") == MAX_SHOWN
    assert "12,000 more characters" in text


async def test_results_that_are_no_output_are_shown_as_they_are() -> None:
    text = (await reply_to("ask a?", called(("c", "clarify", "{}")), result("c", "clarify", "blue"))).content
    assert text == "blue"
    empty = (await reply_to("run true", called(("c", "terminal", "{}")), result("c", "terminal", "\n"))).content
    assert empty == "(no output)"


async def test_several_messages_are_answered_in_order_and_nothing_is_said_twice() -> None:
    assert (await reply_to("say a", "say b")).content == "a\n\nb"
    first = await reply_to("say a", "run ls", "say b")
    assert (first.content, len(first.tool_calls)) == ("", 1)
    then = await reply_to("say a", "run ls", "say b", first, result(first.tool_calls[0].id, "terminal", "x"))
    assert then.content == "a\n\n```\nx\n```\n\nb"
    assert (await reply_to("say a", Message(Role.ASSISTANT, "a"), "say c")).content == "c"


async def test_ids_of_calls_do_not_repeat_in_a_transcript() -> None:
    first = await reply_to("run a")
    rest = (first, result("call_1", "terminal", "x"), Message(Role.ASSISTANT, "x"))
    second = await reply_to("run a", *rest, "run b")
    assert [call.id for call in (*first.tool_calls, *second.tool_calls)] == ["call_1", "call_2"]


async def test_a_result_of_a_call_that_another_model_made_is_shown() -> None:
    text = (await reply_to("hello", called(("c", "odd", "{broken")), result("c", "odd", "x"))).content
    assert text.startswith("You said: hello")
    assert text.endswith("x")


async def test_a_result_of_another_tool_is_not_taken_for_that_of_a_command() -> None:
    reply = await reply_to("run ls", called(("c", "odd", "{}")), result("c", "odd", "x"))
    assert [call.name for call in reply.tool_calls] == ["terminal"]


async def test_several_results_of_another_models_calls_are_told_apart() -> None:
    made = called(("c", "odd", "{broken"), ("d", "even", "[1]"), ("e", "named", '{"n": 1, "who": "Ada"}'))
    results = [result(one.id, one.name, f"from {one.name}") for one in made.tool_calls]
    text = (await reply_to("hello", made, *results)).content
    assert text.endswith("`odd`:\nfrom odd\n\n`even`:\nfrom even\n\n`named` Ada:\nfrom named")


async def test_with_nothing_to_answer_it_says_what_it_is() -> None:
    assert (await reply_to("say a", Message(Role.ASSISTANT, "a"))).content == WHAT_I_AM


async def test_the_final_call_of_a_turn_sums_up_with_what_it_has() -> None:
    made = called(("c", "terminal", "{}"))
    text = (await reply_to("run x", made, result("c", "terminal", "y"), SUM_UP, tools=[])).content
    assert text == "```\ny\n```"


async def test_the_deltas_together_are_the_message() -> None:
    pieces = await pieces_of(request("say one two\n three  "))
    deltas = [piece.text for piece in pieces if isinstance(piece, TextDelta)]
    assert deltas == ["one", " two", "\n three"]
    assert isinstance(pieces[-1], Completed)
    assert pieces[-1].message.content == "".join(deltas)


async def test_a_long_text_does_not_come_in_thousands_of_pieces() -> None:
    pieces = await pieces_of(request("count to 10000"))
    assert len(pieces) < 250
    assert isinstance(pieces[-1], Completed)
    assert pieces[-1].message.content.endswith(" 10000")


async def test_counting_slowly_takes_its_time_and_thinking_too(autojump_clock: MockClock) -> None:
    begin = trio.current_time()
    await pieces_of(request("count to 20 slowly"))
    assert trio.current_time() - begin == pytest.approx(1.0)
    await pieces_of(request("think 600"))
    assert trio.current_time() - begin == pytest.approx(601.0)
    await pieces_of(request("say one two"), OfflineModel(pause=2.0))
    assert trio.current_time() - begin == pytest.approx(605.0)


async def test_it_can_be_cancelled_between_two_words(autojump_clock: MockClock) -> None:
    seen: list[ModelPiece] = []
    with trio.move_on_after(0.12) as scope:
        async with OfflineModel().stream(request("count to 1000 slowly")) as stream:
            async for piece in stream:
                seen.append(piece)  # noqa: PERF401 - what was seen before the cancellation counts
    assert scope.cancelled_caught
    assert seen == [TextDelta("1"), TextDelta(" 2"), TextDelta(" 3")]


async def test_leaving_the_stream_early_closes_it() -> None:
    async with OfflineModel().stream(request("count to 5")) as stream:
        async for _ in stream:
            break
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


def test_it_names_itself_and_has_room_for_any_transcript() -> None:
    assert OfflineModel().name == "offline"
    assert OfflineModel().context_length >= 200_000


async def test_tokens_are_estimated_from_characters() -> None:
    last = (await pieces_of(request("say 12345678", tools=[])))[-1]
    assert isinstance(last, Completed)
    assert (last.usage.input_tokens, last.usage.output_tokens) == (3, 2)


@given(
    st.lists(st.sampled_from(["run ls", "read a and b", "say x", "hello", "todo", "think 0"]), min_size=1, max_size=4)
)
def test_every_turn_ends_with_words_for_every_message(texts: list[str]) -> None:
    """Through the turn machine, the messages after the first steered in at once."""
    finish = trio.run(_whole_turn, texts)
    for text, words in {"run ls": "ran", "read a and b": "file", "say x": "x", "hello": "You said: hello"}.items():
        assert text not in texts or words in finish.text


async def _whole_turn(texts: list[str]) -> Finish:
    results = {"terminal": ToolResult("ran"), "read_file": ToolResult("file"), "todo": ToolResult("nothing to do")}
    machine = TurnMachine(
        "turn",
        [Message(Role.USER, texts[0])],
        effects=lambda name, _: Effect.READ_ONLY if name == "read_file" else Effect.EFFECTFUL,
        max_iterations=90,
        mint=lambda: "minted",
        now=lambda: 0.0,
    )
    effects: list[TurnEffect] = machine.start()
    for row, text in enumerate(texts[1:], 1):
        effects += machine.handle(Steered(row, Message(Role.USER, text)))
    while True:
        effect = effects.pop(0)
        match effect:
            case Finish():
                assert effect.text.strip()
                return effect
            case CallModel():
                [*_, last] = await pieces_of(request(*machine.messages))
                assert isinstance(last, Completed)
                effects += machine.handle(ModelReplied(last.message, last.usage))
            case RunTools():
                for planned in effect.calls:
                    effects += machine.handle(ToolReturned(planned.call.id, results[planned.call.name]))
            case _:
                continue
