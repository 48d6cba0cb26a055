"""Full-text search over the visible messages.

Rules:

1. What a person types is never a syntax error: words and quoted phrases are found together, OR, AND and NOT between
   two of them work, a trailing * finds prefixes, and everything else is read as text.
2. A search finds nothing outside its reach.
3. A snippet is bounded, whatever stands around the hit.
"""

import json
import re
import sqlite3
from collections.abc import Iterator

from attrs import frozen

from hermes.store.engine.codec import clean
from hermes.store.found import Found, Reach

SNIPPET_CHARACTERS = 300
MAX_QUERY_CHARACTERS = 1000
MAX_TERMS = 32
"""FTS5 refuses expressions that are nested deeper than 256; nobody types more words than this."""

MAX_FOUND = 100

_OPEN, _CLOSE = ">>>", "<<<"
_SNIPPET_TOKENS = 24
_TERM = re.compile(r'"([^"]*)"|([^\s"]+)')
_OPERATORS = frozenset({"AND", "OR", "NOT"})

_WITHIN = """
    (:source IS NULL OR (sessions.source = :source AND sessions.user_id = :user_id AND sessions.shared = 0))
    AND (:session_key = '' OR sessions.session_key = :session_key)
"""
# Of the session that is left out, what a summary stands for is found: only that is not in front of who asks.
_NOT_IN_CONTEXT = """
    sessions.id <> :without OR EXISTS (
        SELECT 1 FROM compressions
        WHERE session_id = :without AND void = 0 AND messages.id > first AND messages.id <= until
    )
"""
_HITS = f"""
    SELECT messages.id, messages.session_id, coalesce(sessions.title, ''), messages.role, messages.timestamp
    FROM messages_fts
        JOIN messages ON messages.id = messages_fts.rowid JOIN sessions ON sessions.id = messages.session_id
    WHERE messages_fts MATCH :query AND {_WITHIN} AND ({_NOT_IN_CONTEXT})
        AND (:roles = '[]' OR messages.role IN (SELECT value FROM json_each(:roles)))
    ORDER BY messages_fts.rank, messages.id DESC LIMIT :limit
"""
_RECENT = f"""
    WITH latest AS (
        SELECT sessions.id AS id, coalesce(sessions.title, '') AS title,
            (
                SELECT timestamp FROM messages
                WHERE session_id = sessions.id AND hidden = 0 ORDER BY messages.id DESC LIMIT 1
            ) AS at
        FROM sessions WHERE {_WITHIN} AND sessions.id <> :without
    )
    SELECT id, title, at, (
        SELECT substr(content, 1, {SNIPPET_CHARACTERS}) FROM messages
        WHERE session_id = latest.id AND role = 'user' AND hidden = 0 ORDER BY messages.id LIMIT 1
    ) FROM latest WHERE at IS NOT NULL ORDER BY at DESC, id DESC LIMIT :limit
"""
# Apart from the query above, which would make one of each hit before it orders them.
_SNIPPET = f"""
    SELECT snippet(messages_fts, -1, '{_OPEN}', '{_CLOSE}', '…', {_SNIPPET_TOKENS})
    FROM messages_fts WHERE messages_fts MATCH ? AND rowid = ?
"""


def search(connection: sqlite3.Connection, query: str, reach: Reach, limit: int) -> tuple[Found, ...]:
    expression = match_expression(query)
    if not expression:
        return ()
    hits = connection.execute(_HITS, _values(reach, limit) | {"query": expression})
    return tuple(
        Found(session_id, title, role, _snippet(connection, expression, message_id), at)
        for message_id, session_id, title, role, at in hits.fetchall()
    )


def recent(connection: sqlite3.Connection, reach: Reach, limit: int) -> tuple[Found, ...]:
    rows = connection.execute(_RECENT, _values(reach, limit))
    return tuple(Found(session_id, title, "user", begun or "", at) for session_id, title, at, begun in rows)


def _values(reach: Reach, limit: int) -> dict[str, object]:
    source, user_id = reach.user or (None, None)
    return {
        "source": source,
        "user_id": user_id,
        "session_key": reach.session_key,
        "without": reach.without,
        "roles": json.dumps(reach.roles),
        "limit": max(0, min(limit, MAX_FOUND)),
    }


def _snippet(connection: sqlite3.Connection, expression: str, message_id: int) -> str:
    return _bounded(connection.execute(_SNIPPET, (expression, message_id)).fetchone()[0])


@frozen
class _Term:
    text: str
    operator: bool = False


def match_expression(query: str) -> str:
    """What a person typed, as an FTS5 expression; empty when there is nothing in it to look for."""
    wanted: list[str] = []
    operator = ""
    for term in _terms(clean(query[:MAX_QUERY_CHARACTERS]).replace("\0", " ")):
        if term.operator:
            operator = term.text
        elif len(wanted) < 2 * MAX_TERMS - 1:
            wanted += [operator or "AND", term.text] if wanted else [term.text]
            operator = ""
    return " ".join(wanted)


def _terms(query: str) -> Iterator[_Term]:
    """Words and phrases in quotes, as FTS5 strings; a quote without its partner is dropped."""
    for match in _TERM.finditer(query):
        phrase, word = match.group(1), match.group(2)
        if word in _OPERATORS:
            yield _Term(word, operator=True)
        elif phrase is not None and _has_token(phrase):
            yield _Term(f'"{phrase}"')
        elif word is not None and _has_token(word):
            prefix = " *" if word.endswith("*") else ""
            yield _Term(f'"{word}"{prefix}')


def _has_token(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _bounded(snippet: str) -> str:
    """At most ``SNIPPET_CHARACTERS`` around the first hit, its marks kept."""
    if len(snippet) <= SNIPPET_CHARACTERS:
        return snippet
    hit = max(0, snippet.find(_OPEN))
    start = max(0, min(hit - SNIPPET_CHARACTERS // 3, len(snippet) - SNIPPET_CHARACTERS))
    cut = snippet[start : start + SNIPPET_CHARACTERS]
    # A hit longer than the snippet, or one that begins at its end, loses its closing mark.
    if cut.count(_OPEN) > cut.count(_CLOSE):
        cut = cut[: SNIPPET_CHARACTERS - len(_CLOSE)].removesuffix("<").removesuffix("<") + _CLOSE
    return cut
