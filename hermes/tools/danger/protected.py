"""Files and folders that need care, in one table for commands and for the file tools.

Paths are compared in a canonical spelling: absolute, normalised, every home folder written ``~`` and the agent's own
home ``~/.hermes``. A pattern in a command (``/e*``) counts as each entry that it could mean.
"""

import posixpath
import re
from collections.abc import Iterator
from enum import StrEnum
from fnmatch import fnmatchcase

from attrs import frozen

from hermes.tools.danger.shell import names

HERMES = "~/.hermes"

_HOMES = re.compile(r"(?:/root|/home/[^/*?\[]+|/Users/[^/*?\[]+|~[A-Za-z0-9_-]*)(?=/|$)")
_HERMES_HOMES = re.compile(r"\$(?:HERMES_HOME|\{HERMES_HOME[^}]*\})(?=/|$)")
_OTHER_ROOTS = re.compile(r"^/proc/[^/]+/root(?=/|$)")
_GLOB = re.compile(r"[*?\[]")
_MATCHES_ALL = re.compile(r"[*?.!\[\]^]*[*?][*?.!\[\]^]*")


@frozen
class Place:
    """Where a command would run."""

    directory: str = ""
    """Absolute, in the home (``~/x``), or empty when it is not known."""
    hermes_home: str = ""
    user_home: str = ""


class Care(StrEnum):
    """What is wrong with writing to a protected path."""

    ACCOUNTS = "account-files"
    KERNEL = "kernel-files"
    SYSTEM = "system-files"
    HERMES = "hermes-files"
    SSH = "ssh-files"
    STARTUP = "startup-files"
    SECRETS = "secret-files"
    PRIVATE = "private-files"
    """What people said to the agent, each for other eyes: its tools show everybody what is theirs."""


@frozen
class Protected:
    """A file, or a folder with all that is in it."""

    path: str
    care: Care
    secret: bool = False
    """Reading it hands out a credential, or what somebody else said."""


def _protect(care: Care, paths: str, *, secret: bool = False) -> tuple[Protected, ...]:
    return tuple(Protected(path, care, secret) for path in paths.split())


PROTECTED = (
    *_protect(Care.ACCOUNTS, "/etc/shadow /etc/shadow- /etc/gshadow /etc/gshadow-", secret=True),
    *_protect(Care.ACCOUNTS, "/etc/passwd /etc/passwd- /etc/group /etc/sudoers /etc/sudoers.d /etc/pam.d"),
    *_protect(Care.KERNEL, "/proc/sysrq-trigger /proc/sys /proc/kcore /dev/mem /dev/kmem /dev/port /sys/firmware"),
    *_protect(Care.SECRETS, "/proc/*/environ", secret=True),
    *_protect(Care.HERMES, f"{HERMES}/.env {HERMES}/auth.json {HERMES}/mcp-tokens {HERMES}/pairing", secret=True),
    *_protect(
        Care.HERMES,
        f"{HERMES}/config.yaml {HERMES}/run {HERMES}/hooks {HERMES}/plugins {HERMES}/logs {HERMES}/cron"
        f" {HERMES}/gateway.pid {HERMES}/gateway.lock {HERMES}/gateway_state.json {HERMES}/.managed"
        f" {HERMES}/webhook_subscriptions.json",
    ),
    *_protect(
        Care.PRIVATE,
        f"{HERMES}/memories {HERMES}/sessions {HERMES}/history {HERMES}/state.db {HERMES}/state.db-wal"
        f" {HERMES}/state.db-shm",
        secret=True,
    ),
    *_protect(Care.SSH, "~/.ssh/id_* ~/.ssh/*.pem ~/.ssh/*_key", secret=True),
    *_protect(Care.SSH, "~/.ssh"),
    *_protect(
        Care.SECRETS,
        "~/.aws/credentials ~/.netrc ~/.pgpass ~/.git-credentials ~/.docker/config.json ~/.kube/config ~/.gnupg"
        " ~/.config/gcloud ~/.config/gh/hosts.yml ~/.npmrc ~/.pypirc ~/.password-store",
        secret=True,
    ),
    *_protect(
        Care.STARTUP,
        "~/.bashrc ~/.bash_profile ~/.bash_login ~/.bash_logout ~/.bash_aliases ~/.profile ~/.zshrc ~/.zshenv"
        " ~/.zprofile ~/.zlogin ~/.xprofile ~/.xinitrc ~/.config/fish/config.fish ~/.config/autostart"
        " ~/.config/systemd/user ~/.config/environment.d ~/.pam_environment ~/.gitconfig /var/spool/cron",
    ),
    *_protect(Care.SYSTEM, "/etc /boot /usr /bin /sbin /lib /lib32 /lib64 /libx32 /nix/store /proc /sys"),
)
"""The first entry that fits decides, so the particular stands before the general."""

_PLAIN = {entry.path: index for index, entry in enumerate(PROTECTED) if not _GLOB.search(entry.path)}
_PATTERNS = tuple((index, entry) for index, entry in enumerate(PROTECTED) if _GLOB.search(entry.path))

_SECRET_FOLDERS = frozenset(
    folder
    for entry in PROTECTED
    if entry.secret and entry.path.startswith("~")
    for folder in (entry.path, entry.path.rpartition("/")[0])
    if folder not in {"~", "~/.config"} and not _GLOB.search(folder)
)
"""Folders in which there are files with credentials, and those files."""

_WRITABLE = ("/usr/local", "/usr/src")
"""Under a system folder, and yet the administrator's own."""

ROOTS = names(
    "/ ~ /home /Users /bin /boot /boot/efi /dev /etc /lib /lib32 /lib64 /libx32 /nix /nix/store /proc /root /sbin /sys"
    " /usr /usr/bin /usr/include /usr/lib /usr/lib64 /usr/libexec /usr/sbin /usr/share /var /var/lib /System /Library"
)
"""Folders without which the machine or a person's work is gone."""


def canonical(text: str, place: Place) -> str:
    """The one spelling of a path; a relative one of an unknown folder stays relative."""
    path = _HERMES_HOMES.sub(HERMES, text, count=1)
    if not path.startswith(("/", "~", "$")):
        # Without the dot, a file whose name begins with a tilde would turn into a home.
        if not place.directory:
            return "./" + posixpath.normpath(path)
        path = posixpath.join(place.directory, path)
    path = _OTHER_ROOTS.sub("", re.sub("^/+", "/", posixpath.normpath(path))) or "/"
    for own, written in ((place.hermes_home, HERMES), (place.user_home, "~")):
        if own not in {"", "/"} and (path == own or path.startswith(own + "/")):
            path = written + path[len(own) :]
    match = _HOMES.match(path)
    return "~" + path[match.end() :] if match else path


def protection(text: str, place: Place) -> Protected | None:
    """The entry of the table that covers a path."""
    path = canonical(text, place)
    if any(path == root or path.startswith(root + "/") for root in _WRITABLE):
        return None
    if _GLOB.search(path):
        return next((entry for entry in PROTECTED if _covers(entry.path, path)), None)
    plain = (_PLAIN[prefix] for prefix in _prefixes(path) if prefix in _PLAIN)
    patterns = (index for index, entry in _PATTERNS if _covers(entry.path, path) and not path.endswith(".pub"))
    found = min((*plain, *patterns), default=None)
    return None if found is None else PROTECTED[found]


def holds_secrets(text: str, place: Place) -> bool:
    """Whether a path is a folder that has files with credentials right in it."""
    return canonical(text, place) in _SECRET_FOLDERS


def _prefixes(path: str) -> Iterator[str]:
    """The path and each folder above it."""
    while path not in {"", "/"}:
        yield path
        path = path.rpartition("/")[0]


def spellings(text: str) -> Iterator[str]:
    """The path that an argument may name: itself, behind ``=`` or ``:``, behind the ``@`` of curl."""
    yield text
    for separator in "=:@":
        if separator in text:
            yield text.partition(separator)[2]


def is_root(text: str, place: Place) -> bool:
    """Whether a path, or a pattern, means one of ``ROOTS`` or all that is in one."""
    path = canonical(text, place)
    parts = path.split("/")
    while len(parts) > 1 and _MATCHES_ALL.fullmatch(parts[-1]):
        del parts[-1]
        path = "/".join(parts) or "/"
    return path in ROOTS or any(len(root) > 1 and _same(root, path) for root in ROOTS if _GLOB.search(path))


def _covers(entry: str, path: str) -> bool:
    """Whether ``path`` is ``entry`` or lies in it; either may hold patterns."""
    depth = entry.count("/") + 1
    return _same(entry, "/".join(path.split("/")[:depth]))


def _same(left: str, right: str) -> bool:
    """Whether two paths, either of which may hold patterns, can mean the same."""
    ours, theirs = left.split("/"), right.split("/")
    return len(ours) == len(theirs) and all(map(_same_name, ours, theirs))


def _same_name(mine: str, other: str) -> bool:
    if mine == other:
        return True
    # A pattern of the shell leaves out hidden names unless it begins with a dot itself.
    hidden = mine.startswith(".") != other.startswith(".")
    return not hidden and (fnmatchcase(mine, other) or fnmatchcase(other, mine))
