"""The four series over time as an SVG, with faults as bands and kills as lines. Pure."""

from collections.abc import Iterator

from benchmarks.soak.plan import window
from benchmarks.soak.rules import SERIES
from benchmarks.soak.trace import Trace

_WIDTH, _LEFT, _RIGHT, _TOP = 900, 90, 20, 30
_TALL, _GAP = 110, 30
_COLOURS = {"bot_api": "#f2c27a", "model": "#a9c7ec"}
_KILL, _EDGE = "#c0392b", "#555"
_STYLE = '<style>text{font:11px sans-serif;fill:#333}</style><rect width="100%" height="100%" fill="#fff"/>'


def plot(trace: Trace) -> str:
    """The whole file."""
    height = _TOP + len(SERIES) * (_TALL + _GAP) + 20
    parts = [*_legend()]
    for number, name in enumerate(SERIES):
        parts += _chart(trace, name, _TOP + number * (_TALL + _GAP))
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}">{_STYLE}\n{body}\n</svg>\n'


def _legend() -> Iterator[str]:
    words = {_COLOURS["bot_api"]: "Bot API in trouble", _COLOURS["model"]: "model in trouble", _KILL: "SIGKILL"}
    for number, (colour, word) in enumerate({**words, _EDGE: "window"}.items()):
        left = _LEFT + number * 170
        yield f'<rect x="{left}" y="8" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{left + 18}" y="18">{word}</text>'


def _chart(trace: Trace, name: str, top: int) -> Iterator[str]:
    unit, value = SERIES[name]
    most = max([value(reading) for reading in trace.readings], default=0.0) * 1.1 or 1.0

    def x(at: float) -> float:
        return _LEFT + min(1.0, at / trace.seconds) * (_WIDTH - _LEFT - _RIGHT)

    def y(of: float) -> float:
        return top + _TALL * (1 - of / most)

    for span in trace.faults:
        width = max(0.5, x(span.ends) - x(span.begins))
        half = _TALL // 2
        # One above the other, as they may come together.
        upper = top if span.service == "bot_api" else top + half
        colour = _COLOURS.get(span.service, "#ddd")
        yield f'<rect x="{x(span.begins):.1f}" y="{upper}" width="{width:.1f}" height="{half}" fill="{colour}"/>'
    for kill in trace.kills:
        yield _line(x(kill), top, x(kill), top + _TALL, _KILL)
    for edge in window(trace.seconds):
        yield _line(x(edge), top - 4, x(edge), top + _TALL + 4, _EDGE)
    yield _line(_LEFT, top + _TALL, _WIDTH - _RIGHT, top + _TALL, "#999")
    yield f'<text x="8" y="{top + 12}">{name}</text>'
    for shown in (most / 1.1, 0.0):
        yield f'<text x="{_LEFT - 6}" y="{y(shown) + 4:.1f}" text-anchor="end">{shown:.0f} {unit}</text>'
    for life in dict.fromkeys(reading.pid for reading in trace.readings):
        points = " ".join(f"{x(r.at):.1f},{y(value(r)):.1f}" for r in trace.readings if r.pid == life)
        yield f'<polyline points="{points}" fill="none" stroke="#222" stroke-width="1.3"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}" stroke="{colour}"/>'
