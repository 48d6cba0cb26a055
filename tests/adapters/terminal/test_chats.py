from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.terminal.chats import account_of, answer, is_account, mint_account, session_key, typed
from hermes.events import InboundKind
from hermes.store.tables.owners import lock_path, terminal_owner


def test_a_minted_account_is_one_and_names_a_lock(tmp_path: Path) -> None:
    account = mint_account(1_700_000_000.0, "0123456789")
    assert account == "20231114_221320_012345"
    assert is_account(account)
    assert lock_path(tmp_path, terminal_owner(account)).parent == tmp_path


@pytest.mark.parametrize("text", ["", "a/b", "../x", "a b", ".hidden", "x" * 81, "a\nb", "a\0"])
def test_what_could_not_name_a_file_is_no_account(text: str) -> None:
    assert not is_account(text)


@given(st.text(max_size=100))
def test_the_account_of_a_session_key_is_the_one_that_made_it(text: str) -> None:
    assert account_of(session_key(text)) == (text if is_account(text) else None)


def test_the_session_of_another_platform_has_no_terminal() -> None:
    assert account_of("agent:main:web:dm:main") is None


def test_a_message_belongs_to_its_terminal_alone() -> None:
    event = typed("s1", "hello", event_id="e1", now=5.0)
    assert (event.source.platform, event.source.account, event.source.chat_id) == ("terminal", "s1", "s1")
    assert (event.source.user_id, event.session_key) == ("owner", "agent:main:terminal:dm:s1")
    assert (event.kind, event.text, event.sent_at) == (InboundKind.MESSAGE, "hello", 5.0)


def test_only_a_known_slash_command_is_a_command() -> None:
    assert typed("s1", "/status", event_id="e1", now=0.0).kind is InboundKind.COMMAND
    assert typed("s1", "/etc/hosts is odd", event_id="e1", now=0.0).kind is InboundKind.MESSAGE


def test_an_answer_names_its_question() -> None:
    event = answer("s1", "ask-1", "once", event_id="e1", now=0.0)
    assert (event.kind, event.ask_id, event.text) == (InboundKind.ANSWER, "ask-1", "once")
