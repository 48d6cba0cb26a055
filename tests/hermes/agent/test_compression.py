"""What a summary takes the place of, and the words that it is asked for with."""

from collections.abc import Sequence

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from hermes.agent.compression import (
    Gauge,
    Plan,
    longest,
    made,
    own_covered,
    plan,
    question,
    room,
    shortened,
    summary,
    words,
)
from hermes.config.schema import Compression
from hermes.messages import Message, Role, ToolCall
from hermes.models.contract import ModelRequest
from hermes.store.compression_interface import Line, ModelContext, Summary
from tests.hermes.models.wires.valid import anthropic_body, chat_body

SETTINGS = Compression(protect_first_n=2, protect_last_n=2)


def user(text: str = "u") -> Message:
    return Message(Role.USER, text)


def says(text: str = "a") -> Message:
    return Message(Role.ASSISTANT, text)


def calls(*ids: str) -> Message:
    return Message(Role.ASSISTANT, "", tuple(ToolCall(call_id, "todo", "{}") for call_id in ids))


def result(call_id: str, text: str = "r") -> Message:
    return Message(Role.TOOL, text, tool_call_id=call_id, tool_name="todo")


def lines(*messages: Message, own: int = 0) -> tuple[Line, ...]:
    """The last ``own`` are of the running turn."""
    begin = len(messages) - own
    return tuple(Line(number + 1, message, own=number >= begin) for number, message in enumerate(messages))


def length(message: Message) -> int:
    """A token a character, and one for a message without any."""
    return max(1, len(message.content))


def ids(plan: Plan | None) -> tuple[list[int], list[int]]:
    assert plan is not None
    return [line.id for line in plan.first], [line.id for line in plan.covered]


TALK = lines(*(message for number in range(5) for message in (user(f"{number}" * 10), says("x" * 10))))


def test_the_first_and_the_last_stay() -> None:
    assert ids(plan(ModelContext(TALK), length, 200, SETTINGS, wanted=True)) == ([1, 2], [3, 4, 5, 6, 7, 8])


def test_short_messages_at_the_end_stay_while_they_are_few_tokens() -> None:
    assert ids(plan(ModelContext(TALK), length, 200, SETTINGS, wanted=False)) == ([1, 2], [3, 4, 5, 6])


def test_protected_messages_yield_where_they_alone_would_fill_the_room() -> None:
    many = Compression(protect_first_n=8, protect_last_n=100)
    assert ids(plan(ModelContext(TALK), length, 80, many, wanted=False)) == ([1], [2, 3, 4, 5, 6])


def test_the_newest_message_stays_however_long() -> None:
    giant = lines(user(), says(), user("x" * 1000))
    assert ids(plan(ModelContext(giant), length, 10, Compression(protect_first_n=0), wanted=True)) == ([], [1, 2])


def test_a_reply_with_calls_and_their_results_is_one_piece() -> None:
    talk = lines(user(), calls("1", "2"), result("2"), result("1"), calls("3"), result("3"), says())
    for last in range(8):
        found = plan(ModelContext(talk), length, 1000, Compression(protect_first_n=3, protect_last_n=last), wanted=True)
        if found is not None:
            assert ids(found)[0] == [1]
            assert ids(found)[1] in ([2, 3, 4], [2, 3, 4, 5, 6])


def test_there_is_nothing_to_cover_in_a_short_talk() -> None:
    assert plan(ModelContext(TALK[:3]), length, 200, SETTINGS, wanted=True) is None
    assert plan(ModelContext(()), length, 200, SETTINGS, wanted=True) is None


def test_too_little_is_worth_no_summary() -> None:
    talk = lines(user(), says(), user("tiny"), says("x" * 45), user("x" * 45))
    assert plan(ModelContext(talk), length, 200, SETTINGS, wanted=False) is None
    assert ids(plan(ModelContext(talk), length, 200, SETTINGS, wanted=True)) == ([1, 2], [3])


def test_a_later_summary_keeps_what_stands_before_the_earlier_one() -> None:
    context = ModelContext(TALK[4:], first=TALK[:1], summary=Summary(7, "earlier"))
    found = plan(context, length, 200, SETTINGS, wanted=True)
    assert ids(found) == ([1], [5, 6, 7, 8])
    assert found is not None
    new = made("key", context, found, "text")
    assert (new.replaces, new.first, new.since, new.until, new.count, new.text) == (7, 1, 5, 8, 4, "text")


def test_where_the_beginning_is_out_of_sight_no_first_messages_stay() -> None:
    found = plan(ModelContext(TALK, whole=False), length, 200, SETTINGS, wanted=True)
    assert ids(found) == ([], [1, 2, 3, 4, 5, 6, 7, 8])


def own_ids(context: ModelContext, settings: Compression, turn: Sequence[Line]) -> list[int]:
    """The ids of the messages of the running turn that a next summary stands for."""
    found = plan(context, length, 1000, settings, wanted=True)
    assert found is not None
    covered = own_covered(context, found, [line.message for line in turn])
    return [line.id for line in turn if any(line.message is message for message in covered)]


def test_the_messages_of_the_running_turn_that_a_summary_stands_for() -> None:
    talk = lines(user("again"), says(), user("again"), calls("1"), result("1"), calls("2"), result("2"), own=5)
    assert own_ids(ModelContext(talk), SETTINGS, talk[2:]) == [3, 4, 5]


def test_a_message_of_the_running_turn_that_stays_is_not_among_them() -> None:
    talk = lines(user(), calls("1"), result("1"), user("more"), calls("2"), result("2"), own=6)
    first = Compression(protect_first_n=1, protect_last_n=1)
    assert own_ids(ModelContext(talk), first, talk) == [2, 3, 4]


def test_those_that_an_earlier_summary_stands_for_are_among_them() -> None:
    talk = lines(user(), says(), user("now"), calls("1"), result("1"), calls("2"), result("2"), own=5)
    later = ModelContext(talk[5:], covered=3, first=talk[:2], summary=Summary(1, "earlier"))
    longer = evolve(later, rest=(*later.rest, Line(8, calls("3"), own=True), Line(9, result("3"), own=True)))
    turn = (*talk[2:5], *longer.rest)
    assert own_ids(longer, SETTINGS, turn) == [3, 4, 5, 6, 7]


@st.composite
def talks(draw: st.DrawFn) -> tuple[Line, ...]:
    messages: list[Message] = []
    for turn in range(draw(st.integers(0, 6))):
        messages.append(user("u" * draw(st.integers(0, 50))))
        for step in range(draw(st.integers(0, 3))):
            made_calls = [f"{turn}.{step}.{number}" for number in range(draw(st.integers(1, 3)))]
            messages.append(calls(*made_calls))
            messages += (result(call_id, "r" * draw(st.integers(0, 50))) for call_id in made_calls)
        messages.append(says("a" * draw(st.integers(0, 50))))
    if draw(st.booleans()):
        # In the middle of a turn, where a model is called after results.
        del messages[-1:]
    return lines(*messages)


@given(
    talks(), st.integers(-50, 500), st.integers(0, 6), st.integers(0, 12), st.floats(0.01, 0.99), st.booleans(),
    st.integers(0, 40),
)  # fmt: skip
def test_whatever_is_covered_stands_in_one_piece_between_what_stays(
    talk: tuple[Line, ...], room: int, first: int, last: int, ratio: float, wanted: bool, own: int
) -> None:
    context = ModelContext(tuple(evolve(line, own=line.id > len(talk) - own) for line in talk))
    settings = Compression(target_ratio=ratio, protect_first_n=first, protect_last_n=last)
    found = plan(context, length, room, settings, wanted=wanted)
    if found is None:
        return
    kept = context.rest[len(found.first) + len(found.covered) :]
    assert found.first + found.covered + kept == context.rest
    assert len(found.first) <= first
    assert kept
    assert found.covered
    assert found.covered[0].message.role is not Role.TOOL
    assert kept[0].message.role is not Role.TOOL
    turn = [line for line in context.rest if line.own]
    quoted = own_covered(context, found, [line.message for line in turn])
    assert list(quoted) == [line.message for line in found.covered if line.own]
    short = ModelContext(kept, first=found.first, summary=Summary(1, "notes"))
    told = (*short.before, *(line.message for line in kept if line.own))
    following = () if told[-1].role in {Role.USER, Role.TOOL} else (user("next"),)
    request = ModelRequest("", "system", (), (*told, *following))
    chat_body(request)
    anthropic_body(request)


def test_a_small_model_whose_prompt_takes_the_threshold_up_has_a_quarter_of_the_rest() -> None:
    assert room(Compression(), 100_000, 10_000) == 40_000
    assert room(Compression(), 10_000, 6_000) == 1_000
    assert room(Compression(), 5_000, 6_000) < 0


def test_the_gauge_learns_from_counts_and_not_from_nonsense() -> None:
    gauge = Gauge()
    assert gauge.tokens(4000) == 1000
    gauge.learn(3000, 1000)
    assert (gauge.tokens(3000), gauge.bytes(1000)) == (1000, 3000)
    for nonsense in (0, -5, 1, 10_000_000):
        gauge.learn(3000, nonsense)
    assert gauge.tokens(3000) == 1000


def test_a_summary_is_asked_for_in_proportion() -> None:
    assert words(10, 0) == 375
    assert words(10_000, 0) == 1500
    assert words(10_000_000, 0) == 9000
    assert words(10_000_000, 400) == 300


def test_a_summary_that_would_be_due_again_soon_is_too_long() -> None:
    assert longest(60_000) == 15_000
    assert longest(100) == longest(-100) == 1000


def test_the_question_holds_all_that_fits() -> None:
    asked = question("what was before", [user("please"), calls("1"), result("1", "found")], 10_000, 100).content
    assert "<earlier_summary>\nwhat was before\n</earlier_summary>" in asked
    for part in ("user: please", "[calls todo {}]", "todo returned: found", "at most 100 words"):
        assert part in asked


def test_long_messages_are_shortened_before_any_is_left_out() -> None:
    talk = [user(f"begin{number} {'x' * 5000} end{number}") for number in range(10)]
    asked = question("", talk, 10_000, 100).content
    assert len(asked) < 10_200
    assert all(f"begin{number}" in asked and f"end{number}" in asked for number in range(10))


def test_where_even_the_shortest_do_not_fit_the_oldest_are_left_out() -> None:
    talk = [user(f"{number} {'x' * 5000}") for number in range(100)]
    asked = question("", talk, 3000, 100).content
    assert len(asked) < 3500
    assert "user: 99 " in asked
    assert "user: 0 " not in asked
    assert "older messages do not fit here" in asked


def test_a_covered_message_that_is_worked_on_is_quoted() -> None:
    text = summary("  the notes\n", [user("do it"), calls("1"), result("1")])
    assert (
        text == "[What was said before, summed up:]\n\nthe notes\n\n[You are at work on this message of mine:]\n\ndo it"
    )
    assert summary("notes", []) == "[What was said before, summed up:]\n\nnotes"


@given(st.text(), st.integers(3, 100))
def test_a_shortened_text_has_its_beginning_and_its_end(text: str, limit: int) -> None:
    short = shortened(text, limit)
    if len(text) <= limit:
        assert short == text
    else:
        assert short.startswith(text[: limit - limit // 3])
        assert short.endswith(text[len(text) - limit // 3 :])
