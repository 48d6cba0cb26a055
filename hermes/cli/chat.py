"""`hermes chat`: talk to the agent in this terminal, or ask it one question."""

import gc
import sys
from typing import NoReturn

import click

from hermes import lean_attrs


@click.command()
@click.option(
    "-q",
    "--query",
    metavar="TEXT",
    help="Ask one question, print the answer and leave; - reads it from standard input.",
)
@click.option("-Q", "--quiet", is_flag=True, help="Print no warnings beside the answer.")
@click.option(
    "-r", "--resume", metavar="ID", help="Go on with a session, by its id, the beginning of it, or its title."
)
@click.option(
    "-c",
    "--continue",
    "last",
    metavar="[NAME]",
    is_flag=False,
    flag_value="",
    help="Go on with the latest session, or with NAME.",
)
@click.option("-m", "--model", metavar="NAME", help="Use this model instead of the configured one.")
@click.option(
    "--max-turns", type=click.IntRange(min=1), metavar="N", help="Let one message cause at most N calls of the model."
)
@click.option("-v", "--verbose", count=True, help="Show what is logged; twice for all of it.")
def chat(
    query: str | None,
    quiet: bool,
    resume: str | None,
    last: str | None,
    model: str | None,
    max_turns: int | None,
    verbose: int,
) -> NoReturn:
    """Talk to the agent in this terminal.

    Enter sends, Alt-Enter makes a new line, Ctrl-C stops what runs, Ctrl-D leaves. /help lists the commands.
    """
    with lean_attrs.installed("chat"):
        # Importing makes thousands of objects and no garbage: looking for some costs an eighth of the start.
        gc.disable()
        try:
            from hermes.cli.run_chat import Wish, run_chat
        finally:
            gc.enable()

        if resume is not None and last is not None:
            raise click.UsageError("--resume and --continue exclude each other")
        if query is None and not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise click.UsageError("this is no terminal to chat in: ask one question with -q TEXT, or -q - to read it")
        wish = Wish(
            resume=resume is not None or last is not None,
            name=resume or last or None,
            model=model,
            max_turns=max_turns,
            verbosity=-1 if quiet else verbose,
        )
        code = run_chat(wish, query)
    sys.exit(code)
