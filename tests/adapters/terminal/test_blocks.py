import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.terminal.asks import OpenAsk
from adapters.terminal.blocks import (
    Answered,
    Asked,
    Noticed,
    Remark,
    Said,
    ToolUsed,
    arguments_line,
    last_exchanges,
    of_entry,
    of_outbound,
)
from adapters.terminal.chats import session_key, source
from hermes.events import OutboundKind
from hermes.store.rows import TranscriptEntry
from tests.adapters.fakehost import outbound


def entry(kind: str, text: str, number: int = 1, **more: str) -> TranscriptEntry:
    return TranscriptEntry(number, kind, text, 0.0, f"k{number}", **more)


@pytest.mark.parametrize(
    ("found", "blocks"),
    [
        (entry("user", "hi"), (Said("hi"),)),
        (entry("answer", "*yes*"), (Answered("*yes*"),)),
        (entry("notice", "Stopped."), (Noticed("Stopped."),)),
        (entry("tool", "{}", tool="todo"), (ToolUsed("todo", "{}"),)),
        (entry("ask", "Q?", state="open", ask_id="a"), (Asked(OpenAsk("a", "Q?", "", ())),)),
        (
            entry("ask", "Q?", state="answered", ask_id="a", answer="once"),
            (Asked(OpenAsk("a", "Q?", "", ())), Remark("answered: once")),
        ),
        (
            entry("ask", "Q?", state="expired", ask_id="a"),
            (Asked(OpenAsk("a", "Q?", "", ())), Remark("expired")),
        ),
        (entry("hologram", "?"), ()),
    ],
)
def test_each_kind_of_entry_has_its_look(found: TranscriptEntry, blocks: tuple[object, ...]) -> None:
    assert of_entry(found) == blocks


@pytest.mark.parametrize("kind", list(OutboundKind))
def test_what_is_delivered_looks_as_its_entry_does_later(kind: OutboundKind) -> None:
    message = outbound(source("s"), session_key("s"), "text", kind=kind, ask_id="a" if kind is OutboundKind.ASK else "")
    assert (of_outbound(message),) == of_entry(entry(kind.value, "text", ask_id=message.ask_id, state="open"))


def test_the_last_exchanges_begin_with_what_the_person_said() -> None:
    entries = [entry("answer", "before", 0)]
    for number in range(1, 8):
        entries += [
            entry("user", f"q{number}", 3 * number),
            entry("tool", "", 3 * number + 1),
            entry("answer", "a", 3 * number + 2),
        ]
    shown = last_exchanges(entries, 2)
    assert [each.text for each in shown] == ["q6", "", "a", "q7", "", "a"]
    assert last_exchanges(entries, 7)[0].text == "before"
    assert last_exchanges([], 2) == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ('{"command": "ls -la", "timeout": 3}', "ls -la"),
        ('{"command": "echo \\"hi\\"\\nrm x"}', 'echo "hi"\nrm x'),
        ('{"command": "cut in the mid', "cut in the mid"),
        ('{"command": "cut in an escape \\', "cut in an escape "),
        ('{"command": "cut in an escape \\u00', "cut in an escape \\u00"),
        ('{"lines": 3}', '{"lines": 3}'),
        ("{}", ""),
        ("", ""),
        ("no json", "no json"),
    ],
)
def test_a_calls_line_says_what_it_is_about(arguments: str, line: str) -> None:
    assert arguments_line(arguments) == line


@given(st.text(), st.integers(0, 300))
def test_arguments_may_be_cut_anywhere(text: str, length: int) -> None:
    arguments_line(json.dumps({"command": text})[:length])
