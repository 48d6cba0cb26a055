"""Starts and ends child processes, for tools and MCP servers alike: nothing that a child started outlives its owner.

The gateway asks a small host process (``hermes.process.keeper``), which forks a guardian for each child. The guardian
ends everything that came from its child when the child ends, when it is asked to, and when the gateway, the child's
owner or the host is gone, however they went. What is promised, and how it is kept: docs/adr/0011-child-processes.md.

    async with ProcessHost() as host:
        done = await run(host, Command(("ls", "-l"), env=filtered_environment(os.environ)), timeout=30)
"""

from hermes.process.child import Exit, Process
from hermes.process.command import Command, Stdin, TerminalSize, filtered_environment
from hermes.process.errors import OutcomeUnknown, SpawnError
from hermes.process.host import GRACE_SECONDS, ProcessHost
from hermes.process.output import OUTPUT_BYTES, BoundedOutput
from hermes.process.run import Completed, run

__all__ = [
    "GRACE_SECONDS",
    "OUTPUT_BYTES",
    "BoundedOutput",
    "Command",
    "Completed",
    "Exit",
    "OutcomeUnknown",
    "Process",
    "ProcessHost",
    "SpawnError",
    "Stdin",
    "TerminalSize",
    "filtered_environment",
    "run",
]
