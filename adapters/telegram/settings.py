"""What is set for Telegram: ``platforms.telegram.extra`` and the variables TELEGRAM_*.

Rules:

1. Nobody may write unless a variable says so: without a list, and without a word that opens the bot to all, every
   message is dropped.
2. Ids are numbers; ``*`` stands for everybody. Whatever else stands in a list is told by its variable's name.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen

from adapters.telegram.way.settings import OFFICIAL_HOST, fallback_ips, proxy
from adapters.telegram.webhook.settings import Webhook, webhook
from hermes.errors import ConfigError

TOKEN = "TELEGRAM_BOT_TOKEN"
BASE_URL = f"https://{OFFICIAL_HOST}/bot"
BASE_FILE_URL = f"https://{OFFICIAL_HOST}/file/bot"

_EXTRA = "platforms.telegram.extra"
_TOKEN_SHAPE = re.compile(r"(\d{1,20}):[\w-]{1,200}")
_ID = re.compile(r"-?\d{1,20}")
_THREAD = re.compile(r"[1-9]\d{0,19}")
_HOME = "TELEGRAM_HOME_CHANNEL"

GENERAL = "1"
"""The number of the topic "General", in links and apps: the Bot API names it by none, and refuses a send that does."""

# Characters; Telegram's own titles have at most 128.
_MOST_OF_A_NAME = 128

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})

# A pattern is tried on every message of a group.
_MAX_PATTERNS = 50


class ReplyTo(StrEnum):
    """Which parts of an answer quote the message that they answer."""

    OFF = "off"
    FIRST = "first"
    ALL = "all"


@frozen
class Ids:
    """A list of users or chats."""

    ids: frozenset[str] = frozenset()
    everybody: bool = False

    def __contains__(self, item: object) -> bool:
        return self.everybody or item in self.ids

    def __bool__(self) -> bool:
        return self.everybody or bool(self.ids)


@frozen
class Access:
    """Who may write to the bot, and what counts as meant for it in a group."""

    users: Ids = field(factory=Ids)
    """In every chat."""
    group_users: Ids = field(factory=Ids)
    """In groups, besides."""
    group_chats: Ids = field(factory=Ids)
    """Groups in which everybody may."""
    require_mention: bool = True
    free_chats: Ids = field(factory=Ids)
    """Groups in which every message is meant for the bot."""
    mention_patterns: tuple[re.Pattern[str], ...] = ()
    ignored_threads: Ids = field(factory=Ids)

    @property
    def owner_alone(self) -> bool:
        """One person and nobody else may write in private: whoever does is the owner of this installation."""
        return len(self.users.ids) == 1 and not self.users.everybody

    @property
    def open_to_others(self) -> bool:
        """Whether anybody but one person may write, in private or in a group."""
        return bool(self.users or self.group_users or self.group_chats) and not (
            self.owner_alone and not self.group_users and not self.group_chats
        )


@frozen
class Home:
    """The home channel as it is configured."""

    chat_id: str
    thread_id: str = ""
    name: str = ""


@frozen
class TelegramSettings:
    token: str = field(repr=False)
    bot_id: str
    base_url: str = BASE_URL
    base_file_url: str = BASE_FILE_URL
    proxy: str = field(default="", repr=False)
    fallback_ips: tuple[str, ...] = ()
    """Addresses of Telegram's own server; empty where they are of no use."""
    access: Access = field(factory=Access)
    reply_to: ReplyTo = ReplyTo.FIRST
    group_sessions_per_user: bool = True
    thread_sessions_per_user: bool = False
    streaming: bool = False
    reactions: bool = False
    """Show on a message what became of it."""
    home: Home | None = None
    webhook: Webhook | None = None
    """None: updates are polled."""

    @property
    def account(self) -> str:
        return f"bot{self.bot_id}"


def read(
    extra: Mapping[str, object],
    environment: Mapping[str, str],
    *,
    group_sessions_per_user: bool = True,
    thread_sessions_per_user: bool = False,
    streaming: bool = False,
) -> TelegramSettings:
    """Raises ``ConfigError`` with the variable or key at fault; its text holds no value of a secret."""
    token = (environment.get(TOKEN) or str(extra.get("token") or "")).strip()
    shape = _TOKEN_SHAPE.fullmatch(token)
    if shape is None:
        what = "has not the form 12345:ABC..." if token else "is not set"
        raise ConfigError(f"{TOKEN} {what}: @BotFather on Telegram gives one", key=TOKEN)
    base_url = _address(extra, "base_url", BASE_URL)
    through = proxy(environment)
    return TelegramSettings(
        token=token,
        bot_id=shape[1],
        base_url=base_url,
        base_file_url=_address(extra, "base_file_url", BASE_FILE_URL),
        proxy=through,
        fallback_ips=fallback_ips(environment, base_url, through),
        access=_access(environment),
        reply_to=_reply_to(environment),
        group_sessions_per_user=group_sessions_per_user,
        thread_sessions_per_user=thread_sessions_per_user,
        streaming=streaming,
        reactions=_switch(environment, "TELEGRAM_REACTIONS", default=False),
        home=_home(environment),
        webhook=webhook(environment, base_url),
    )


def _home(environment: Mapping[str, str]) -> Home | None:
    channel, thread, name = (environment.get(f"{_HOME}{part}", "").strip() for part in ("", "_THREAD_ID", "_NAME"))
    if not channel and (thread or name):
        raise ConfigError(f"{_HOME} is not set, and {_HOME}_NAME or _THREAD_ID is: they say more of it", key=_HOME)
    if channel and not _ID.fullmatch(channel):
        raise ConfigError(f"{_HOME}: expected the number of a chat, such as -1001234567890", key=_HOME)
    if thread and not _THREAD.fullmatch(thread):
        raise ConfigError(f"{_HOME}_THREAD_ID: expected the number of a topic", key=f"{_HOME}_THREAD_ID")
    thread = "" if thread == GENERAL else thread
    return Home(channel, thread, name[:_MOST_OF_A_NAME]) if channel else None


def _address(extra: Mapping[str, object], name: str, default: str) -> str:
    value = extra.get(name) or default
    if not isinstance(value, str) or not re.match(r"https?://[^/\s]", value):
        raise ConfigError(
            f"{_EXTRA}.{name}: expected an address such as http://127.0.0.1:8081/bot, to which the token is appended",
            key=f"{_EXTRA}.{name}",
        )
    return value


def _access(environment: Mapping[str, str]) -> Access:
    users = _ids(environment, "TELEGRAM_ALLOWED_USERS")
    everywhere = _ids(environment, "GATEWAY_ALLOWED_USERS")
    open_to_all = any(
        _switch(environment, name, default=False) for name in ("TELEGRAM_ALLOW_ALL_USERS", "GATEWAY_ALLOW_ALL_USERS")
    )
    return Access(
        users=Ids(users.ids | everywhere.ids, open_to_all or users.everybody or everywhere.everybody),
        group_users=_ids(environment, "TELEGRAM_GROUP_ALLOWED_USERS"),
        group_chats=_ids(environment, "TELEGRAM_GROUP_ALLOWED_CHATS"),
        require_mention=_switch(environment, "TELEGRAM_REQUIRE_MENTION", default=True),
        free_chats=_ids(environment, "TELEGRAM_FREE_RESPONSE_CHATS"),
        mention_patterns=_patterns(environment),
        ignored_threads=_ids(environment, "TELEGRAM_IGNORED_THREADS"),
    )


def _ids(environment: Mapping[str, str], name: str) -> Ids:
    words = [word for word in re.split(r"[,\s]+", environment.get(name, "")) if word]
    wrong = next((word for word in words if word != "*" and not _ID.fullmatch(word)), None)
    if wrong is not None:
        raise ConfigError(f"{name}: {wrong!r} is no id; ids are numbers, and @userinfobot tells yours", key=name)
    return Ids(frozenset(words) - {"*"}, "*" in words)


def _switch(environment: Mapping[str, str], name: str, *, default: bool) -> bool:
    word = environment.get(name, "").strip().lower()
    if word and word not in _YES | _NO:
        raise ConfigError(f"{name}: expected true or false", key=name)
    return word in _YES if word else default


def _patterns(environment: Mapping[str, str]) -> tuple[re.Pattern[str], ...]:
    name = "TELEGRAM_MENTION_PATTERNS"
    lines = [line.strip() for line in environment.get(name, "").splitlines() if line.strip()]
    try:
        return tuple(re.compile(line, re.IGNORECASE) for line in lines[:_MAX_PATTERNS])
    except re.error as error:
        raise ConfigError(f"{name}: {error} in one of its regular expressions", key=name) from None


def _reply_to(environment: Mapping[str, str]) -> ReplyTo:
    name = "TELEGRAM_REPLY_TO_MODE"
    word = environment.get(name, "").strip().lower() or ReplyTo.FIRST
    chosen = next((mode for mode in ReplyTo if mode == word), None)
    if chosen is None:
        raise ConfigError(f"{name}: expected one of {', '.join(ReplyTo)}", key=name)
    return chosen
