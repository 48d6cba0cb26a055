"""The tables of state.db, as data.

Rules:

1. ``SCHEMA_VERSION`` is raised by a change that an older program could not live with, and such a change brings a
   step in migrations.py. A new column with a default needs neither: it is added when a file is opened.
2. Text that may be long is the last column of its table, so that reading the others never walks its overflow pages.
3. A query uses a partial index only if it repeats the index's condition word for word.
4. ``sessions`` and ``messages`` keep the column names of the established product, so that its users' queries work.
5. Ids of inbox, outbox, messages and entries are never used again (AUTOINCREMENT): they are told to other programs.
"""

from attrs import frozen

SCHEMA_VERSION = 1

INDEXED_CHARACTERS = 16_384
"""How much of a message the search knows: the longest tool results would cost more to index than all else of a turn."""


@frozen
class Table:
    """One table: its columns in order, each with its declaration, and what stands behind them."""

    name: str
    columns: tuple[tuple[str, str], ...]
    constraints: tuple[str, ...] = ()
    options: str = "STRICT"

    @property
    def statement(self) -> str:
        lines = [f"{name} {declaration}" for name, declaration in self.columns]
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({', '.join((*lines, *self.constraints))}) {self.options}"


_TEXT = "TEXT NOT NULL DEFAULT ''"
_INTEGER = "INTEGER NOT NULL DEFAULT 0"
_REAL = "REAL NOT NULL DEFAULT 0"
_KEY = "INTEGER PRIMARY KEY AUTOINCREMENT"

_SOURCE = (
    ("platform", _TEXT),
    ("account", _TEXT),
    ("chat_id", _TEXT),
    ("chat_type", "TEXT NOT NULL DEFAULT 'dm'"),
    ("thread_id", _TEXT),
    ("user_id", _TEXT),
    ("user_name", _TEXT),
)

COUNTERS = Table("counters", (("name", "TEXT PRIMARY KEY"), ("value", _INTEGER)), options="STRICT, WITHOUT ROWID")

SESSIONS = Table(
    "sessions",
    (
        ("id", "TEXT PRIMARY KEY"),
        ("session_key", _TEXT),
        ("source", _TEXT),
        ("user_id", _TEXT),
        ("shared", _INTEGER),
        ("model", _TEXT),
        ("parent_session_id", "TEXT"),
        ("started_at", _REAL),
        ("ended_at", "REAL"),
        ("end_reason", "TEXT"),
        ("message_count", _INTEGER),
        ("tool_call_count", _INTEGER),
        ("input_tokens", _INTEGER),
        ("output_tokens", _INTEGER),
        ("cache_read_tokens", _INTEGER),
        ("cache_write_tokens", _INTEGER),
        ("reasoning_tokens", _INTEGER),
        ("title", "TEXT"),
        ("system_prompt", "TEXT"),
    ),
)

CURRENT_SESSIONS = Table(
    "current_sessions",
    (("session_key", "TEXT PRIMARY KEY"), ("session_id", "TEXT NOT NULL REFERENCES sessions(id)")),
    options="STRICT, WITHOUT ROWID",
)

SESSION_STATE = Table(
    "session_state",
    (("session_id", "TEXT NOT NULL REFERENCES sessions(id)"), ("key", "TEXT NOT NULL"), ("value", _TEXT)),
    ("PRIMARY KEY (session_id, key)",),
)

MESSAGES = Table(
    "messages",
    (
        ("id", _KEY),
        ("session_id", "TEXT NOT NULL REFERENCES sessions(id)"),
        ("turn_id", _TEXT),
        ("position", _INTEGER),
        ("hidden", _INTEGER),
        ("role", _TEXT),
        ("tool_call_id", _TEXT),
        ("tool_name", _TEXT),
        ("timestamp", _REAL),
        ("token_count", _INTEGER),
        ("finish_reason", _TEXT),
        ("content", _TEXT),
        ("tool_calls", _TEXT),
        ("reasoning", _TEXT),
        ("reasoning_details", _TEXT),
    ),
    ("UNIQUE (turn_id, position)",),
)

COMPRESSIONS = Table(
    "compressions",
    (
        ("id", _KEY),
        ("key", "TEXT NOT NULL UNIQUE"),
        ("session_id", "TEXT NOT NULL REFERENCES sessions(id)"),
        ("turn_id", _TEXT),
        ("first", _INTEGER),
        ("until", _INTEGER),
        ("void", _INTEGER),
        ("created_at", _REAL),
        ("summary", _TEXT),
    ),
)

ENTRIES = Table(
    "entries",
    (
        ("id", _KEY),
        ("session_key", _TEXT),
        ("session_id", _TEXT),
        ("turn_id", _TEXT),
        ("kind", _TEXT),
        ("key", _TEXT),
        ("at", _REAL),
        ("state", _TEXT),
        ("hidden", _INTEGER),
        ("tool", _TEXT),
        ("ask_id", _TEXT),
        ("answers", _TEXT),
        ("choices", _TEXT),
        ("answer", _TEXT),
        ("text", _TEXT),
    ),
)

INBOX = Table(
    "inbox",
    (
        ("id", _KEY),
        ("event_id", "TEXT NOT NULL"),
        *_SOURCE,
        ("session_key", _TEXT),
        ("kind", _TEXT),
        ("sent_at", _REAL),
        ("message_id", _TEXT),
        ("edited_at", "REAL"),
        ("reply_to", _TEXT),
        ("ask_id", _TEXT),
        ("utterance", _TEXT),
        ("more_within", _REAL),
        ("received_at", _REAL),
        ("state", "TEXT NOT NULL DEFAULT 'pending'"),
        ("turn_id", "TEXT"),
        ("joined_by", _TEXT),
        ("result", _TEXT),
        ("settled_at", "REAL"),
        ("entry_id", "INTEGER"),
        ("attachment", _TEXT),
        ("text", _TEXT),
    ),
    ("UNIQUE (platform, account, event_id)",),
)

TURNS = Table(
    "turns",
    (
        ("id", "TEXT PRIMARY KEY"),
        ("session_id", "TEXT NOT NULL REFERENCES sessions(id)"),
        ("session_key", _TEXT),
        ("platform", _TEXT),
        ("account", _TEXT),
        ("owner", _TEXT),
        ("token", _INTEGER),
        ("state", "TEXT NOT NULL DEFAULT 'running'"),
        ("reason", _TEXT),
        ("attempts", _INTEGER),
        ("claimed_by", _TEXT),
        ("message_count", _INTEGER),
        ("begun_at", _REAL),
        ("touched_at", _REAL),
        ("ended_at", "REAL"),
        ("input_tokens", _INTEGER),
        ("output_tokens", _INTEGER),
        ("cache_read_tokens", _INTEGER),
        ("cache_write_tokens", _INTEGER),
        ("reasoning_tokens", _INTEGER),
    ),
)

CALLS = Table(
    "calls",
    (("turn_id", "TEXT NOT NULL"), ("call_id", "TEXT NOT NULL"), ("name", _TEXT), ("started_at", _REAL)),
    ("PRIMARY KEY (turn_id, call_id)",),
    "STRICT, WITHOUT ROWID",
)

ASKS = Table(
    "asks",
    (
        ("id", "TEXT PRIMARY KEY"),
        ("turn_id", "TEXT NOT NULL"),
        ("session_key", _TEXT),
        ("call_id", _TEXT),
        ("opened_at", _REAL),
        ("deadline", _REAL),
        ("state", "TEXT NOT NULL DEFAULT 'open'"),
        ("settled_at", "REAL"),
        ("answer", _TEXT),
        ("request", _TEXT),
    ),
)

OUTBOX = Table(
    "outbox",
    (
        ("id", _KEY),
        ("key", "TEXT NOT NULL UNIQUE"),
        *_SOURCE,
        ("session_key", _TEXT),
        ("kind", _TEXT),
        ("reply_to", _TEXT),
        ("answers", _TEXT),
        ("turn_id", _TEXT),
        ("ask_id", _TEXT),
        ("choices", _TEXT),
        ("part", _INTEGER),
        ("file", _TEXT),
        ("voice", _INTEGER),
        ("state", "TEXT NOT NULL DEFAULT 'pending'"),
        ("token", _INTEGER),
        ("message_id", _TEXT),
        ("ambiguous", _INTEGER),
        ("attempts", _INTEGER),
        ("not_before", _REAL),
        ("deferred_at", _REAL),
        ("reason", _TEXT),
        ("created_at", _REAL),
        ("settled_at", "REAL"),
        ("entry_id", "INTEGER"),
        ("text", _TEXT),
    ),
)

DELIVERIES = Table(
    "deliveries",
    (("platform", "TEXT NOT NULL"), ("account", "TEXT NOT NULL"), ("token", _INTEGER)),
    ("PRIMARY KEY (platform, account)",),
    "STRICT, WITHOUT ROWID",
)

MODEL_CALLS = Table(
    "model_calls",
    (
        ("key", "TEXT PRIMARY KEY"),
        ("session_id", _TEXT),
        ("turn_id", _TEXT),
        ("at", _REAL),
        ("ended_at", "REAL"),
        ("state", "TEXT NOT NULL DEFAULT 'open'"),
        ("provider", _TEXT),
        ("model", _TEXT),
        ("input_tokens", _INTEGER),
        ("output_tokens", _INTEGER),
        ("cache_read_tokens", _INTEGER),
        ("cache_write_tokens", _INTEGER),
        ("reasoning_tokens", _INTEGER),
    ),
)

BACKGROUND = Table(
    "background",
    (
        ("id", "TEXT PRIMARY KEY"),
        ("owner", _TEXT),
        ("session_key", _TEXT),
        *_SOURCE,
        ("started_at", _REAL),
        ("command", _TEXT),
    ),
)

HOME_CHANNELS = Table(
    "home_channels",
    (*_SOURCE, ("session_key", _TEXT), ("name", _TEXT), ("set_at", _REAL)),
    ("PRIMARY KEY (platform, account)",),
)

RESPONSES = Table(
    "responses",
    (("id", "TEXT PRIMARY KEY"), ("session_id", _TEXT), ("turn_id", _TEXT), ("used_at", _REAL), ("body", _TEXT)),
)

TABLES = (
    COUNTERS,
    SESSIONS,
    CURRENT_SESSIONS,
    SESSION_STATE,
    MESSAGES,
    COMPRESSIONS,
    ENTRIES,
    INBOX,
    TURNS,
    CALLS,
    ASKS,
    OUTBOX,
    DELIVERIES,
    MODEL_CALLS,
    BACKGROUND,
    RESPONSES,
    HOME_CHANNELS,
)

INDEXES = (
    "CREATE UNIQUE INDEX IF NOT EXISTS sessions_title ON sessions(title) WHERE title IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS sessions_started ON sessions(started_at)",
    "CREATE INDEX IF NOT EXISTS messages_session ON messages(session_id)",
    "CREATE INDEX IF NOT EXISTS compressions_session ON compressions(session_id) WHERE void = 0",
    "CREATE INDEX IF NOT EXISTS entries_session ON entries(session_id) WHERE session_id <> ''",
    "CREATE INDEX IF NOT EXISTS entries_loose ON entries(session_key) WHERE session_id = ''",
    "CREATE INDEX IF NOT EXISTS entries_turn ON entries(turn_id) WHERE turn_id <> ''",
    "CREATE INDEX IF NOT EXISTS inbox_pending ON inbox(session_key) WHERE state = 'pending'",
    "CREATE INDEX IF NOT EXISTS inbox_dead ON inbox(session_key) WHERE state = 'dead'",
    "CREATE INDEX IF NOT EXISTS inbox_files ON inbox(platform, account) WHERE attachment <> ''",
    "CREATE INDEX IF NOT EXISTS inbox_turn ON inbox(turn_id) WHERE turn_id IS NOT NULL",
    # One running turn a session, whatever the key: the schema itself refuses a second one.
    "CREATE UNIQUE INDEX IF NOT EXISTS turns_running ON turns(session_id) WHERE state = 'running'",
    "CREATE INDEX IF NOT EXISTS turns_running_key ON turns(session_key) WHERE state = 'running'",
    "CREATE INDEX IF NOT EXISTS asks_turn ON asks(turn_id)",
    "CREATE INDEX IF NOT EXISTS asks_open ON asks(session_key) WHERE state = 'open'",
    "CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox(platform, account, chat_id, thread_id)"
    " WHERE state IN ('pending', 'sending')",
    "CREATE INDEX IF NOT EXISTS outbox_drafts ON outbox(turn_id) WHERE state = 'draft'",
    "CREATE INDEX IF NOT EXISTS model_calls_turn ON model_calls(turn_id)",
    "CREATE INDEX IF NOT EXISTS model_calls_session ON model_calls(session_id)",
    "CREATE INDEX IF NOT EXISTS model_calls_at ON model_calls(at)",
    "CREATE INDEX IF NOT EXISTS outbox_failed ON outbox(session_key) WHERE state IN ('failed', 'dead')",
)

# The index of the search holds the visible messages and nothing else: hiding one takes it out. It is an external
# content table, so a row must leave it with the very text that it came in with, which the view guarantees.
SEARCH = (
    "CREATE VIEW IF NOT EXISTS messages_visible AS"
    f" SELECT id, substr(content, 1, {INDEXED_CHARACTERS}) AS content, tool_name FROM messages WHERE hidden = 0",
    "CREATE VIRTUAL TABLE IF NOT EXISTS messages_fts USING fts5("
    "content, tool_name, content='messages_visible', content_rowid='id', tokenize='unicode61 remove_diacritics 2')",
    "CREATE TRIGGER IF NOT EXISTS messages_fts_insert AFTER INSERT ON messages WHEN new.hidden = 0 BEGIN"
    " INSERT INTO messages_fts(rowid, content, tool_name)"
    f" VALUES (new.id, substr(new.content, 1, {INDEXED_CHARACTERS}), new.tool_name); END",
    "CREATE TRIGGER IF NOT EXISTS messages_fts_leave BEFORE UPDATE OF content, tool_name, hidden ON messages"
    " WHEN old.hidden = 0 BEGIN INSERT INTO messages_fts(messages_fts, rowid, content, tool_name)"
    f" VALUES ('delete', old.id, substr(old.content, 1, {INDEXED_CHARACTERS}), old.tool_name); END",
    "CREATE TRIGGER IF NOT EXISTS messages_fts_return AFTER UPDATE OF content, tool_name, hidden ON messages"
    " WHEN new.hidden = 0 BEGIN INSERT INTO messages_fts(rowid, content, tool_name)"
    f" VALUES (new.id, substr(new.content, 1, {INDEXED_CHARACTERS}), new.tool_name); END",
    "CREATE TRIGGER IF NOT EXISTS messages_fts_delete BEFORE DELETE ON messages WHEN old.hidden = 0 BEGIN"
    " INSERT INTO messages_fts(messages_fts, rowid, content, tool_name)"
    f" VALUES ('delete', old.id, substr(old.content, 1, {INDEXED_CHARACTERS}), old.tool_name); END",
)
