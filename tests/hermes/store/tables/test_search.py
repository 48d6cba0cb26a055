import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.events import Source
from hermes.messages import Message, Role, Usage
from hermes.store.engine.database import Database, Operation
from hermes.store.engine.schema import INDEXED_CHARACTERS
from hermes.store.found import Reach
from hermes.store.rows import TurnOutcome
from hermes.store.store import SqliteStore
from hermes.store.tables import messages, search
from hermes.store.tables.search import MAX_TERMS, SNIPPET_CHARACTERS, match_expression
from hermes.store.tables.search import _bounded as bounded
from tests.hermes.store.builders import KEY, NOW, begin, claimed, command, event, exchange, notice, says


async def texts(store: SqliteStore, query: str, user: tuple[str, str] | None = None) -> list[str]:
    return sorted(found.snippet for found in await store.search(query, Reach(user)))


async def test_a_hit_tells_where_it_was_said(store: SqliteStore) -> None:
    turn = await exchange(store, "e1", "where is the harbour?", "it is to the north")
    (found,) = await store.search("north", Reach())
    assert (found.session_id, found.role, found.snippet) == (
        turn.lease.session_id,
        "assistant",
        "it is to the >>>north<<<",
    )
    assert (found.title, found.at) == ("", NOW)


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("apple", ["apple pie", "apple tart"]),
        ("apple tart", ["apple tart"]),
        ("APPLE", ["apple pie", "apple tart"]),
        ("pie OR tart", ["apple pie", "apple tart"]),
        ("apple NOT pie", ["apple tart"]),
        ("apple AND pie", ["apple pie"]),
        ('"apple pie"', ["apple pie"]),
        ('"pie apple"', []),
        ("app*", ["apple pie", "apple tart"]),
        ("well-known", ["a well-known thing"]),
        ("creme", ["crème brûlée"]),
        ('"apple pie', ["apple pie"]),
        ("OR apple AND", ["apple pie", "apple tart"]),
        ("-", []),
        ("", []),
        ('""', []),
    ],
)
async def test_what_is_typed_is_found(store: SqliteStore, query: str, hits: list[str]) -> None:
    turn = await begin(store, "e1", "x")
    said = ("apple pie", "apple tart", "a well-known thing", "crème brûlée")
    await store.append(turn.lease, 1, tuple(map(says, said)), Usage(), NOW)
    found = [snippet.replace(">>>", "").replace("<<<", "") for snippet in await texts(store, query)]
    assert found == hits


async def test_the_name_of_a_tool_is_found(store: SqliteStore) -> None:
    turn = await begin(store, "e1", "x")
    message = Message(Role.TOOL, "a file", tool_call_id="c1", tool_name="terminal")
    await store.append(turn.lease, 1, (message,), Usage(), NOW)
    assert [found.role for found in await store.search("terminal", Reach())] == ["tool"]


async def test_hidden_messages_are_not_found(store: SqliteStore, database: Database) -> None:
    await exchange(store, "e1", "a secret harbour", "noted")
    row_id = (await store.accept(command("undo"), NOW)).row_id
    await store.undo(row_id, KEY, notice("n1"), notice("n2"), NOW)
    assert await texts(store, "harbour") == []
    check_index(database)


async def test_users_find_their_own_sessions_only(store: SqliteStore) -> None:
    for name in ("ada", "grace"):
        source = Source("web", "local", name, user_id=name)
        await store.accept(event(name, f"the harbour of {name}", key=name, source=source), NOW)
        await claimed(store, name)
    assert await texts(store, "harbour", ("web", "ada")) == ["the >>>harbour<<< of ada"]
    assert await texts(store, "harbour", ("irc", "ada")) == []
    assert await texts(store, "harbour", ("web", "")) == []
    assert len(await texts(store, "harbour")) == 2


async def test_the_number_of_hits_is_bounded(store: SqliteStore) -> None:
    turn = await begin(store, "e1", "x")
    await store.append(turn.lease, 1, tuple(says(f"word {number}") for number in range(5)), Usage(), NOW)
    assert len(await store.search("word", Reach(), limit=2)) == 2
    assert await store.search("word", Reach(), limit=-1) == ()


async def test_a_snippet_is_bounded_around_the_hit(store: SqliteStore) -> None:
    turn = await begin(store, "e1", "x")
    long = "y" * 400
    await store.finish(turn.lease, 1, (says(f"{long} harbour {long}"),), (), TurnOutcome.DONE, Usage(), NOW)
    (found,) = await store.search("harbour", Reach())
    assert len(found.snippet) == SNIPPET_CHARACTERS
    assert ">>>harbour<<<" in found.snippet


async def test_the_index_knows_the_beginning_of_a_long_message(store: SqliteStore, database: Database) -> None:
    turn = await begin(store, "e1", "x")
    text = "early " + "filler " * INDEXED_CHARACTERS + "tardy"
    await store.append(turn.lease, 1, (says(text),), Usage(), NOW)
    assert len(await texts(store, "early")) == 1
    assert await texts(store, "tardy") == []
    check_index(database)


async def test_a_corrected_or_deleted_message_leaves_no_trace_in_the_index(
    store: SqliteStore, database: Database
) -> None:
    await exchange(store, "e1", "apple", "pear")
    database.connection.execute("UPDATE messages SET content = 'cherry' WHERE content = 'apple'")
    assert await texts(store, "apple") == []
    assert len(await texts(store, "cherry")) == 1
    database.connection.execute("UPDATE messages SET hidden = 1")
    database.connection.execute("UPDATE messages SET hidden = 0 WHERE content = 'cherry'")
    database.connection.execute("DELETE FROM messages WHERE content = 'pear'")
    assert len(await texts(store, "cherry")) == 1
    check_index(database)
    database.connection.execute("DELETE FROM messages")
    assert await texts(store, "cherry OR pear") == []
    check_index(database)


def test_an_operation_that_fails_in_a_batch_leaves_the_index_sound(database: Database) -> None:
    def say(text: str, *, fails: bool = False) -> Operation:
        def operation(connection: sqlite3.Connection) -> None:
            messages.add(connection, "s", text, 0, (says(text),), Usage(), NOW)
            if fails:
                raise ZeroDivisionError

        return operation

    database.commit([lambda connection: connection.execute("INSERT INTO sessions (id) VALUES ('s')").rowcount])
    database.commit([say("apple"), say("pear", fails=True), say("cherry")])
    database.commit([say("plum", fails=True)])
    found = search.search(database.connection, "apple OR pear OR cherry OR plum", Reach(), 10)
    assert sorted(each.snippet for each in found) == [">>>apple<<<", ">>>cherry<<<"]
    check_index(database)


def check_index(database: Database) -> None:
    """FTS5's own comparison of the index with what it stands for; raises when they differ."""
    database.connection.execute("INSERT INTO messages_fts(messages_fts, rank) VALUES ('integrity-check', 1)")


@pytest.fixture(scope="module")
def index() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(content, tokenize='unicode61 remove_diacritics 2')")
    connection.execute("INSERT INTO t VALUES ('some words to find')")
    yield connection
    connection.close()


PIECES = st.sampled_from(
    ['"', "'", "*", "-", "(", ")", ":", "^", "NEAR", "AND", "OR", "NOT", "+", "{", "\0", " ", ",", "x"]
)
QUERIES = (
    st.text(max_size=50) | st.lists(PIECES, max_size=40).map("".join) | st.lists(PIECES, max_size=40).map(" ".join)
)


@given(query=QUERIES)
def test_no_query_is_a_syntax_error(index: sqlite3.Connection, query: str) -> None:
    expression = match_expression(query)
    if expression:
        index.execute("SELECT * FROM t WHERE t MATCH ?", (expression,)).fetchall()


@given(words=st.lists(st.sampled_from(["some", "words", "to", "find"]), min_size=1, max_size=6))
def test_words_that_stand_there_are_found_in_any_order(index: sqlite3.Connection, words: list[str]) -> None:
    found = index.execute("SELECT * FROM t WHERE t MATCH ?", (match_expression(" ".join(words)),)).fetchall()
    assert len(found) == 1


def test_a_query_is_bounded_in_length_and_terms(index: sqlite3.Connection) -> None:
    expression = match_expression("find " * 10_000)
    assert expression.count('"find"') == MAX_TERMS
    assert len(index.execute("SELECT * FROM t WHERE t MATCH ?", (expression,)).fetchall()) == 1
    assert match_expression(" " * 1000 + "beyond") == ""


@given(snippet=st.lists(st.sampled_from(["x" * 90, "x", ">>>", "<<<", "word ", "…"]), max_size=30).map("".join))
def test_a_bounded_snippet_closes_what_it_opens(snippet: str) -> None:
    found = bounded(snippet)
    assert len(found) <= SNIPPET_CHARACTERS
    if snippet.count(">>>") <= snippet.count("<<<"):
        assert found.count(">>>") <= found.count("<<<") + snippet.count("<<<")


def test_a_hit_that_is_longer_than_a_snippet_keeps_both_marks() -> None:
    found = bounded(">>>" + "x" * 1000 + "<<<")
    assert found.startswith(">>>")
    assert found.endswith("<<<")
    assert len(found) == SNIPPET_CHARACTERS


async def test_a_search_keeps_to_a_key_to_roles_and_away_from_a_session(store: SqliteStore) -> None:
    first = await exchange(store, "e1", "apple", "apple pie", key="one")
    await exchange(store, "e2", "apple", "apple tart", key="two")
    assert len(await store.search("apple", Reach())) == 4
    assert {found.session_id for found in await store.search("apple", Reach(session_key="one"))} == {
        first.lease.session_id
    }
    assert [found.role for found in await store.search("tart", Reach(roles=("assistant", "tool")))] == ["assistant"]
    assert await store.search("tart", Reach(roles=("user",))) == ()
    assert len(await store.search("apple", Reach(without=first.lease.session_id))) == 2


async def test_the_sessions_that_were_last_spoken_in_come_first_with_how_they_began(store: SqliteStore) -> None:
    one = await exchange(store, "e1", "first words", "an answer", key="one")
    two = await exchange(store, "e2", "other words", "an answer", key="two", now=NOW + 10)
    assert [(f.session_id, f.snippet) for f in await store.recent(Reach())] == [
        (two.lease.session_id, "other words"),
        (one.lease.session_id, "first words"),
    ]
    await exchange(store, "e3", "more words", "an answer", key="one", now=NOW + 20)
    assert [found.snippet for found in await store.recent(Reach())] == ["first words", "other words"]
    assert [found.snippet for found in await store.recent(Reach(), limit=1)] == ["first words"]
    assert [found.snippet for found in await store.recent(Reach(session_key="two"))] == ["other words"]
    assert [found.snippet for found in await store.recent(Reach(without=one.lease.session_id))] == ["other words"]
    assert len(await store.recent(Reach(("web", "ada")))) == 2
    assert await store.recent(Reach(("web", "bob"))) == await store.recent(Reach(), limit=-1) == ()
