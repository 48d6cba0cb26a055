"""How `hermes gateway status` looks: the supervision tree and the journal's figures, for people and for scripts."""

from collections.abc import Iterator
from typing import Any

from rich.console import Group
from rich.text import Text
from rich.tree import Tree

_COLOURS = {
    "running": "green",
    "starting": "cyan",
    "backoff": "yellow",
    "failed": "red",
    "stopping": "cyan",
    "stopped": "dim",
}

_COUNTS = (
    ("inbox_pending", "waiting messages"),
    ("turns_running", "turns running"),
    ("asks_open", "open questions"),
    ("outbox_pending", "unsent messages"),
    ("outbox_ambiguous", "sends with unknown outcome"),
    ("inbox_dead", "messages given up (/retry revives)"),
    ("outbox_failed", "messages refused by a platform"),
)

# Conversations shown one by one; more are counted.
_SHOWN = 20


def render(answer: dict[str, Any], now: float) -> Group:
    """The answer of the control socket as a person reads it."""
    return Group(_headline(answer), _tree(answer["tree"], now), *_homes(answer), *_journal(answer))


def _headline(answer: dict[str, Any]) -> Text:
    healthy = answer["healthy"]
    text = Text(f"gateway (pid {answer['pid']}) ")
    text.append("is well" if healthy else "is not well", style="bold green" if healthy else "bold red")
    if answer["draining"]:
        text.append(", finishing what is under way before it ends", style="yellow")
    if answer["problem"]:
        text.append(f": {_plain(answer['problem'])}", style="red")
    return text


def _tree(child: dict[str, Any], now: float, parent: Tree | None = None) -> Tree:
    line = _line(child, now)
    node = Tree(line) if parent is None else parent.add(line)
    children = child["children"]
    # What is not well is never among those that are only counted.
    for inner in children if len(children) <= _SHOWN else sorted(children, key=_well)[:_SHOWN]:
        _tree(inner, now, node)
    if len(children) > _SHOWN:
        node.add(Text(f"and {len(children) - _SHOWN} more", style="dim"))
    return node


def _well(child: dict[str, Any]) -> bool:
    return child["state"] == "running" and all(map(_well, child["children"]))


def _line(child: dict[str, Any], now: float) -> Text:
    text = Text(f"{_plain(child['name'])} ")
    text.append(child["state"], style=_COLOURS.get(child["state"], ""))
    text.append(f" {_age(now - child['since'])}", style="dim")
    for note in _notes(child, now):
        text.append(f" · {_plain(note)}", style="dim")
    if child["failure"]:
        age = _age(now - child["failure"]["at"])
        text.append(f" · {_plain(child['failure']['error'])} ({age} ago)", style="yellow")
    return text


def _plain(text: str) -> str:
    """Names and reasons come from outside too: nothing in them may command the terminal."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _notes(child: dict[str, Any], now: float) -> Iterator[str]:
    if child["detail"]:
        yield child["detail"]
    if child["restarts"]:
        yield f"{child['restarts']} {'restart' if child['restarts'] == 1 else 'restarts'}"
    if child["next_try"]:
        yield f"next try in {max(0.0, child['next_try'] - now):.0f} s"
    if child["mailbox"] and child["mailbox"]["depth"]:
        yield f"mailbox {child['mailbox']['depth']}/{child['mailbox']['bound']}"
    if child["liveness"]:
        yield f"heard {_age(child['liveness']['age'])} ago"


def _homes(answer: dict[str, Any]) -> Iterator[Text]:
    for home in answer.get("homes", ()):
        source = home["source"]
        topic = f", topic {source['thread_id']}" if source["thread_id"] else ""
        where = f"chat {source['chat_id']}{topic}"
        named = f"{home['name']} ({where})" if home["name"] else where
        how = "chosen by /sethome" if home["chosen"] else "configured"
        yield Text(_plain(f"home channel of {source['platform']}: {named}, {how}"))


def _journal(answer: dict[str, Any]) -> Iterator[Text]:
    counts: dict[str, int] = answer["journal"] or {}
    for key, words in _COUNTS:
        if counts.get(key):
            yield Text(f"{counts[key]} {words}")


def _age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
