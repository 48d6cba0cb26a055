"""What the offline model understands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.events import Inbound, InboundKind, Source
from hermes.models.offline.grammar import MAX_THINK, SLOWLY, Call, Command, Help, Speak, Unknown, Wait, parse
from hermes.store.compose import compose
from hermes.store.rows import InboxRow


def read(path: str, offset: int | None = None) -> Call:
    return Call("read_file", {"path": path} if offset is None else {"path": path, "offset": offset})


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("run ls -l", (Call("terminal", {"command": "ls -l"}),)),
        ("RUN `ls && pwd`", (Call("terminal", {"command": "ls && pwd"}),)),
        ("run\nls\npwd", (Call("terminal", {"command": "ls\npwd"}),)),
        ("  run ls  ", (Call("terminal", {"command": "ls"}),)),
        ("read notes.txt", (read("notes.txt"),)),
        ("read notes.txt from 10", (read("notes.txt", 10),)),
        ("read notes.txt from line 0", (read("notes.txt", 1),)),
        ("read a.txt and b.txt from 5", (read("a.txt"), read("b.txt", 5))),
        ('read "salt and pepper.txt"', (read("salt and pepper.txt"),)),
        ("write a.txt: one\ntwo", (Call("write_file", {"path": "a.txt", "content": "one\ntwo"}),)),
        ("write a.txt:\none", (Call("write_file", {"path": "a.txt", "content": "one"}),)),
        ("write a.txt:  indented", (Call("write_file", {"path": "a.txt", "content": " indented"}),)),
        ("write a.txt:", (Call("write_file", {"path": "a.txt", "content": ""}),)),
        ("todo", (Call("todo", {}),)),
        (
            "todo buy milk; ; drink it",
            (
                Call(
                    "todo",
                    {
                        "todos": [
                            {"id": "1", "content": "buy milk", "status": "pending"},
                            {"id": "2", "content": "drink it", "status": "pending"},
                        ]
                    },
                ),
            ),
        ),
        ("ask Which one? red, blue", (Call("clarify", {"question": "Which one?", "choices": ["red", "blue"]}),)),
        ("ask How are you?", (Call("clarify", {"question": "How are you?"}),)),
        ("ask your name", (Call("clarify", {"question": "your name"}),)),
        ("ask Q? a,b,c,d,e", (Call("clarify", {"question": "Q?", "choices": ["a", "b", "c", "d"]}),)),
        ("remember I like tea", (Call("memory", {"action": "add", "target": "memory", "content": "I like tea"}),)),
        ("say Hello,  World", (Speak("Hello,  World"),)),
        ("count to 3", (Speak("1 2 3"),)),
        ("Count to 2 slowly", (Speak("1 2", SLOWLY),)),
        ("think 1.5", (Wait(1.5),)),
        ("think for 2 seconds", (Wait(2.0),)),
        ("think 9999", (Wait(MAX_THINK),)),
        ("help", (Help(),)),
        ("Help !", (Help(),)),
    ],
)
def test_a_command_is_understood(text: str, commands: tuple[Command, ...]) -> None:
    assert parse(text) == commands


@pytest.mark.parametrize("kind", [InboundKind.MESSAGE, InboundKind.EDIT])
def test_a_command_that_waited_long_or_was_edited_is_still_understood(kind: InboundKind) -> None:
    event = Inbound("e", Source("web", "local", "c"), "key", kind, "run ls", sent_at=1.0)
    composed = compose((InboxRow(1, event, 1.0, 1),), 10_000.0).content
    assert composed != "run ls"
    assert parse(composed) == (Call("terminal", {"command": "ls"}),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[a] run ls",
        "hello",
        "run",
        "running late",
        "read",
        "write down that I am late",
        "write : nothing",
        "ask",
        "say",
        "count to three",
        "count to 0",
        "count to 10001",
        "count sheep",
        "think about it",
        "help me to move house",
        "please run ls",
        "read " + " and ".join("abcdefghij"),
    ],
)
def test_anything_else_is_unknown_and_not_guessed_at(text: str) -> None:
    assert parse(text) == (Unknown(text),)


@given(st.text(), st.sampled_from(["", "run ", "read ", "write ", "todo ", "ask ", "count to ", "think ", "[a]\n"]))
def test_any_text_is_understood_in_one_way(text: str, verb: str) -> None:
    commands = parse(verb + text)
    assert commands
    assert commands == parse(verb + text)
