"""What the page's wire takes, and what it refuses by name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.protocol import (
    FRAME_BYTES,
    Answer,
    BadFrame,
    Hello,
    Older,
    Ping,
    Problem,
    Send,
    Tree,
    TreeStatus,
    parse,
    render,
)
from tests.adapters.fakehost import worker


def frame(**fields: Any) -> str:
    return json.dumps(fields)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (frame(type="hello", chat="a-1"), Hello("a-1")),
        (frame(type="send", chat="main", id="x1", text="hi", newer_field=1), Send("main", "x1", "hi")),
        (
            frame(type="answer", chat="main", id="x", ask_id="ask 7", choice="once"),
            Answer("main", "x", "ask 7", "once"),
        ),
        (frame(type="ping", n=3), Ping(3)),
        (frame(type="older", chat="main", before=7), Older("main", 7)),
        (frame(type="tree", on=True), Tree(on=True)),
    ],
)
def test_each_frame_of_the_page_is_understood(text: str, expected: object) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[]",
        "3",
        "null",
        "[" * 100_000,
        '{"n": ' + "9" * 10_000 + "}",
        frame(type="nonsense"),
        frame(type=["send"]),
        frame(type="hello"),
        frame(type="hello", chat="Upper"),
        frame(type="hello", chat="../etc"),
        frame(type="hello", chat="a" * 65),
        frame(type="hello", chat="a\n"),
        frame(type="hello", chat=3),
        frame(type="send", chat="main", id="", text="hi"),
        frame(type="send", chat="main", id="a b", text="hi"),
        frame(type="send", chat="main", id="x", text=""),
        frame(type="send", chat="main", id="x", text=["hi"]),
        frame(type="answer", chat="main", id="x", ask_id="", choice="once"),
        frame(type="ping", n="3"),
        frame(type="ping", n=True),
        frame(type="ping", n=1.5),
        frame(type="tree", on=1),
        '{"type": "ping", "n": NaN}',
    ],
)
def test_anything_else_is_a_bad_frame(text: str) -> None:
    with pytest.raises(BadFrame, match="not understood"):
        parse(text)


def test_a_bad_frame_names_the_message_that_it_was_about() -> None:
    with pytest.raises(BadFrame) as caught:
        parse(frame(type="send", chat="main", id="x9", text=""))
    assert caught.value.frame_id == "x9"


@pytest.mark.parametrize("letter", ["x", "\u00e9", "\U0001f600"])
def test_a_frame_is_measured_in_bytes(letter: str) -> None:
    fits = frame(type="send", chat="main", id="x", text=letter)
    room = FRAME_BYTES - len(json.dumps(json.loads(fits), ensure_ascii=False).encode())

    def sent(letters: int) -> str:
        return json.dumps({"type": "send", "chat": "main", "id": "x", "text": letter * letters}, ensure_ascii=False)

    width = len(letter.encode())
    assert isinstance(parse(sent(1 + room // width)), Send)
    with pytest.raises(BadFrame, match="too long") as caught:
        parse(sent(2 + room // width))
    assert caught.value.frame_id == "x"


def test_half_a_surrogate_pair_is_refused_since_no_file_can_hold_it() -> None:
    with pytest.raises(BadFrame, match="Unicode") as caught:
        parse('{"type": "send", "chat": "main", "id": "x", "text": "\\ud83d"}')
    assert caught.value.frame_id == "x"


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.dictionaries(st.text(), inner))
)
def test_no_json_raises_anything_but_a_bad_frame(value: object) -> None:
    with pytest.raises(BadFrame):
        parse(json.dumps(value))


@given(st.text(max_size=400))
def test_no_text_raises_anything_but_a_bad_frame(text: str) -> None:
    with pytest.raises(BadFrame):
        parse(text)


@given(st.text(alphabet=st.characters(), max_size=50))
def test_whatever_text_the_gateway_sends_arrives_as_it_is(text: str) -> None:
    rendered = render(Problem(text, "x"))
    rendered.encode()
    assert json.loads(rendered) == {"type": "error", "reason": text, "id": "x"}


def test_the_tree_is_sent_with_all_its_branches() -> None:
    tree = worker("root", children=(worker("store"), worker("platforms", children=(worker("web"),))))
    sent = json.loads(render(TreeStatus(tree)))
    assert sent["tree"]["children"][1]["children"][0]["name"] == "web"
    assert sent["tree"]["state"] == "running"
