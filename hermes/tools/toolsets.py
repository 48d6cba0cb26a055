"""Toolsets: the names by which a configuration chooses tools, and the module behind each.

A toolset is either one tool family, whose module is imported only when it is chosen, or a composite of others.
"""

from collections.abc import Iterable, Mapping

from attrs import frozen

FAMILIES: Mapping[str, str] = {
    "terminal": "hermes.tools.commands.terminal",
    "file": "hermes.tools.files.read_write",
    "todo": "hermes.tools.todo",
    "clarify": "hermes.tools.clarify",
    "memory": "hermes.tools.memory",
    "session_search": "hermes.tools.session_search",
    "skills": "hermes.tools.skills",
    "search": "hermes.tools.web.search",
    "extract": "hermes.tools.web.extract",
}
"""Toolset to the module whose ``TOOLS`` are its tools."""

_CORE = ("terminal", "file", "todo", "clarify", "memory", "session_search", "skills", "web")

# Where people set tools apart by the place of a chat: each place has them all here, and their files can stay.
_PLACES = """
    acp api-server cron telegram discord whatsapp slack signal bluebubbles homeassistant email mattermost matrix
    dingtalk feishu weixin qqbot wecom wecom-callback yuanbao sms webhook
"""

COMPOSITES: Mapping[str, tuple[str, ...]] = {
    "web": ("search", "extract"),
    "debugging": ("terminal", "web", "file"),
    "safe": ("web",),
    "hermes-cli": _CORE,
    "hermes-web": _CORE,
    **{f"hermes-{name}": _CORE for name in _PLACES.split()},
    "hermes-gateway": ("hermes-web",),
}

_ALL = frozenset({"all", "*"})


@frozen
class Resolution:
    families: tuple[str, ...]
    """Sorted names of ``FAMILIES``."""
    unknown: tuple[str, ...]
    """Names that mean nothing here, for a warning."""


def resolve(
    names: Iterable[str],
    *,
    families: Iterable[str] = FAMILIES,
    composites: Mapping[str, tuple[str, ...]] = COMPOSITES,
) -> Resolution:
    """The families that ``names`` come to. A composite may hold composites; a cycle among them ends where it closes."""
    known = frozenset(families)
    found: set[str] = set()
    unknown: list[str] = []
    seen: set[str] = set()
    pending = list(names)[::-1]
    while pending:
        name = pending.pop().strip()
        if name in seen:
            continue
        seen.add(name)
        if name in _ALL:
            found |= known
        elif name in known:
            found.add(name)
        elif name in composites:
            pending.extend(composites[name])
        else:
            unknown.append(name)
    return Resolution(tuple(sorted(found)), tuple(unknown))
