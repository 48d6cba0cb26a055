import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st

from hermes.asks import Ask, AskKind, AskRequest, AskState
from hermes.events import ChatType, Inbound, InboundKind, Outbound, OutboundKind, Source
from hermes.messages import Message, Role, ToolCall
from hermes.store.engine import codec

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ANY_TEXT = st.text(st.characters(), max_size=20)
NUMBER = st.floats(0, 2e9)
SOURCES = st.builds(Source, TEXT, TEXT, TEXT, st.sampled_from(ChatType), TEXT, TEXT, TEXT)
INBOUND = st.builds(
    Inbound,
    TEXT,
    SOURCES,
    TEXT,
    st.sampled_from(InboundKind),
    TEXT,
    NUMBER,
    TEXT,
    st.none() | NUMBER,
    TEXT,
    TEXT,
    TEXT,
)
NAMES = st.lists(TEXT, max_size=3).map(tuple)
OUTBOUND = st.builds(
    Outbound,
    TEXT,
    SOURCES,
    TEXT,
    st.sampled_from(OutboundKind),
    TEXT,
    TEXT,
    NAMES,
    TEXT,
    TEXT,
    NAMES,
    st.integers(0, 9),
)
CALLS = st.lists(st.builds(ToolCall, TEXT, TEXT, TEXT), max_size=3).map(tuple)
MESSAGES = st.builds(Message, st.sampled_from(Role), TEXT, CALLS, TEXT, TEXT, TEXT, TEXT, TEXT)
REQUESTS = st.builds(AskRequest, st.sampled_from(AskKind), TEXT, NAMES, NUMBER, TEXT, TEXT)
ASKS = st.builds(Ask, TEXT, TEXT, TEXT, REQUESTS, NUMBER, st.sampled_from(AskState), TEXT)


@given(INBOUND)
def test_an_event_comes_back_as_it_went(event: Inbound) -> None:
    row = codec.inbox_row((*codec.inbound_values(event), 7, 5.0), attempts=2)
    assert (row.event, row.id, row.received_at, row.attempts) == (event, 7, 5.0, 2)


@given(OUTBOUND)
def test_a_message_to_a_platform_comes_back_as_it_went(message: Outbound) -> None:
    row = codec.outbox_row((*codec.outbound_values(message), 7, 1, "m1", 1))
    assert (row.message, row.id, row.attempts, row.message_id, row.ambiguous) == (message, 7, 1, "m1", True)


@given(MESSAGES)
def test_a_message_of_a_transcript_comes_back_as_it_went(message: Message) -> None:
    assert codec.message(codec.message_values(message)) == message


@given(ASKS)
def test_a_question_comes_back_as_it_went(ask: Ask) -> None:
    assert codec.ask(codec.ask_values(ask)) == ask


@given(ANY_TEXT)
def test_cleaned_text_can_always_be_written_and_is_clean(text: str) -> None:
    clean = codec.clean(text)
    clean.encode()
    assert codec.clean(clean) == clean


@given(TEXT)
def test_clean_text_stays_as_it_is(text: str) -> None:
    assert codec.clean(text) == text


@given(st.lists(ANY_TEXT, max_size=3).map(tuple))
def test_names_with_half_pairs_stay_readable(names: tuple[str, ...]) -> None:
    assert codec.unpack_names(codec.pack_names(names)) == tuple(map(codec.clean, names))


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        (Message, codec.MESSAGE_COLUMNS),
        (Ask, codec.ASK_COLUMNS),
        (Inbound, codec.INBOUND_COLUMNS),
        (Outbound, codec.OUTBOUND_COLUMNS),
    ],
)
def test_every_field_has_a_column(kind: type, columns: tuple[str, ...]) -> None:
    """A field that is added to one of these must not be lost in silence."""
    expanded = {field.name for field in fields(kind)} - {"source"}
    if "source" in {field.name for field in fields(kind)}:
        expanded |= {field.name for field in fields(Source)}
    assert expanded == set(columns)
