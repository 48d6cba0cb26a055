"""The inside of `hermes chat`: which session, whose lock, and what is printed before and after."""

import gc
import logging
import os
import secrets
import signal
import sys
import time
from contextlib import suppress
from typing import NoReturn, TextIO

import click
import trio
from attrs import frozen

from actors.assembly import Program
from actors.chat import Parting, Reply, ask, converse
from adapters.terminal import chats, plain
from adapters.terminal.outgoing import Outgoing
from adapters.terminal.query import Query
from hermes.cli.startup import Startup, start_up
from hermes.config.environment import OVERRIDES
from hermes.config.schema import ResumeDisplay
from hermes.events import OutboundKind

log = logging.getLogger(__name__)

# Longest line that is read from the person at a question, in bytes: what the kernel gives at once from a terminal.
LINE_BYTES = 4096

# Exit code for an end by a signal, as shells have it: 128 and the signal's number.
SIGNALLED = 128


@frozen
class Wish:
    """What the command line asks for."""

    resume: bool = False
    name: str | None = None
    """The session to go on with; None: the latest."""
    model: str | None = None
    max_turns: int | None = None
    verbosity: int = 0

    def environment(self) -> dict[str, str]:
        """The process's environment with what the command line sets, so that the same rules hold for both."""
        chosen = {"HERMES_INFERENCE_MODEL": self.model, "HERMES_MAX_ITERATIONS": self.max_turns}
        assert chosen.keys() <= OVERRIDES.keys(), "the variables that stand above the file"
        return {**os.environ, **{name: str(value) for name, value in chosen.items() if value is not None}}


def run_chat(wish: Wish, query: str | None) -> int:
    """Ask ``query``, or chat; returns the exit code.

    Raises ``click.UsageError``, ``ConfigError``, and ``HermesError`` when the session is unknown or open elsewhere.
    """
    text = None if query is None else _question(query)
    # What was imported stays: no collection has to walk through it, neither now nor at the end of the process (60 ms).
    gc.freeze()
    interactive = text is None
    # The prompt owns the terminal: what is logged goes to the files, or above the prompt when it was asked for.
    with start_up(
        gateway=False, verbosity=None if interactive else wish.verbosity, environ=wish.environment()
    ) as startup:
        code = _in_session(wish, startup, text)
    gc.freeze()
    return code


def _in_session(wish: Wish, startup: Startup, text: str | None) -> int:
    from hermes.cli import resume

    now = time.time()
    new = resume.Chosen(chats.mint_account(now, secrets.token_hex(3)))
    chosen = resume.choose(startup.home, wish.name) if wish.resume else new
    with resume.hold(startup.home, chosen.account) as owner:
        resume.make_current(startup.home, chosen, now)
        program = _program(startup, owner)
        if text is not None:
            return _ask(program, chosen.account, text)
        return _converse(program, chosen.account, wish)


def _program(startup: Startup, owner: str) -> Program:
    return Program(
        home=startup.home,
        settings=startup.settings,
        environment=startup.environment,
        redactor=startup.redactor,
        owner=owner,
        gateway=False,
    )


def _question(query: str) -> str:
    """The text of the question. Bytes that are no UTF-8 are replaced."""
    if query == "-":
        text = sys.stdin.buffer.read(4 * chats.MAX_TYPED + 1).decode("utf-8", "replace")
    else:
        text = os.fsencode(query).decode("utf-8", "replace")
    text = text.strip()
    if not text:
        raise click.UsageError("the question is empty")
    if len(text) > chats.MAX_TYPED:
        raise click.UsageError(f"the question is too long: at most {chats.MAX_TYPED} characters are taken")
    return text


def _ask(program: Program, account: str, text: str) -> int:
    outgoing = Outgoing()
    event = chats.typed(account, text, event_id=f"query-{secrets.token_hex(8)}", now=time.time())
    somebody = _is_terminal(sys.stdin) and _is_terminal(sys.stderr)
    query = Query(event, outgoing, _say, _read_line if somebody else None)
    reply = trio.run(ask, program, account, query, outgoing)
    return _print(reply, account)


def _print(reply: Reply, account: str) -> int:
    if reply.message is None:
        _say(f"left without the answer; `hermes chat --resume {account}` goes on with it")
    elif reply.failed and reply.message.kind is OutboundKind.NOTICE:
        _say(plain.harmless(reply.message.text))
    else:
        text = reply.message.text
        # A pipe gets the answer as it is: click would take escape sequences out of it.
        click.echo(plain.harmless(text) if _is_terminal(sys.stdout) else text, color=True)
    return SIGNALLED + reply.signal if reply.signal else int(reply.failed)


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty()


def _say(line: str) -> None:
    """Beside the answer, which is not lost because nobody reads this, or its disk is full."""
    with suppress(OSError):
        click.echo(f"hermes: {line}", err=True)


async def _read_line() -> str:
    """A line of the terminal, which the kernel hands over whole; empty at its end."""
    await trio.lowlevel.wait_readable(sys.stdin)
    return os.read(sys.stdin.fileno(), LINE_BYTES).decode("utf-8", "replace")


def _converse(program: Program, account: str, wish: Wish) -> int:
    from adapters.terminal.front import Front
    from adapters.terminal.history import HistoryFile
    from adapters.terminal.loglines import shown
    from adapters.terminal.scene import Scene
    from adapters.terminal.screen import TerminalScreen, wants_colour

    history = HistoryFile(program.home.history_file, program.home.file_mode, program.redactor.redact)
    settings = program.settings
    screen = TerminalScreen(history, Scene(account, settings.model.default), _end_process, wants_colour(os.environ))
    show_history = settings.display.resume_display is ResumeDisplay.FULL
    front = Front(account, screen, show_history, settings.display.streaming)
    with shown(screen, program.redactor.redact, wish.verbosity):
        parting = trio.run(converse, program, account, front)
    _say_goodbye(parting)
    return SIGNALLED + parting.signal if parting.signal else 0


def _end_process() -> NoReturn:
    """The terminal takes nothing more and a signal ends us: what is under way is in the journal, as after a crash."""
    log.critical("the terminal is stuck: the process ends without it")
    logging.shutdown()
    os._exit(SIGNALLED + signal.SIGTERM)


def _say_goodbye(parting: Parting) -> None:
    lines = [f"not sent: {plain.one_line(text, 200)}" for text in parting.unsent]
    if parting.unfinished:
        lines.append("the answer is not finished: it goes on with `hermes chat --continue`")
    if parting.session_id:
        lines.append(f"hermes chat --resume {parting.session_id}")
    try:
        for line in lines:
            click.echo(line)
    except OSError:
        return  # the terminal is gone, and nobody reads this
