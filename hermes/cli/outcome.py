"""How a command ends: one line for a person, and an exit code for a script.

    0    done
    1    failed, or a bug of ours (with its traceback, redacted)
    2    used wrongly (click says how)
    75   restart me
    78   the configuration is wrong: one line for each problem
    130  interrupted by the keyboard
    141  whoever read our output went away

Nothing is imported here before it is needed: most commands end well.
"""

import os
import select
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TextIO

import click

FAILED = 1
CONFIGURATION = 78
INTERRUPTED = 130
READER_GONE = 141


@contextmanager
def reported() -> Generator[None]:
    """Turns whatever the block raises into lines on standard error and ``click.exceptions.Exit``.

    click's own exceptions and ``SystemExit`` pass. Output is flushed inside, so that a failure to write is seen.
    """
    try:
        try:
            yield
        finally:
            _flush_output()
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except BrokenPipeError as error:
        if not _reader_is_gone():
            raise _ended(_bug(error)) from None
        _forget_output()
        raise _ended(READER_GONE) from None
    except (KeyboardInterrupt, Exception, BaseExceptionGroup) as error:
        raise _ended(_report(error)) from None


def _ended(code: int) -> click.exceptions.Exit:
    return click.exceptions.Exit(code)


def _report(error: BaseException) -> int:
    """Tell what happened; the exit code."""
    from hermes.errors import ConfigError, HermesError, leaves

    found = list(leaves(error))
    if any(isinstance(leaf, KeyboardInterrupt) for leaf in found):
        return INTERRUPTED
    if any(isinstance(leaf, OSError) and leaf.errno is not None and _output_is_full(leaf) for leaf in found):
        _forget_output()
        _say(f"the output cannot be written: {found[0]}")
        return FAILED
    if not all(isinstance(leaf, HermesError) for leaf in found):
        return _bug(error)
    for line in _lines(found):
        _say_redacted(line)
    return CONFIGURATION if all(isinstance(leaf, ConfigError) for leaf in found) else FAILED


def _lines(errors: list[BaseException]) -> Iterator[str]:
    """Each line once: several parts of the program may stumble over one thing."""
    yield from dict.fromkeys(line for error in errors for line in (str(error) or type(error).__name__).splitlines())


def _say_redacted(line: str) -> None:
    from hermes.redact import redact

    _say(redact(line))


def _bug(error: BaseException) -> int:
    import traceback

    from hermes.redact import redact

    click.echo(redact("".join(traceback.format_exception(error))), err=True, nl=False)
    _say("this is a bug of Hermes: nobody asked for this end")
    return FAILED


def _say(line: str) -> None:
    click.echo(f"hermes: {line}", err=True)


def _output_is_full(error: OSError) -> bool:
    import errno

    return error.errno == errno.ENOSPC and error.filename is None


def _reader_is_gone() -> bool:
    """A broken pipe may as well be one of ours to a child or a peer; poll(2) tells which."""
    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))


def _flush_output() -> None:
    """A program that was started without a standard output has none to flush."""
    output: TextIO | None = sys.stdout
    if output is not None:
        output.flush()


def _forget_output() -> None:
    """What is still buffered must not fail once more when the interpreter ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
