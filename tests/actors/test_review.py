"""The end of `hermes chat -q`: an answer that is there is not kept from the person."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from actors.assembly import Program
from actors.chat import ask
from adapters.terminal.chats import typed
from adapters.terminal.outgoing import Outgoing
from adapters.terminal.query import Query
from hermes.config.schema import Settings
from hermes.errors import Unavailable
from hermes.home import find_home, make_home
from hermes.redact import Redactor
from hermes.store.store import SqliteStore
from hermes.store.tables.owners import hold, terminal_owner


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    home = find_home({"HERMES_HOME": str(tmp_path / "home")})
    make_home(home)
    program = Program(
        home=home,
        settings=Settings(toolsets=("todo",)),
        environment={},
        redactor=Redactor(),
        owner=terminal_owner("s1"),
        gateway=False,
    )
    with hold(home.run_dir, program.owner):
        yield program


async def test_an_answer_is_given_though_the_store_cannot_be_read_afterwards(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def closed(self: SqliteStore, session_key: str) -> Any:
        raise Unavailable("closed")

    monkeypatch.setattr(SqliteStore, "current", closed)
    outgoing = Outgoing()
    query = Query(typed("s1", "say hello", event_id="q", now=0.0), outgoing, lambda _: None, None)
    with trio.fail_after(60):
        reply = await ask(program, "s1", query, outgoing)
    assert reply.message is not None
    assert reply.message.text == "hello"
    assert not reply.failed
