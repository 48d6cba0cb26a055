"""Values of the house to columns, and back.

Rules:

1. Columns are written and read in the order of the ``*_COLUMNS`` tuples here, and nowhere else. They are few and on
   the hot path, so they are structured by hand; what is nested stands in one column as JSON, structured by cattrs.
2. Text that UTF-8 cannot hold (half a surrogate pair, out of a JSON escape) would fail every write of the turn that
   brings it. It is replaced by U+FFFD here, and whole pairs are joined.
3. An empty tuple is an empty column.
"""

import json
from collections.abc import Sequence
from typing import Any

from cattrs.preconf.json import make_converter

from hermes.asks import Ask, AskRequest, AskState
from hermes.events import ChatType, Inbound, InboundKind, Outbound, OutboundKind, Source
from hermes.home_channel import HomeChannel
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.store.background_interface import BackgroundRecord
from hermes.store.rows import InboxRow, Lease, OutboxRow, SessionInfo, TranscriptEntry

Value = str | int | float | None
"""What a column can hold."""

_json = make_converter()

_SOURCE = ("platform", "account", "chat_id", "chat_type", "thread_id", "user_id", "user_name")

INBOUND_COLUMNS = (
    "event_id", *_SOURCE, "session_key", "kind", "text", "sent_at", "message_id", "edited_at", "reply_to", "ask_id",
    "utterance", "more_within", "attachment",
)  # fmt: skip
INBOX_COLUMNS = (*INBOUND_COLUMNS, "id", "received_at")
OUTBOUND_COLUMNS = (
    "key", *_SOURCE, "session_key", "kind", "text", "reply_to", "answers", "turn_id", "ask_id", "choices", "part",
    "file", "voice",
)  # fmt: skip
OUTBOX_COLUMNS = (*OUTBOUND_COLUMNS, "id", "attempts", "message_id", "ambiguous")
MESSAGE_COLUMNS = (
    "role", "content", "tool_calls", "tool_call_id", "tool_name", "reasoning", "finish_reason", "reasoning_details",
)  # fmt: skip
ASK_COLUMNS = ("id", "turn_id", "call_id", "request", "deadline", "state", "answer")
BACKGROUND_COLUMNS = ("id", "owner", "session_key", *_SOURCE, "started_at", "command")
HOME_COLUMNS = (*_SOURCE, "session_key", "name")
LEASE_COLUMNS = ("id", "session_id", "session_key", "token")
SESSION_COLUMNS = (
    "id", "session_key", "source", "user_id", "title", "model", "started_at", "message_count",
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
)  # fmt: skip
ENTRY_COLUMNS = (
    "id", "kind", "text", "at", "key", "answers", "turn_id", "state", "tool", "choices", "ask_id", "answer",
)  # fmt: skip


def clean(text: str) -> str:
    """``text`` as UTF-8 can hold it; nearly always ``text`` itself."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def columns(names: Sequence[str], table: str = "") -> str:
    """A list of columns for a SELECT or an INSERT."""
    return ", ".join(f"{table}.{name}" if table else name for name in names)


def marks(count: int) -> str:
    """As many placeholders."""
    return ", ".join("?" * count)


def pack_names(names: tuple[str, ...]) -> str:
    return clean(json.dumps(names, ensure_ascii=False)) if names else ""


def unpack_names(column: str) -> tuple[str, ...]:
    return tuple(json.loads(column)) if column else ()


def _source_values(source: Source) -> tuple[str, ...]:
    return (
        clean(source.platform),
        clean(source.account),
        clean(source.chat_id),
        source.chat_type.value,
        clean(source.thread_id),
        clean(source.user_id),
        clean(source.user_name),
    )


def _source(values: Sequence[Any]) -> Source:
    platform, account, chat_id, chat_type, thread_id, user_id, user_name = values
    return Source(platform, account, chat_id, ChatType(chat_type), thread_id, user_id, user_name)


def inbound_values(event: Inbound) -> tuple[Value, ...]:
    """The values of ``INBOUND_COLUMNS``."""
    return (
        clean(event.event_id),
        *_source_values(event.source),
        clean(event.session_key),
        event.kind.value,
        clean(event.text),
        event.sent_at,
        clean(event.message_id),
        event.edited_at,
        clean(event.reply_to),
        clean(event.ask_id),
        clean(event.utterance),
        event.more_within,
        clean(event.attachment),
    )


def background_values(record: BackgroundRecord) -> tuple[Value, ...]:
    """The values of ``BACKGROUND_COLUMNS``."""
    return (
        clean(record.id),
        clean(record.owner),
        clean(record.session_key),
        *_source_values(record.source),
        record.started_at,
        clean(record.command),
    )


def background_record(values: Sequence[Any]) -> BackgroundRecord:
    """A row of ``BACKGROUND_COLUMNS``."""
    return BackgroundRecord(values[0], values[1], values[2], _source(values[3:10]), *values[10:])


def home_values(home: HomeChannel) -> tuple[Value, ...]:
    """The values of ``HOME_COLUMNS``."""
    return *_source_values(home.source), clean(home.session_key), clean(home.name)


def home_channel(values: Sequence[Any]) -> HomeChannel:
    """A row of ``HOME_COLUMNS``."""
    session_key, name = values[7:]
    return HomeChannel(_source(values[:7]), session_key, name, chosen=True)


def inbox_row(values: Sequence[Any], attempts: int) -> InboxRow:
    """A row of ``INBOX_COLUMNS``."""
    session_key, kind, *rest, row_id, received_at = values[8:]
    event = Inbound(values[0], _source(values[1:8]), session_key, InboundKind(kind), *rest)
    return InboxRow(row_id, event, received_at, attempts)


def outbound_values(message: Outbound) -> tuple[Value, ...]:
    """The values of ``OUTBOUND_COLUMNS``."""
    return (
        clean(message.key),
        *_source_values(message.source),
        clean(message.session_key),
        message.kind.value,
        clean(message.text),
        clean(message.reply_to),
        pack_names(message.answers),
        message.turn_id,
        message.ask_id,
        pack_names(message.choices),
        message.part,
        clean(message.file),
        message.voice,
    )


def outbox_row(values: Sequence[Any]) -> OutboxRow:
    """A row of ``OUTBOX_COLUMNS``."""
    (
        session_key,
        kind,
        text,
        reply_to,
        answers,
        turn_id,
        ask_id,
        choices,
        part,
        file,
        voice,
        row_id,
        attempts,
        message_id,
        ambiguous,
    ) = values[8:]
    message = Outbound(
        values[0], _source(values[1:8]), session_key, OutboundKind(kind), text, reply_to, unpack_names(answers),
        turn_id, ask_id, unpack_names(choices), part, file, bool(voice),
    )  # fmt: skip
    return OutboxRow(row_id, message, attempts, message_id, bool(ambiguous))


def message_values(message: Message) -> tuple[str, ...]:
    """The values of ``MESSAGE_COLUMNS``."""
    return (
        message.role.value,
        clean(message.content),
        _pack_calls(message.tool_calls),
        clean(message.tool_call_id),
        clean(message.tool_name),
        clean(message.reasoning),
        clean(message.finish_reason),
        clean(message.reasoning_details),
    )


def message(values: Sequence[Any]) -> Message:
    """A row of ``MESSAGE_COLUMNS``."""
    role, content, tool_calls, *rest = values
    return Message(Role(role), content, _unpack_calls(tool_calls), *rest)


def _pack_calls(calls: tuple[ToolCall, ...]) -> str:
    return clean(_json.dumps(calls, tuple[ToolCall, ...], ensure_ascii=False)) if calls else ""


def _unpack_calls(column: str) -> tuple[ToolCall, ...]:
    return _json.loads(column, tuple[ToolCall, ...]) if column else ()


def ask_values(ask: Ask) -> tuple[Value, ...]:
    """The values of ``ASK_COLUMNS``."""
    request = clean(_json.dumps(ask.request, AskRequest, ensure_ascii=False))
    return ask.id, ask.turn_id, ask.call_id, request, ask.deadline, ask.state.value, clean(ask.answer)


def ask(values: Sequence[Any]) -> Ask:
    """A row of ``ASK_COLUMNS``."""
    ask_id, turn_id, call_id, request, deadline, state, answer = values
    return Ask(ask_id, turn_id, call_id, _json.loads(request, AskRequest), deadline, AskState(state), answer)


def lease(values: Sequence[Any]) -> Lease:
    """A row of ``LEASE_COLUMNS``."""
    return Lease(*values)


def session_info(values: Sequence[Any]) -> SessionInfo:
    """A row of ``SESSION_COLUMNS``."""
    session_id, session_key, source, user_id, title, model, started_at, message_count, *tokens = values
    return SessionInfo(
        session_id, session_key, source, user_id, title or "", model, started_at, message_count, Usage(*tokens)
    )


def entry(values: Sequence[Any]) -> TranscriptEntry:
    """A row of ``ENTRY_COLUMNS``."""
    entry_id, kind, text, at, key, answers, turn_id, state, tool, choices, ask_id, answer = values
    return TranscriptEntry(
        entry_id,
        kind,
        text,
        at,
        key,
        unpack_names(answers),
        turn_id,
        state,
        tool,
        unpack_names(choices),
        ask_id,
        answer,
    )
