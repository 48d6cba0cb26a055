"""What stands below the scrollback at this moment: the running turn, what is being sent, an open question, the status
line.

A scene is frozen and complete: each replaces the one before, so that nothing is ever half updated on the screen.
"""

from attrs import frozen

from adapters.terminal import plain
from adapters.terminal.asks import OpenAsk
from adapters.terminal.blocks import arguments_line
from hermes.events import DraftState

_WORDS = {
    "": "ready",
    DraftState.THINKING: "thinking",
    DraftState.WRITING: "writing",
    DraftState.TOOL: "working",
    DraftState.WAITING: "waiting for you",
    DraftState.COMPRESSING: "compressing",
}


@frozen
class Scene:
    """All that the live part of the screen shows."""

    session: str
    model: str = ""
    state: str = ""
    """A ``DraftState``, or empty while nothing runs."""
    since: float = 0.0
    """When this state began, by the monotonic clock in seconds."""
    draft: str = ""
    """The running answer so far."""
    tool: str = ""
    """The running tool: its name and its arguments as JSON."""
    sending: tuple[str, ...] = ()
    """Typed, and not durable yet."""
    trouble: str = ""
    ask: OpenAsk | None = None

    @property
    def running(self) -> bool:
        return bool(self.state)


def tail(text: str, limit: int) -> str:
    """The last ``limit`` characters of a running answer, from the start of a line where there is one.

    What cannot be on the screen need not be laid out, 20 times a second.
    """
    if len(text) <= limit:
        return text
    cut = text[-limit:]
    _, newline, rest = cut.partition("\n")
    return "…\n" + rest if newline and rest else "…" + cut


def tool_line(tool: str, seconds: float) -> str:
    """The running tool, as in "terminal ls -la … 0.3 s"."""
    name, _, arguments = tool.partition(" ")
    shown = " ".join(filter(None, (name, arguments_line(arguments))))
    return f"{plain.one_line(shown, 200)} … {seconds:.0f} s"


def status_line(scene: Scene, now: float, width: int) -> str:
    """Session, model and turn state, in at most ``width`` characters; what matters most goes last to be cut."""
    state = "sending" if scene.sending and not scene.running else _WORDS.get(scene.state, scene.state)
    if scene.running:
        state = f"{state} {max(0.0, now - scene.since):.0f} s · Ctrl-C stops"
    full = " · ".join(filter(None, (state, scene.model, scene.session)))
    return plain.one_line(full, width)
