"""Ends of children, read: what was the child's own failure, what has to go on upwards, and the errors of the runtime.

Cancellation is never part of a failure: a group that mixes ``trio.Cancelled`` with errors is split, the errors are
the child's, and the cancellation returns to the scope that asked for it. ``KeyboardInterrupt`` and ``SystemExit`` are
nobody's failure: they end the tree and come out of the root's ``run``.
"""

from collections.abc import Callable
from typing import cast

import trio
from attrs import frozen

from hermes.errors import HermesError, fold, leaves

# One line of a log or a status: longer texts hide the next line.
REASON_LENGTH = 500


class EndedUnasked(HermesError):
    """A permanent child returned although nobody had asked it to end."""


class IntensityExceeded(HermesError):
    """A core child failed too often: its supervisor cannot do its work and fails in turn."""


class ChildStuck(HermesError):
    """A core child ignored its cancellation beyond its grace: no second one may be started beside it."""


class StrayCancellation(HermesError):
    """A child raised a ``trio.Cancelled`` of a scope that does not reach out to its supervisor."""


@frozen
class Parts:
    """One raised exception, taken apart."""

    failure: Exception | None
    interrupt: BaseException | None
    """What ends the whole program: ``KeyboardInterrupt``, ``SystemExit`` and their like."""
    onward: BaseException | None
    """What is left for the cancel scopes outside."""


def take_apart(raised: BaseException) -> Parts:
    """Split what came out of a child. Groups of errors come back folded to one error of the tree."""
    errors, rest = _split(raised)
    apart = () if rest is None else leaves(rest)
    interrupt = next((leaf for leaf in apart if not isinstance(leaf, trio.Cancelled)), None)
    return Parts(
        failure=None if errors is None else fold(errors),
        interrupt=interrupt,
        onward=None if interrupt is not None else rest,
    )


def blame(cause: Exception | None, failure: Exception | None) -> Exception | None:
    """One failure of a child that was cut off for ``cause`` and raised ``failure`` on its way out; either may lack."""
    if cause is not None and failure is not None:
        return fold(ExceptionGroup("cut off, and failed in its cleanup", [cause, failure]))
    return cause or failure


def describe(error: BaseException, redact: Callable[[str], str]) -> str:
    """Type and message in one redacted line of at most ``REASON_LENGTH`` characters. Never raises an ``Exception``."""
    return one_line(f"{type(error).__name__}: {_text(error)}", redact)


def one_line(text: str, redact: Callable[[str], str]) -> str:
    """``text`` redacted, then brought to one line and cut. A redactor that fails withholds the whole text."""
    try:
        text = redact(text)
    except Exception as broken:
        text = f"(withheld: the redactor failed with {type(broken).__name__})"
    line = " ".join(text.split())
    return line if len(line) <= REASON_LENGTH else line[: REASON_LENGTH - 1] + "…"


def _split(raised: BaseException) -> tuple[Exception | None, BaseException | None]:
    if isinstance(raised, Exception):
        return raised, None
    if isinstance(raised, BaseExceptionGroup):
        group = cast(BaseExceptionGroup[BaseException], raised)
        return group.split(Exception)
    return None, raised


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:
        return f"(its text failed with {type(broken).__name__})"
