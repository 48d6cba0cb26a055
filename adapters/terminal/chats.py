"""Pure: how a terminal's chat is called, and how what is typed becomes inbound events.

The account of a terminal is the id under which it can be resumed, and its only chat has the same one: so its rows
belong to no other terminal, and whoever resumes the id owns them.
"""

import re
import time

from hermes.agent.commands import parse
from hermes.events import Inbound, InboundKind, Source

PLATFORM = "terminal"
USER = "owner"
"""A terminal has one user: whoever may read the home."""

MAX_TYPED = 1_000_000
"""Characters of one message: a paste of a long log; more is a file, and is better named than typed."""

_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_KEY_PREFIX = f"agent:main:{PLATFORM}:dm:"


def mint_account(now: float, salt: str) -> str:
    """A new account in the shape of a session's id: the time in UTC and six characters of ``salt``."""
    return f"{time.strftime('%Y%m%d_%H%M%S', time.gmtime(now))}_{salt[:6]}"


def is_account(text: str) -> bool:
    """Whether ``text`` can be an account: it names a file, so it holds no separators."""
    return _ACCOUNT.fullmatch(text) is not None


def session_key(account: str) -> str:
    """The session of a terminal."""
    return _KEY_PREFIX + account


def account_of(key: str) -> str | None:
    """The terminal whose session this is; None for another platform's."""
    account = key.removeprefix(_KEY_PREFIX)
    return account if key.startswith(_KEY_PREFIX) and is_account(account) else None


def source(account: str) -> Source:
    return Source(platform=PLATFORM, account=account, chat_id=account, user_id=USER)


def typed(account: str, text: str, *, event_id: str, now: float) -> Inbound:
    """A message, or a command when the registry knows it."""
    kind = InboundKind.COMMAND if parse(text) else InboundKind.MESSAGE
    return _event(account, kind, text, event_id, now)


def answer(account: str, ask_id: str, choice: str, *, event_id: str, now: float) -> Inbound:
    """The answer to a question: one of its choices, or free text."""
    return _event(account, InboundKind.ANSWER, choice, event_id, now, ask_id=ask_id)


def _event(account: str, kind: InboundKind, text: str, event_id: str, now: float, *, ask_id: str = "") -> Inbound:
    return Inbound(
        event_id=event_id,
        source=source(account),
        session_key=session_key(account),
        kind=kind,
        text=text,
        sent_at=now,
        message_id=event_id,
        ask_id=ask_id,
    )
