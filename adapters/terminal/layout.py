"""Where everything stands below the scrollback, from top to bottom: the running answer, the running tool, what is not
sent yet, an open question, the line to type in, the status line."""

from collections.abc import Callable
from typing import Protocol

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Point
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout import (
    BufferControl,
    CompletionsMenu,
    ConditionalContainer,
    Dimension,
    Float,
    FloatContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    Window,
)
from prompt_toolkit.styles import Style

from adapters.terminal import asks, plain, scene
from adapters.terminal.asks import OpenAsk
from adapters.terminal.scene import Scene

STYLE = Style.from_dict(
    {
        "prompt": "ansicyan bold",
        "draft": "",
        "dim": "ansibrightblack",
        "trouble": "ansired",
        "ask": "ansiyellow bold",
        "status": "ansibrightblack",
    }
)

# Lines that the menu of completions may take.
_MENU_LINES = 8

# Lines that stand beside a running answer, so that it never pushes the prompt off a small window.
_OTHER_LINES = 8


class Shown(Protocol):
    """What the layout reads at each painting."""

    clock: Callable[[], float]
    buffer: Buffer

    @property
    def scene(self) -> Scene: ...

    @property
    def armed(self) -> OpenAsk | None: ...

    @property
    def leaving(self) -> bool: ...


def make_layout(shown: Shown) -> Layout:
    """The layout, which reads ``shown`` anew at each painting."""
    typing = Window(
        BufferControl(shown.buffer),
        height=lambda: Dimension(min=_MENU_LINES if shown.buffer.complete_state else 1, max=max(1, _rows() - 3)),
        wrap_lines=True,
        dont_extend_height=True,
        get_line_prefix=lambda line, wrap: [("class:prompt", "> " if line == wrap == 0 else "  ")],
    )
    status = Window(FormattedTextControl(lambda: [("class:status", _status(shown))]), height=1)
    body = HSplit([_draft(shown), _notes(shown), typing, status])
    menu = Float(CompletionsMenu(max_height=_MENU_LINES), xcursor=True, ycursor=True)
    return Layout(FloatContainer(body, [menu]), focused_element=typing)


def _draft(shown: Shown) -> ConditionalContainer:
    def text() -> str:
        return plain.harmless(scene.tail(shown.scene.draft, _rows() * _columns()))

    def end() -> Point:
        *above, last = text().split("\n")
        return Point(len(last), len(above))

    # The window scrolls to where the cursor would be: to the end, also within a line that is higher than the window.
    control = FormattedTextControl(lambda: [("class:draft", text())], get_cursor_position=end)
    window = Window(
        control,
        height=lambda: Dimension(max=max(1, _rows() - _OTHER_LINES)),
        wrap_lines=True,
        dont_extend_height=True,
    )
    return ConditionalContainer(window, Condition(lambda: bool(shown.scene.draft)))


def _notes(shown: Shown) -> ConditionalContainer:
    window = Window(FormattedTextControl(lambda: _note_lines(shown)), wrap_lines=True, dont_extend_height=True)
    return ConditionalContainer(window, Condition(lambda: bool(_note_lines(shown))))


def _note_lines(shown: Shown) -> StyleAndTextTuples:
    now, columns = shown.scene, _columns()
    lines: list[tuple[str, str]] = []
    if now.tool:
        lines.append(("class:dim", "  " + scene.tool_line(now.tool, shown.clock() - now.since)))
    lines.extend(("class:dim", f"… {plain.one_line(text, columns - 4)}") for text in now.sending)
    if now.trouble:
        lines.append(("class:trouble", "! " + plain.one_line(now.trouble, 2 * columns)))
    if now.ask:
        lines.append(("class:ask", plain.harmless(asks.hint(now.ask)) if shown.armed else "…"))
    return [(style, text if last else text + "\n") for last, (style, text) in _with_last(lines)]


def _with_last(lines: list[tuple[str, str]]) -> list[tuple[bool, tuple[str, str]]]:
    return [(index == len(lines) - 1, line) for index, line in enumerate(lines)]


def _status(shown: Shown) -> str:
    if shown.leaving:
        return "Ctrl-C again leaves"
    return scene.status_line(shown.scene, shown.clock(), _columns() - 1)


def _columns() -> int:
    return get_app().output.get_size().columns


def _rows() -> int:
    return get_app().output.get_size().rows
