"""Sites that a person has put out of the agent's reach (security.website_blocklist).

Rules:

1. ``example.com`` means that name and all below it; ``*.example.com`` all below it alone. Case and a dot at the end
   mean nothing; a name with other letters than ASCII is compared as the network spells it.
2. A file has an entry a line, ``#`` begins a comment, and an address in front of a name (a hosts file) is passed over.
   A file that cannot be read ends the start: a list that is silently gone is worse.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import frozen

from hermes.errors import ConfigError, Refused

DOMAINS_KEY, FILES_KEY = "security.website_blocklist.domains", "security.website_blocklist.shared_files"

# Bytes of one file: the longest public lists have some hundred thousand names, in 8 MB.
MOST_BYTES = 16 * 1024 * 1024

_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_ADDRESS = re.compile(r"[0-9.]+|[0-9a-f]*:[0-9a-f:]*")


@frozen
class Blocklist:
    """Names in the spelling of the network."""

    whole: frozenset[str] = frozenset()
    """These, and all below them."""
    below: frozenset[str] = frozenset()
    """Only what is below these."""

    def holds(self, host: str) -> bool:
        name = _spelled(host)
        if name in self.whole:
            return True
        while "." in name:
            name = name.partition(".")[2]
            if name in self.whole or name in self.below:
                return True
        return False

    def refuse(self, host: str) -> None:
        """Raise ``Refused`` for a host that is on it."""
        if self.holds(host):
            raise Refused(f"{host} is on the user's list of sites that are not to be visited ({DOMAINS_KEY})")


def blocklist(domains: Iterable[str], files: Iterable[Path]) -> Blocklist:
    """Raises ``ConfigError`` for an entry that is no name, and for a file that cannot be read. Blocks."""
    entries = set[str]()
    for written in domains:
        entry = _entry(written)
        if not entry:
            raise ConfigError(f"{DOMAINS_KEY}: expected names of sites (example.com, *.example.com), found {written!r}",
                              key=DOMAINS_KEY)  # fmt: skip
        entries.add(entry)
    for file in files:
        entries.update(filter(None, map(_entry, _lines(file))))
    return Blocklist(
        frozenset(entry for entry in entries if not entry.startswith("*.")),
        frozenset(entry[2:] for entry in entries if entry.startswith("*.")),
    )


def _lines(file: Path) -> Iterator[str]:
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{FILES_KEY}: {file} cannot be read: {error.strerror}", key=FILES_KEY) from None
    if len(data) > MOST_BYTES:
        raise ConfigError(f"{FILES_KEY}: {file} is longer than {MOST_BYTES:,} bytes", key=FILES_KEY)
    for line in data.decode("utf-8", "replace").splitlines():
        words = line.partition("#")[0].split()
        if words and _ADDRESS.fullmatch(words[0]) and len(words) > 1:
            del words[0]
        yield from words


def _entry(written: str) -> str:
    """The entry as it is compared; empty when it is none. An address of a page counts as its host."""
    before, scheme, behind = written.strip().partition("://")
    host = re.split(r"[/?#:]", behind if scheme else before, maxsplit=1)[0]
    name = _spelled(host.removeprefix("*."))
    if not _NAME.fullmatch(name):
        return ""
    return f"*.{name}" if host.startswith("*.") else name


def _spelled(host: str) -> str:
    name = host.strip().casefold().removesuffix(".")
    try:
        return name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return ""
