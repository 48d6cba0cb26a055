"""Which configured values nobody may see.

1. A value is a secret by its name: TELEGRAM_BOT_TOKEN, api_key, headers.Authorization. Names that only point at one (a
   file, an address) or that are public are not.
2. The password inside an address (``scheme://user:password@host``) is a secret under any name.
3. A value shorter than ``SHORTEST`` is none: to hide "yes" or "8642" everywhere would make every text unreadable.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from hermes.config.schema import MASK
from hermes.config.tree import Tree, as_items, as_tree

# A key of five characters is guessed sooner than read in a log.
SHORTEST = 6

_WORDS = frozenset(
    {
        "apikey",
        "authorization",
        "cookie",
        "credential",
        "credentials",
        "key",
        "passphrase",
        "passwd",
        "password",
        "pat",
        "secret",
        "token",
    }
)
_PUBLIC_WORDS = frozenset({"public"})
_POINTERS = frozenset(
    {"count", "dir", "enabled", "env", "file", "id", "length", "limit", "name", "path", "type", "url"}
)
_PUBLIC_NAMES = frozenset({"record_key"})
_BETWEEN_WORDS = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_USERINFO = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_UNRESOLVED = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")


def is_secret_name(name: str) -> bool:
    words = [word.lower() for word in _BETWEEN_WORDS.split(name) if word]
    if not words or name.lower() in _PUBLIC_NAMES or words[-1] in _POINTERS:
        return False
    return not _WORDS.isdisjoint(words) and _PUBLIC_WORDS.isdisjoint(words)


def find_secrets(environment: Mapping[str, str], values: Tree) -> tuple[str, ...]:
    """The secrets of the environment and of the configuration file, longest first, each once."""
    found = {secret for name, text in environment.items() for secret in _in_text(name, text)}
    found.update(_in_tree(values, ""))
    return tuple(sorted(found, key=lambda secret: (-len(secret), secret)))


def masked(value: object, secrets: tuple[str, ...], name: str = "") -> object:
    """``value`` as it may be shown: hidden whole below a secret's name, elsewhere without the secrets in it."""
    if (section := as_tree(value)) is not None:
        return {key: masked(inner, secrets, str(key)) for key, inner in section.items()}
    if (items := as_items(value)) is not None:
        return [masked(inner, secrets, name) for inner in items]
    if value and not isinstance(value, bool) and is_secret_name(name):
        return MASK
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASK)
    return value


def _in_tree(value: object, name: str) -> Iterator[str]:
    if (section := as_tree(value)) is not None:
        for key, inner in section.items():
            yield from _in_tree(inner, str(key))
    elif (items := as_items(value)) is not None:
        for inner in items:
            yield from _in_tree(inner, name)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield from _in_text(name, str(value))


def _in_text(name: str, text: str) -> Iterator[str]:
    candidates = [part for password in _USERINFO.findall(text) for part in (password, unquote(password))]
    if is_secret_name(name):
        candidates += [text.strip(), *text.split()[-1:]]  # "Bearer KEY" hides the key alone as well
    for candidate in candidates:
        if len(candidate) >= SHORTEST and not _UNRESOLVED.fullmatch(candidate):
            yield candidate
