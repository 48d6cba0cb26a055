"""The ``session_search`` tool: what was said in earlier conversations of the same people, and what a summary of
this one stands for.

Rules:

1. What is found is bounded: so many conversations, so many places in each, so many characters in all.
2. Words of tools are left out unless they are asked for: they are many, and mostly pages and files of others.
3. What is found passes the redactor, and is marked as something that was said, not an instruction.
"""

import time
from collections.abc import Iterable
from typing import Annotated

from hermes.store.found import Found
from hermes.tools.contract import Effect, ToolContext, ToolOutcome, ToolResult
from hermes.tools.signature.define import tool

# Beyond these a model reads instead of asking a better question.
MOST_SESSIONS = 10
MOST_PLACES = 3
"""Of one conversation."""
MOST_CHARACTERS = 8_000

# As many as the store gives: of the best hits, many may be of one conversation.
_LOOKED_AT = 100
_ROLES = ("user", "assistant", "tool")
_SPOKEN = ("user", "assistant")
_OPENING_CHARACTERS = 160


@tool(toolset="session_search", effect=Effect.READ_ONLY)
async def session_search(
    context: ToolContext,
    query: Annotated[str | None, 'words, "phrases", OR, NOT, prefix*; leave out for the latest conversations'] = None,
    role_filter: Annotated[str | None, "whose words, of user,assistant,tool; default user,assistant"] = None,
    limit: Annotated[int, "conversations, at most 10"] = 3,
) -> ToolOutcome:
    """Search earlier conversations with this user, and what a summary of this one left out.

    Cancelled: nothing is left behind.
    """
    if context.archive is None:
        return ToolResult("There is no archive of conversations here.", is_error=True)
    wanted = max(1, min(limit, MOST_SESSIONS))
    if query is None or not query.strip():
        found = await context.archive.recent(limit=wanted)
        lines = [_opening(one) for one in found]
        return _result(context, lines, "The latest conversations, and how each began:", "No earlier conversation.")
    roles = tuple(part.strip().lower() for part in (role_filter or ",".join(_SPOKEN)).split(",") if part.strip())
    unknown = [role for role in roles if role not in _ROLES]
    if unknown:
        return ToolResult(f"role_filter has {unknown[0][:40]!r}; it takes {', '.join(_ROLES)}.", is_error=True)
    found = await context.archive.search(query, roles=roles, limit=_LOOKED_AT)
    lines = [_places(places) for places in _by_session(found)[:wanted]]
    return _result(context, lines, "What was said earlier, hits marked >>>like this<<<:", "Nothing was found.")


def _by_session(found: Iterable[Found]) -> list[list[Found]]:
    """The hits of each conversation, the conversation with the best hit first."""
    sessions: dict[str, list[Found]] = {}
    for one in found:
        sessions.setdefault(one.session_id, []).append(one)
    return list(sessions.values())


def _places(places: list[Found]) -> str:
    said = "\n".join(f"  {one.role}: {_line(one.snippet)}" for one in places[:MOST_PLACES])
    more = len(places) - MOST_PLACES
    return f"{_heading(places[0])}\n{said}" + (f"\n  and {more} more" if more > 0 else "")


def _opening(one: Found) -> str:
    line = _line(one.snippet)
    return f"{_heading(one)}\n  {line if len(line) <= _OPENING_CHARACTERS else line[: _OPENING_CHARACTERS - 1] + '…'}"


def _heading(one: Found) -> str:
    """In UTC: the model knows no time of day of the person's."""
    moment = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(one.at))
    return f"{moment}, session {one.session_id}" + (f", {_line(one.title)}" if one.title else "")


def _line(text: str) -> str:
    return " ".join(text.split())


def _result(context: ToolContext, blocks: list[str], heading: str, nothing: str) -> ToolResult:
    if not blocks:
        return ToolResult(nothing)
    shown: list[str] = []
    room = MOST_CHARACTERS - len(heading) - 100
    for block in (context.redactor.redact(block) for block in blocks):
        room -= len(block) + 1
        if room < 0:
            break
        shown.append(block)
    left_out = [f"[{len(blocks) - len(shown)} more have no room here]"] if len(shown) < len(blocks) else []
    return ToolResult("\n".join((heading, *shown, *left_out)))


TOOLS = (session_search,)
