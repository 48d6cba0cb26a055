"""Markdown for a terminal, by rich. Imported when the first answer is painted: a prompt that only waits pays nothing
for it."""

import re
from io import StringIO

from rich.console import Console
from rich.markdown import Markdown

from adapters.terminal.plain import harmless

# Rich fills lines up to the width: a window that is made smaller later would show each of them twice as high.
_PADDING = re.compile(r" +((?:\x1b\[[0-9;]*m)*)$", re.MULTILINE)

# Below this many columns there is no layout: lines would be single words.
_MIN_WIDTH = 20

# Longer answers are shown as they are: laying them out would take seconds.
MAX_CHARACTERS = 200_000


def render(markdown: str, width: int, *, colour: bool) -> str:
    """The text with escape sequences, laid out for ``width`` columns. Addresses of links stand behind their texts."""
    text = harmless(markdown)
    if len(text) > MAX_CHARACTERS:
        return text + "\n"
    out = StringIO()
    console = Console(
        file=out,
        width=max(width, _MIN_WIDTH),
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    # The palette of the terminal itself, so that code can be read on light and on dark.
    console.print(Markdown(text, code_theme="ansi_dark", hyperlinks=False))
    return _PADDING.sub(r"\1", out.getvalue()).strip("\n") + "\n"
