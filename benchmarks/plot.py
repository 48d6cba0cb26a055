"""The figures as bars in an SVG, one small group a figure, each on a scale of its own. Pure."""

from collections.abc import Sequence
from html import escape

from benchmarks.figures import FIGURES, Samples
from benchmarks.report import shown

_WIDTH, _LABEL, _BAR = 860, 330, 13
_GAP = 12
_COLOURS = ("#2a6fdb", "#b9b9b9", "#8a8a8a", "#5a5a5a")


def plot(samples: Samples, names: Sequence[str]) -> str:
    """``names`` in the order of their bars; ours is the first."""
    parts: list[str] = []
    height = 30
    for number, name in enumerate(names):
        left = 10 + number * 180
        parts.append(f'<rect x="{left}" y="8" width="12" height="12" fill="{_COLOURS[number]}"/>')
        parts.append(f'<text x="{left + 18}" y="18">{escape(name)}</text>')
    for figure in FIGURES:
        values = [samples.median(figure.key, name) for name in names]
        known = [value for value in values if value is not None]
        if len(known) < 2:
            continue
        parts.append(f'<text x="10" y="{height + _BAR}">{escape(figure.title.replace("`", ""))}</text>')
        for number, value in enumerate(values):
            if value is not None:
                length = value / (max(known) or 1) * (_WIDTH - _LABEL - 110)
                bar = f'<rect x="{_LABEL}" y="{height}" width="{length:.1f}" height="{_BAR - 2}"'
                parts.append(f'{bar} fill="{_COLOURS[number]}"/>')
                parts.append(
                    f'<text x="{_LABEL + length + 6:.1f}" y="{height + _BAR - 3}">{shown(figure, value)}</text>'
                )
                height += _BAR
        height += _GAP
    style = '<style>text{font:11px sans-serif;fill:#333}</style><rect width="100%" height="100%" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}">{style}{"".join(parts)}</svg>\n'
