"""Makes the output of a command fit for a model: no terminal sequences, no secrets, bounded."""

from hermes.redact import Redactor
from hermes.tools.danger.normalise import strip_control, strip_terminal

OUTPUT_CHARACTERS = 50_000
"""Enough to see what a build or a test run said; more only pushes the conversation out of the model's context."""

_HEAD_SHARE = 0.4
"""The end tells how it went, the beginning what it was; the middle is missed least."""


def presentable(text: str, redactor: Redactor) -> str:
    """``text`` cleaned, redacted, and then cut: a secret across the cut is found before it is split."""
    return cut_middle(redactor.redact(clean(text)))


def clean(text: str) -> str:
    """Without sequences that steer a terminal; of a line that was written over, its last state."""
    lines = strip_terminal(text).split("\n")
    return "\n".join(strip_control(_last_state(line)) for line in lines).strip("\n")


def _last_state(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


def cut_middle(text: str, limit: int = OUTPUT_CHARACTERS) -> str:
    """At most ``limit`` characters of ``text``: 40 % head, 60 % tail, and a line between that tells what is missing."""
    if len(text) <= limit:
        return text
    head = int(limit * _HEAD_SHARE)
    tail = limit - head
    return f"{text[:head]}\n[... {len(text) - limit:,} characters left out ...]\n{text[-tail:]}"
