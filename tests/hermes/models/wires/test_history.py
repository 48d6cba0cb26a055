"""What both wires share: pairs whole, ids that every wire takes, prefixes that stay."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.messages import Message, Role
from hermes.models.wires.history import MAX_ID, NO_RESULT, arguments_object, arguments_text, wire_messages
from tests.hermes.models.transcripts import TRANSCRIPTS, assistant, call, result, user


def test_a_call_without_its_result_gets_one_and_a_result_without_its_call_is_left_out() -> None:
    found = list(wire_messages([user("a"), assistant("", call("1"), call("2")), result("2"), result("9"), user("b")]))
    assert [(m.role, m.tool_call_id, m.content) for m in found] == [
        (Role.USER, "", "a"),
        (Role.ASSISTANT, "", ""),
        (Role.TOOL, "1", NO_RESULT),
        (Role.TOOL, "2", "done"),
        (Role.USER, "", "b"),
    ]


def test_results_stand_in_the_order_of_their_calls_whichever_came_first() -> None:
    reply = assistant("", call("a"), call("b"), call("c"))
    found = list(wire_messages([user("go"), reply, result("c", "3"), result("a", "1"), result("b", "2")]))
    assert [(m.tool_call_id, m.content) for m in found[2:]] == [("a", "1"), ("b", "2"), ("c", "3")]


def test_ids_that_return_in_a_later_turn_are_told_apart() -> None:
    turn = [user("a"), assistant("", call("call_0")), result("call_0"), assistant("b")]
    found = list(wire_messages(turn * 3))
    assert [m.tool_calls[0].id for m in found if m.tool_calls] == ["call_0", "call_0_2", "call_0_3"]
    assert [m.tool_call_id for m in found if m.tool_call_id] == ["call_0", "call_0_2", "call_0_3"]


@given(TRANSCRIPTS)
def test_every_transcript_becomes_one_that_a_wire_takes(messages: list[Message]) -> None:
    found = list(wire_messages(messages))
    ids = [each.id for message in found for each in message.tool_calls]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(rf"[A-Za-z0-9_-]{{1,{MAX_ID}}}", each) for each in ids)
    for number, message in enumerate(found):
        names = message.tool_calls
        behind = [later.tool_call_id for later in found[number + 1 : number + 1 + len(names)]]
        assert behind == [each.id for each in message.tool_calls]
    assert sorted(m.content for m in found) == sorted(m.content for m in messages)


@given(TRANSCRIPTS, st.integers(0, 30))
def test_a_longer_transcript_begins_as_the_shorter_one(messages: list[Message], end: int) -> None:
    ends = [n for n, m in enumerate(messages) if m.role is Role.USER]
    cut = ends[end % len(ends)] if ends else 0
    shorter = list(wire_messages(messages[:cut]))
    assert list(wire_messages(messages))[: len(shorter)] == shorter


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        ("  ", {}),
        ('{"a": ', {"invalid_json": '{"a": '}),
        ("[1]", {"invalid_json": "[1]"}),
        ("null", {"invalid_json": "null"}),
        ('{"a": NaN}', {"invalid_json": '{"a": NaN}'}),
        ('{"a": -Infinity}', {"invalid_json": '{"a": -Infinity}'}),
        ('{"a": [1e999]}', {"invalid_json": '{"a": [1e999]}'}),
        ('{"a": 1.5e3}', {"a": 1500.0}),
    ],
)
def test_arguments_are_an_object_on_the_wire_whatever_the_model_wrote(written: str, found: object) -> None:
    assert arguments_object(call("1", written)) == found
    assert json.loads(arguments_text(call("1", written))) == found


def test_arguments_that_are_an_object_go_back_as_the_model_wrote_them() -> None:
    assert arguments_text(call("1", '{ "a":1 }')) == '{ "a":1 }'
